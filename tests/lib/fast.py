#!/usr/bin/env python3
"""Connections of a container with --network fast, in all the ways that they are made.

    fast.py serve FILE [ADDRESS…]   on the host: echoes on these addresses, and in capitals on loopback;
                                    writes their ports to FILE, and that of one more on the first of
                                    them, which answers nobody
    fast.py CASE ADDRESS PORT       in the container: prints what came of it

A connection says "host" where its socket is one of the host's, and "own" where it is the container's.
"""
import array
import ctypes
import errno
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
MSG_FASTOPEN = 0x20000000
LOOPBACK = ("127.0.0.1", "::1")
SO_NETNS_COOKIE = 71
IPPROTO_MPTCP = 262


# --- the host's side ---

def serve(path, addresses):
    poll, listeners = select.epoll(), {}
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, 0))
        sock.listen(1024)
        listeners[sock.fileno()] = sock
        poll.register(sock, select.EPOLLIN)
    silent = socket.socket(family_of(addresses[0]))
    silent.bind((addresses[0], 0))
    silent.listen(0)
    waiting = [socket.socket(family_of(addresses[0])) for _ in range(4)]
    for sock in waiting:
        sock.setblocking(False)
        sock.connect_ex(silent.getsockname())
    with open(path + ".new", "w") as out:
        print(*(sock.getsockname()[1] for sock in [*listeners.values(), silent]), file=out)
    os.rename(path + ".new", path)
    connections = {}
    while True:
        for fd, _ in poll.poll():
            if fd in listeners:
                connection, _ = listeners[fd].accept()
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
                continue
            try:
                data = connections[fd].recv(65536)
                inside = connections[fd].getsockname()[0] in LOOPBACK
                connections[fd].sendall(data.upper() if inside else data)
            except OSError:
                data = b""
            if not data:
                poll.unregister(fd)
                connections.pop(fd).close()


# --- the container's ---

def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def cookie(sock):
    return sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)


def whose(sock):
    with socket.socket() as own:
        return "own" if cookie(own) == cookie(sock) else "host"


def echo(sock, text=b"lunch"):
    sock.setblocking(True)
    sock.settimeout(60)
    sock.sendall(text)
    got = b""
    while len(got) < len(text):
        more = sock.recv(65536)
        if not more:
            return "cut off"
        got += more
    return whose(sock) if got == text else "garbled"


def name(error):
    return errno.errorcode.get(error, str(error))


def raw_connect(fd, address):
    """connect(2) of bytes, its errno or 0"""
    buffer = ctypes.create_string_buffer(address, len(address))
    return ctypes.get_errno() if libc.connect(fd, buffer, len(address)) < 0 else 0


def packed(address, port):
    if ":" not in address:
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + \
            socket.inet_aton(address) + bytes(8)
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + \
        socket.inet_pton(socket.AF_INET6, address) + bytes(4)


UNSPEC = struct.pack("=H", socket.AF_UNSPEC) + bytes(14)


def wait_out(sock, seconds=60):
    _, ready, _ = select.select([], [sock], [], seconds)
    return name(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) if ready else "nothing"


def case_blocking(address, port):
    with socket.create_connection((address, port), 60) as sock:
        print(echo(sock))


def case_plain(address, port):
    sock = socket.socket(family_of(address))
    sock.connect((address, port))
    print(echo(sock), sock.getpeername()[0] == address, sock.getsockname()[1] != 0)


def case_mapped(address, port):
    sock = socket.socket(socket.AF_INET6)
    sock.connect(("::ffff:" + address, port))
    print(echo(sock), sock.getpeername()[0])


def case_refused(address, port):
    """and then the same socket where it is answered, and inside"""
    sock = socket.socket()
    with socket.socket() as closed:
        closed.bind(("", 0))
        nobody = closed.getsockname()[1]
    print(name(raw_connect(sock.fileno(), packed(address, 1))), whose(sock))
    print(name(raw_connect(sock.fileno(), packed("127.0.0.1", nobody))), whose(sock))
    sock.connect((address, port))
    print(echo(sock), name(raw_connect(sock.fileno(), packed(address, port))))


