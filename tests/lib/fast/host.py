"""The host's side: what the container connects to."""
import os
import select
import socket

from common import family_of

LOOPBACK = ("127.0.0.1", "::1")


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
