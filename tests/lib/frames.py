#!/usr/bin/env python3
"""Frames that no kernel would send, from a container that may (NET_RAW, no seccomp profile).

    frames.py nonsense SEED               a few thousand of them, each time the same
    frames.py to PORT ADDRESS=TEXT…       each TEXT in a datagram to ADDRESS, in a frame to the gateway
    frames.py plain PORT ADDRESS=TEXT…    the same as any program sends it, where it can be sent so
    frames.py heard FILE                  on the host: writes the port where it listens to FILE, then a
                                          line for each text that comes there, by any address
"""
import os
import random
import socket
import struct
import sys

INTERFACE = "tap0"
GATEWAY = bytes.fromhex("52550a000202")
TYPES = 0x0800, 0x86DD, 0x0806, 0x88F8
PROTOCOLS = 1, 6, 17, 58, 44, 0, 255


def open_interface():
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((INTERFACE, 0))
    return sock, sock.getsockname()[4]


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(protocol, source, to, payload, field=0, ihl=5, length=None):
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, length or 20 + len(payload), 7, field, 64, protocol, 0,
                       source, to)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(protocol, source, to, payload, length=None):
    return struct.pack("!IHBB", 6 << 28, length or len(payload), protocol, 64) + source + to + payload


def datagram(address, port, text):
    head = struct.pack("!HHHH", 4000, port, 8 + len(text), 0)
    if ":" not in address:
        source, to = socket.inet_aton("10.0.2.100"), socket.inet_aton(address)
        return 0x0800, ip4(17, source, to, head + text)
    source, to = (socket.inet_pton(socket.AF_INET6, a) for a in ("fd00::100", address))
    total = checksum(source + to + struct.pack("!II", 8 + len(text), 17) + head + text)
    return 0x86DD, ip6(17, source, to, head[:6] + struct.pack("!H", total) + text)


def to(port, pairs):
    sock, own = open_interface()
    for pair in pairs:
        address, text = pair.rsplit("=", 1)
        kind, packet = datagram(address, int(port), text.encode())
        sock.send(GATEWAY + own + struct.pack("!H", kind) + packet)


def plain(port, pairs):
    for pair in pairs:
        address, text = pair.rsplit("=", 1)
        try:
            socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM).sendto(
                text.encode(), (address, int(port)))
        except OSError:
            pass


def packet_of(pick, kind):
    """what begins well: lengths, offsets and protocols that do not fit"""
    rest = pick.randbytes(pick.choice((0, 1, 7, 8, 20, 40, 576, 1400)))
    odd = pick.choice((None, 1, 19, 20, 65535))
    if kind == 0x0800:
        return ip4(pick.choice(PROTOCOLS), socket.inet_aton("10.0.2.100"), pick.choice((
            socket.inet_aton("10.0.2.2"), socket.inet_aton("10.0.2.3"), pick.randbytes(4))), rest,
            pick.choice((0, 0x2000, 0x2001, 0x1FFF, 0x4000, 0xFFFF)), pick.choice((0, 4, 5, 5, 5, 6, 15)), odd)
    if kind == 0x86DD:
        addresses = [socket.inet_pton(socket.AF_INET6, a) for a in ("fd00::100", "fd00::2", "fd00::3", "ff02::1")]
        return ip6(pick.choice(PROTOCOLS), addresses[0], pick.choice(addresses[1:]), rest, odd)
    return rest


def nonsense(seed):
    pick = random.Random(int(seed))
    sock, own = open_interface()
    sent = 0
    for _ in range(5000):
        kind = pick.choice(TYPES)
        frame = GATEWAY + own + struct.pack("!H", kind) + packet_of(pick, kind)
        if pick.random() < 0.2:
            frame = bytearray(frame)
            for _ in range(3):
                frame[pick.randrange(12, len(frame))] = pick.randrange(256)
        try:
            sock.send(frame)
            sent += 1
        except OSError:
            pass  # its queue is full, or it is larger than the interface's
    print("sent" if sent > 1000 else sent)


def heard(path):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", 0))
    with open(path + ".new", "w", buffering=1, encoding="ascii") as out:
        print(sock.getsockname()[1], file=out)
        os.rename(path + ".new", path)
        while True:
            print(sock.recv(4096).decode(), file=out)


{"nonsense": lambda: nonsense(sys.argv[2]), "to": lambda: to(sys.argv[2], sys.argv[3:]),
 "plain": lambda: plain(sys.argv[2], sys.argv[3:]), "heard": lambda: heard(sys.argv[2])}[sys.argv[1]]()