def case_nonblocking(address, port):
    sock = socket.socket()
    sock.setblocking(False)
    print(name(sock.connect_ex((address, port))), wait_out(sock),
          name(raw_connect(sock.fileno(), packed(address, port))))
    print(os.get_blocking(sock.fileno()), os.get_inheritable(sock.fileno()), echo(sock))
    sock = socket.socket()
    sock.setblocking(False)
    os.set_inheritable(sock.fileno(), True)
    sock.connect_ex((address, 1))
    print(wait_out(sock), os.get_inheritable(sock.fileno()))
    # And now inside, by the same socket, and outside again.
    inner = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(True)
    sock.connect(inner.getsockname())
    print(whose(sock), inner.accept()[1] == sock.getsockname())


def case_options(address, port):
    sock = socket.socket()
    wanted = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77), (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 9999),
        (socket.IPPROTO_IP, socket.IP_TOS, 16), (socket.SOL_SOCKET, socket.SO_RCVBUF, 40000),
    ]
    for level, option, value in wanted:
        sock.setsockopt(level, option, value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 7))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
    before = [sock.getsockopt(level, option) for level, option, _ in wanted]
    sock.connect((address, port))
    print(whose(sock), before == [sock.getsockopt(level, option) for level, option, _ in wanted],
          struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)),
          struct.unpack("ll", sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)))


