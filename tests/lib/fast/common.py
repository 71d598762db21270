"""What the cases have in common: sockets, whose they are, and what is made of them."""
import ctypes
import errno
import os
import select
import socket
import struct

libc = ctypes.CDLL(None, use_errno=True)
SO_NETNS_COOKIE = 71


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


def silent_port():
    return int(os.environ["SILENT_PORT"])
