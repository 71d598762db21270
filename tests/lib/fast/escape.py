"""What must not be reached: by sockets of the host's, and by races."""
import ctypes
import os
import select
import socket
import struct
import threading

from common import UNSPEC, family_of, libc, name, packed, raw_connect, silent_port, whose

MSG_FASTOPEN = 0x20000000


def failed_one(address):
    """a socket of the host's whose connection has failed"""
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((address, 1))
    select.select([], [sock], [], 60)
    return sock


def loopback_port():
    return int(os.environ["LOOPBACK_PORT"])


def reached(sock, attempts):
    """of ports that answer on the host's loopback: by this socket, in any of these ways"""
    for attempt in attempts:
        try:
            attempt(sock)
            sock.settimeout(10)
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