def bound(address, port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with socket.socket() as free:
        free.bind(("", 0))
        own = free.getsockname()[1]
    sock.bind(("", own))
    sock.connect((address, port))
    return echo(sock), sock.getsockname()[1] == own


def case_bound(address, port):
    """a port that is free here may not be on the host, whose other users' connections have some"""
    found = ("", False)
    for _ in range(50):
        found = found if found[1] else bound(address, port)
    print(*found)


def case_epoll(address, port):
    """in the set before it is connected, level- and edge-triggered, under two numbers"""
    for flags in 0, select.EPOLLET:
        sock = socket.socket()
        sock.setblocking(False)
        other = os.dup(sock.fileno())
        first, second = select.epoll(), select.epoll()
        first.register(sock, select.EPOLLOUT | select.EPOLLIN | flags)
        second.register(other, select.EPOLLOUT | flags)
        sock.connect_ex((address, port))
        end = time.time() + 60
        while sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01" and time.time() < end:
            first.poll(1)
        print(whose(sock), [fd == sock.fileno() and event & select.EPOLLOUT != 0
                            for fd, event in first.poll(10)][:1],
              [fd == other for fd, _ in second.poll(10)][:1])
        sock.send(b"x")
        events = 0
        while not events & select.EPOLLIN:
            events = dict(first.poll(10))[sock.fileno()]
        first.modify(sock, select.EPOLLIN)
        second.unregister(other)
        print(os.read(other, 10), second.poll(0), first.poll(0))


def case_forgotten(address, port):
    """what was in the socket's place is closed, wherever it was, before connect returns"""
    stale = 0
    for blocking in [False, True] * 200:
        with socket.socket() as sock, select.epoll() as poll:
            sock.setblocking(blocking)
            poll.register(sock, select.EPOLLIN)
            sock.connect_ex((address, port))
            stale += any(event & select.EPOLLHUP for _, event in poll.poll(0))
    print(stale)


def case_dup(address, port):
    sock = socket.socket()
    number = os.dup(sock.fileno())
    os.set_inheritable(number, True)
    sock.connect((address, port))
    twin = socket.socket(fileno=number)
    print(whose(sock), echo(twin), os.get_inheritable(number), os.get_inheritable(sock.fileno()))


def case_inherited(address, port):
    """one that the parent has, too: it has to see what becomes of it"""
    sock = socket.socket()
    if os.fork() == 0:
        sock.connect((address, port))
        os._exit(0)
    os.wait()
    print(echo(sock))


def case_fork(address, port):
    """connections of children, and one that is handed down"""
    sock = socket.create_connection((address, port), 60)
    for _ in range(4):
        if os.fork() == 0:
            with socket.create_connection((address, port), 60) as own:
                os._exit(echo(own) != "host")
    print([os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(4)])
    if os.fork() == 0:
        os._exit(echo(sock) != "host")
    print(os.waitstatus_to_exitcode(os.wait()[1]))


def case_threads(address, port):
    found = []

    def connect():
        for _ in range(10):
            with socket.create_connection((address, port), 60) as sock:
                found.append(echo(sock))
    threads = [threading.Thread(target=connect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(found), set(found))


def case_by_hand(address, port):
    """what is not outward, of a process with threads: TCP inside, UDP, Unix sockets"""
    stop = threading.Event()
    threading.Thread(target=stop.wait, daemon=True).start()
    inner = socket.create_server(("127.0.0.1", 0))
    sock = socket.create_connection(inner.getsockname())
    print("tcp", whose(sock), inner.accept()[1] == sock.getsockname(), sock.gettimeout())
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    sock = socket.socket()
    print("refused", name(raw_connect(sock.fileno(), packed(*closed.getsockname()))))
    sock.connect(inner.getsockname())
    print("again", whose(sock), os.get_blocking(sock.fileno()))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 0))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(datagrams.getsockname())
    sock.send(b"udp")
    print(datagrams.recv(10))
    os.chdir("/tmp")
    for path in "/tmp/absolute", "relative", "\0abstract":
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        there = server.accept()[0]
        _, uid, gid = struct.unpack("3i", there.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        sock.sendall(b"unix")
        print(there.recv(10), uid == os.getuid(), gid == os.getgid())
    sock = socket.socket(socket.AF_UNIX)
    for path in "/nowhere", "/tmp", "/tmp/secret/socket":
        print(name(sock.connect_ex(path)))
    print(name(raw_connect(500, UNSPEC)), name(raw_connect(1, UNSPEC)), name(raw_connect(sock.fileno(), b"x")))


def case_signal(address, port):
    """a call that is interrupted: with SA_RESTART, and without"""
    caught = []
    signal.signal(signal.SIGALRM, lambda *_: caught.append(1))
    blackhole = packed(address, silent_port())
    for restart in True, False:
        signal.siginterrupt(signal.SIGALRM, not restart)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 2 if restart else 60, 0))
        # Again where the call was not yet made.
        signal.setitimer(signal.ITIMER_REAL, 0.5, 0 if restart else 0.5)
        print(name(raw_connect(sock.fileno(), blackhole)))
    signal.setitimer(signal.ITIMER_REAL, 0)
    sock = socket.socket()
    signal.siginterrupt(signal.SIGALRM, False)
    found = {}
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    for _ in range(200):
        sock = socket.socket()
        error = name(raw_connect(sock.fileno(), packed(address, port)))
        found[error] = found.get(error, 0) + 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(found, len(caught) > 10)


def case_shutdown(address, port):
    """of one that connects, from another thread"""
    sock = socket.socket()
    result = []
    thread = threading.Thread(target=lambda: result.append(raw_connect(sock.fileno(), packed(address, silent_port()))))
    thread.start()
    for _ in range(100):
        thread.join(0.5)
        if not thread.is_alive():
            break
        # Again where the call was not yet made.
        libc.shutdown(sock.fileno(), 2)
    print(len(result) == 1 and result[0] != 0, whose(sock))
    sock = socket.create_connection((address, port))
    sock.shutdown(socket.SHUT_WR)
    print(sock.recv(10), whose(sock))


def case_wait_for_silence(address, port):
    """connections that nobody answers, until we are killed"""
    for _ in range(3):
        if os.fork() == 0:
            sock = socket.socket()
            os._exit(raw_connect(sock.fileno(), packed(address, silent_port())))
    os.wait()


