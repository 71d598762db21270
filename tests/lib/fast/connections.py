"""Connections of the container, outward and inside, in all the ways that they are made."""
import errno
import os
import resource
import select
import signal
import socket
import struct
import threading
import time

from common import (UNSPEC, echo, family_of, libc, name, packed,
                    raw_connect, silent_port, wait_out, whose)


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
          name(raw_connect(sock.fileno(), packed(address, port))),
          name(raw_connect(sock.fileno(), packed(address, port))))
    print(os.get_blocking(sock.fileno()), os.get_inheritable(sock.fileno()), echo(sock))
    sock = socket.socket()
    sock.setblocking(False)
    os.set_inheritable(sock.fileno(), True)
    sock.connect_ex((address, 1))
    print(wait_out(sock), os.get_inheritable(sock.fileno()))
    # And now inside, by the same socket, once it has said that it failed.
    inner = socket.create_server(("127.0.0.1", 0))
    print(name(raw_connect(sock.fileno(), packed(*inner.getsockname()))))
    sock.setblocking(True)
    sock.connect(inner.getsockname())
    print(whose(sock), inner.accept()[1] == sock.getsockname())


def case_again(address, port):
    """connect(2) of a socket that has a past: as the kernel has it"""
    def called(sock, *addresses):
        print(*(name(raw_connect(sock.fileno(), packed(*a))) for a in addresses))
    there, refused, silent = (address, port), (address, 1), (address, silent_port())
    called(socket.socket(), there, there)
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(refused)
    select.select([], [sock], [], 60)
    called(sock, there, there)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 100000))
    called(sock, silent, there)
    # What is over is no new one.
    sock = socket.create_connection(there)
    sock.shutdown(socket.SHUT_RDWR)
    while sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x07":
        time.sleep(0.01)
    called(sock, there)
    # A child has one of the parent's on its way inside, which fails; the parent hears of it.
    sock = socket.socket()
    sock.setblocking(False)
    if os.fork() == 0:
        sock.connect_ex(("127.0.0.1", 1))
        os._exit(0)
    os.wait()
    called(sock, there, there)
    # By hand.
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    inner = socket.create_server(("127.0.0.1", 0))
    called(socket.socket(), inner.getsockname(), inner.getsockname())
    sock = socket.socket()
    libc.shutdown(sock.fileno(), 2)
    called(sock, ("127.0.0.1", 1))


def case_retry(address, port):
    """a socket that has failed can be connected again, however many there were"""
    found = set()
    for _ in range(100):
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.connect_ex((address, 1))
            select.select([], [sock], [])
            failed = name(raw_connect(sock.fileno(), packed(address, 1)))
            sock.setblocking(True)
            found.add((failed, name(raw_connect(sock.fileno(), packed(address, port)))))
    print(*found)


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


def case_bound(address, port):
    """a port that is bound here, and none that the kernel would choose, is nobody's on the host"""
    with socket.socket() as sock:
        sock.bind(("", 1234))
        sock.connect((address, port))
        print(echo(sock), sock.getsockname()[1] == 1234)


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


def case_epoll_quiet(address, port):
    """nothing is told of what was in the socket's place: nor twice (EPOLLONESHOT), nor while a call waits"""
    sock, poll = socket.socket(), select.epoll()
    sock.setblocking(False)
    poll.register(sock, select.EPOLLOUT | select.EPOLLONESHOT)
    told = len(poll.poll(0))
    sock.connect_ex((address, 1))
    print(told, wait_out(sock), poll.poll(0))
    sock, poll = socket.socket(), select.epoll()
    poll.register(sock, select.EPOLLOUT)
    thread = threading.Thread(target=raw_connect, args=(sock.fileno(), packed(address, silent_port())))
    thread.start()
    end = time.time() + 60
    while poll.poll(0) and time.time() < end:
        time.sleep(0.01)
    print(whose(sock), poll.poll(0))
    while thread.is_alive():
        libc.shutdown(sock.fileno(), 2)
        thread.join(0.5)


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
    found, end, rounds = set(), time.time() + 60, 0
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while (rounds < 200 or len(caught) <= 10) and time.time() < end:
        sock = socket.socket()
        found.add(name(raw_connect(sock.fileno(), packed(address, port))))
        rounds += 1
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
    kept = [full_queues(seconds) for seconds in (0, 3600)]
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 1, 100000))
        begin = time.time()
        print(name(sock.connect_ex(kept[1].getsockname())), time.time() - begin >= 1)


def full_queues(seconds):
    path, good = f"/tmp/full{seconds}", f"/tmp/good{seconds}"
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
            sock = socket.socket(socket.AF_UNIX)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", seconds, 0))
            os._exit(sock.connect_ex(path))
        callers.append(pid)
    # The supervisor lets so many wait, and sends the others away.
    away = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(6)]
    print({name(error) for error in away})
    for pid in callers:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for _ in callers[len(away):]:
        os.wait()
    error, end = errno.EAGAIN, time.time() + 60
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    while error == errno.EAGAIN and time.time() < end:
        error = socket.socket(socket.AF_UNIX).connect_ex(good)
        time.sleep(0.1)
    print(name(error))
    return full


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
    print(sum(echo(sock) in ("host", "own") for sock in socks))


def case_crowd(address, port):
    """of a process that has too many descriptors to be looked at, and has fewer again"""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = [os.dup(0) for _ in range(1024)]
    print(echo(socket.create_connection((address, port), 60)))
    for number in many:
        os.close(number)
    print(echo(socket.create_connection((address, port), 60)))
