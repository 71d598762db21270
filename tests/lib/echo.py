#!/usr/bin/env python3
"""A service to be published, and what asks it.

    echo.py serve PORT…                   in a container: answers on TCP and UDP, IPv4 and IPv6
    echo.py ask tcp|udp ADDRESS PORT TEXT prints the answer; exit status 1 where there is none

An answer is "PROTOCOL PORT from PEER: TEXT", with the peer as the service sees it.
"""
import os
import selectors
import socket
import sys
import threading

SECONDS = int(os.environ.get("ASK_SECONDS", "30"))
MUTE_SECONDS = 60
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def answer(protocol, port, peer, text):
    return f"{protocol} {port} from {peer[0]}: ".encode() + text


def serve(ports):
    threading.stack_size(1 << 16)
    select = selectors.DefaultSelector()
    for port in ports:
        for family in socket.AF_INET, socket.AF_INET6:
            for protocol, kind in KINDS.items():
                sock = socket.socket(family, kind)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(("", port))
                if protocol == "tcp":
                    sock.listen(1024)
                select.register(sock, selectors.EVENT_READ, (protocol, port))
    print("ready", flush=True)
    while True:
        for key, _ in select.select():
            protocol, port = key.data
            if protocol == "udp":
                text, peer = key.fileobj.recvfrom(65536)
                key.fileobj.sendto(answer(protocol, port, peer, text), peer)
                continue
            connection, peer = key.fileobj.accept()
            threading.Thread(target=converse, args=(connection, port, peer), daemon=True).start()


def converse(connection, port, peer):
    """With one peer, which may be mute, or go: the others are not to wait for it."""
    with connection:
        connection.settimeout(MUTE_SECONDS)
        try:
            connection.sendall(answer("tcp", port, peer, read_all(connection)))
        except OSError:
            pass


def read_all(connection):
    text = b""
    while chunk := connection.recv(65536):
        text += chunk
    return text


def ask(protocol, address, port, text):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, KINDS[protocol]) as sock:
        sock.settimeout(SECONDS)
        sock.connect((address, port))
        sock.sendall(text)
        if protocol == "tcp":
            sock.shutdown(socket.SHUT_WR)
            return read_all(sock)
        return sock.recv(65536)


def main(argv):
    if len(argv) >= 3 and argv[1] == "serve":
        serve([int(port) for port in argv[2:]])
    elif len(argv) == 6 and argv[1] == "ask" and argv[2] in KINDS:
        try:
            got = ask(argv[2], argv[3], int(argv[4]), argv[5].encode())
        except OSError as error:
            raise SystemExit(f"no answer: {error}")
        if not got:
            raise SystemExit("no answer")
        print(got.decode())
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