def case_full_queues(address, port):
    """callers that were killed while they waited for room in a Unix socket's queue keep nobody out"""
    path, good = "/tmp/full", "/tmp/good"
    full, open_one = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    full.bind(path)
    full.listen(0)
    open_one.bind(good)
    open_one.listen(100)
    fill = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for sock in fill:
        sock.setblocking(False)
        sock.connect_ex(path)
    callers = []
    for _ in range(70):
        pid = os.fork()
        if pid == 0:
            threading.Thread(target=threading.Event().wait, daemon=True).start()
            os._exit(socket.socket(socket.AF_UNIX).connect_ex(path))
        callers.append(pid)
    # The supervisor lets so many wait, and sends the others away.
    away = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(6)]
    print({name(error) for error in away})
    for pid in callers:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    error, end = errno.EAGAIN, time.time() + 60
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    while error == errno.EAGAIN and time.time() < end:
        error = socket.socket(socket.AF_UNIX).connect_ex(good)
        time.sleep(0.1)
    print(name(error))


def case_linger(address, port):
    """who closes a socket last waits for its peer to read: that is not to be the supervisor"""
    def stuffed(deaf):
        sock = socket.create_connection(deaf.getsockname())
        sock.setblocking(False)
        try:
            while True:
                sock.send(bytes(1 << 16))
        except BlockingIOError:
            pass
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
        return sock.detach()

    def ask_to_shut(number):
        while True:
            libc.shutdown(number, 100)

    def ask_who(number):  # which is answered where users are emulated
        while True:
            libc.getsockopt(number, socket.SOL_SOCKET, socket.SO_PEERCRED, None, None)
    for ask in ask_to_shut, ask_who:
        deaf = socket.create_server(("127.0.0.1", 0))
        for _ in range(100):
            pid = os.fork()
            if pid == 0:
                number = stuffed(deaf)
                for _ in range(2):
                    threading.Thread(target=ask, args=(number,), daemon=True).start()
                time.sleep(0.01)
                # Its own descriptors are closed without waiting.
                os.kill(os.getpid(), signal.SIGKILL)
            os.waitpid(pid, 0)
    begin = time.time()
    socket.create_connection((address, port), 60).close()
    print(time.time() - begin < 30)


def case_many(address, port):
    socks = [socket.socket() for _ in range(1000)]
    for sock in socks:
        sock.setblocking(False)
        sock.connect_ex((address, port))
    print(sum(echo(sock) == "host" for sock in socks))


# --- published ports ---

def describe(connection, address):
    with connection:
        connection.settimeout(60)
        connection.recv(10)
        connection.sendall(f"{whose(connection)} {address[0]} {connection.getpeername() == address} "
                           f"{connection.getsockname()[0]}:{connection.getsockname()[1]}".encode())


def serve_one(listener):
    describe(*listener.accept())


TUNED = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, struct.pack("i", 1)),
         (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 7)),
         (socket.SOL_SOCKET, socket.SO_RCVBUF, struct.pack("i", 50000)),
         (socket.IPPROTO_TCP, socket.TCP_NODELAY, struct.pack("i", 1)),
         (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, struct.pack("i", 33)),
         (socket.IPPROTO_IP, socket.IP_TOS, struct.pack("i", 16)))


def tune(listener):
    for level, option, value in TUNED:
        listener.setsockopt(level, option, value)


def tell_tuned(connection):
    with connection:
        connection.settimeout(60)
        connection.recv(10)
        found = (connection.getsockopt(level, option, len(value)).hex() for level, option, value in TUNED)
        connection.sendall(" ".join((whose(connection), *found)).encode())


