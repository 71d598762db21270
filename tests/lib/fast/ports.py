"""Published ports: who listens in the container, and who asks from outside."""
import ctypes
import os
import select
import socket
import struct
import sys
import threading
import time

from common import libc, name, whose

IPPROTO_MPTCP = 262


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


def accept_late(listener):
    """one whose peer has gone meanwhile"""
    select.select([listener], [], [])
    while not os.path.exists("/tmp/go"):
        time.sleep(0.1)
    print(name(ctypes.get_errno() if libc.accept4(listener.fileno(), None, None, 1) < 0 else 0))
    connection, peer = listener.accept()
    print(whose(connection), peer[0])


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
    if address == "late":
        accept_late(listener)
        sys.exit()
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


def case_reset(address, port):
    with socket.create_connection((address, port), 60) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


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