def case_listen_on(address, port):
    """address says how it waits"""
    dual = address == "dual"
    listener = socket.socket(socket.AF_INET6 if dual else socket.AF_INET, socket.SOCK_STREAM,
                             IPPROTO_MPTCP if address == "multipath" else 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, address == "reuseport")
    listener.bind(("", port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 200 if address == "deferred" else 0)
    listener.listen(100)
    if address == "tuned":
        tune(listener)
    print("ready", flush=True)
    while address == "tuned":
        tell_tuned(listener.accept()[0])
    if address == "epoll":
        listener.setblocking(False)
        poll = select.epoll()
        poll.register(listener, select.EPOLLIN | select.EPOLLET)
        while poll.poll():
            try:
                while True:
                    serve_one(listener)
            except BlockingIOError:
                pass
    if address == "threads":
        for _ in range(4):
            threading.Thread(target=lambda: [serve_one(listener) for _ in range(10000)]).start()
    if address == "workers":
        for _ in range(4):
            if os.fork() == 0:
                break
    if address == "once":
        serve_one(listener)
        sys.exit()
    if address == "reuseport":
        another = socket.socket()
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        another.bind(("", port))
        another.listen(100)
        while True:
            for one in select.select([listener, another], [], [])[0]:
                serve_one(one)
    while True:
        serve_one(listener)


def ask(address, port):
    with socket.create_connection((address, port), 60) as sock:
        sock.settimeout(60)
        sock.sendall(b"x")
        return sock.recv(100).decode()


def case_ask(address, port):
    print(ask(address, port))


def case_ask_many(address, port):
    found = {}
    socks = [socket.create_connection((address, port), 60) for _ in range(100)]
    for sock in socks:
        sock.sendall(b"x")
    for sock in socks:
        sock.settimeout(60)
        text = sock.recv(100).decode()
        found[text] = found.get(text, 0) + 1
    print(found)


# --- what must not be reached ---

def reached(sock, attempts):
    """of ports that answer on the host's loopback: by this socket, in any of these ways"""
    for attempt in attempts:
        try:
            attempt(sock)
            sock.settimeout(1)
            sock.sendall(b"secret")
            if sock.recv(10).isupper():
                return True
        except OSError:
            pass
    return False


def case_forbidden(address, port):
    """plainly: all that may be called the host's loopback"""
    for text in address.split(","):
        sock = socket.socket(family_of(text))
        sock.settimeout(3)
        print(text, reached(sock, [lambda s: s.connect((text, port))]))


def failed_one(address):
    """a socket of the host's whose connection has failed"""
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((address, 1))
    select.select([], [sock], [], 60)
    return sock


def silent_port():
    return int(os.environ["SILENT_PORT"])


def loopback_port():
    return int(os.environ["LOOPBACK_PORT"])


def case_escape(address, port):
    """by a socket of the host's: what else a program can do with it"""
    inside = ("127.0.0.1", loopback_port())

    def connected():
        return socket.create_connection((address, port), 60)

    def failed():
        return failed_one(address)

    def by_connect(sock):
        raw_connect(sock.fileno(), UNSPEC)
        sock.connect(inside)

    def by_two(sock):
        for _ in range(3):
            raw_connect(sock.fileno(), packed(*inside))

    def by_fastopen(sock):
        for _ in range(3):
            try:
                sock.sendto(b"x", MSG_FASTOPEN, inside)
            except OSError:
                pass

    def by_sendmsg(sock):
        for _ in range(3):
            try:
                sock.sendmsg([b"x"], [], MSG_FASTOPEN, inside)
            except OSError:
                pass

    def by_fastopen_connect(sock):
        sock.setsockopt(socket.IPPROTO_TCP, 30, 1)
        sock.connect(inside)

    def by_shutdown(sock):
        sock.shutdown(socket.SHUT_RDWR)
        raw_connect(sock.fileno(), UNSPEC)
        sock.connect(inside)

    def by_device(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        sock.connect(inside)

    for make in connected, failed:
        for way in by_connect, by_two, by_fastopen, by_sendmsg, by_fastopen_connect, by_shutdown, by_device:
            with make() as sock:
                print(make.__name__, way.__name__, whose(sock), reached(sock, [way]))

    def mapped(sock):
        sock.connect(("::ffff:127.0.0.1", inside[1]))
    with socket.socket(socket.AF_INET6) as sock:
        print("mapped", reached(sock, [mapped]))
    with socket.create_connection(("::ffff:" + address, port)) as sock:
        # IPV6_ADDRFORM
        sock.setsockopt(socket.IPPROTO_IPV6, 1, socket.AF_INET)
        print("addrform", whose(sock), reached(sock, [by_connect]))


def giver():
    return os.environ.get("GIVER", "\0give")


def case_give(address, port):
    """a socket of the host's, to whoever asks"""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(giver())
    listener.listen()
    while True:
        with listener.accept()[0] as there, failed_one(address) as sock:
            socket.send_fds(there, [b"x"], [sock.fileno()])


def case_take(address, port):
    """and what the other one, who may be supervised by nobody, can do with it"""
    inside = ("127.0.0.1", loopback_port())

    def by_connect(sock):
        raw_connect(sock.fileno(), UNSPEC)
        sock.connect(inside)

    def by_two(sock):
        for _ in range(3):
            raw_connect(sock.fileno(), packed(*inside))
    for way in by_connect, by_two:
        with socket.socket(socket.AF_UNIX) as there:
            there.connect(giver())
            sock = socket.socket(fileno=socket.recv_fds(there, 10, 1)[1][0])
        print(way.__name__, whose(sock), reached(sock, [way]))


def case_listen(address, port):
    """nor does one of the host's listen, or take a port"""
    sock = failed_one(address)
    print(whose(sock), name(0 if libc.bind(sock.fileno(), packed("0.0.0.0", 0), 16) == 0 else ctypes.get_errno()),
          name(0 if libc.listen(sock.fileno(), 5) == 0 else ctypes.get_errno()))
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((address, silent_port()))
    before = whose(sock)
    libc.shutdown(sock.fileno(), 2)
    print(before, whose(sock))
    sock.listen(5)
    print(whose(sock))
    sock = socket.create_connection((address, port), 60)
    raw_connect(sock.fileno(), UNSPEC)
    sock.listen(5)
    print(whose(sock))
    print(name(0 if libc.syscall(56, 0x400 | 17, 0, 0, 0, 0) >= 0 else ctypes.get_errno()))


def case_race_address(address, port):
    """the address is another one by the time that the kernel would look"""
    good = packed(address, port)
    bad = packed("127.0.0.1", loopback_port())
    buffer = (ctypes.c_char * 16).from_buffer(bytearray(good))
    stop = []

    def flip():
        while not stop:
            ctypes.memmove(buffer, bad, 16)
            ctypes.memmove(buffer, good, 16)
    threads = [threading.Thread(target=flip) for _ in range(2)]
    for thread in threads:
        thread.start()
    wrong = right = 0
    for _ in range(int(os.environ.get("ROUNDS", "1000"))):
        with socket.socket() as sock:
            if libc.connect(sock.fileno(), buffer, 16) < 0:
                continue
            peer = sock.getpeername()[0]
            wrong += peer == "127.0.0.1"
            right += peer == address
    stop.append(1)
    for thread in threads:
        thread.join()
    print("wrong", wrong, "right", right > 0)


def case_race_descriptor(address, port):
    """the call goes on for a Unix socket, and finds one of the host's under its number"""
    good = struct.pack("=H", socket.AF_UNIX) + b"/nowhere".ljust(14, b"\0")
    bad = packed("127.0.0.1", loopback_port())
    buffer = (ctypes.c_char * 16).from_buffer(bytearray(good))
    wrong, stop = 0, []
    harmless = socket.socket(socket.AF_UNIX)
    target = os.dup(harmless.fileno())
    hosts = failed_one(address)

    def flip():
        while not stop:
            libc.dup2(hosts.fileno(), target)
            ctypes.memmove(buffer, bad, 16)
            libc.dup2(harmless.fileno(), target)
            ctypes.memmove(buffer, good, 16)
    thread = threading.Thread(target=flip)
    thread.start()
    for _ in range(int(os.environ.get("ROUNDS", "1000"))):
        libc.connect(target, buffer, 16)
        try:
            wrong += hosts.getpeername()[0] == "127.0.0.1"
        except OSError:
            pass
        if whose(hosts) != "host":
            hosts = failed_one(address)
    stop.append(1)
    thread.join()
    print("wrong", wrong)


if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3:])
else:
    globals()["case_" + sys.argv[1]](sys.argv[2], int(sys.argv[3]))
