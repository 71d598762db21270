#!/usr/bin/env python3
"""dns_server.py ADDRESS NAME=ANSWER…: a name server on port 53 that knows these A records and no others.

Prints "ready" when it listens. Names end without a dot; what is not known does not exist.
"""
import socket
import struct
import sys


def question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    kind = struct.unpack("!H", packet[at + 1 : at + 3])[0]
    return ".".join(labels).lower(), kind, packet[12 : at + 5]


def answer(packet, known):
    name, kind, asked = question(packet)
    found = name in known
    data = b""
    if found and kind == 1:
        data = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + socket.inet_aton(known[name])
    flags = 0x8580 if found else 0x8583
    return packet[:2] + struct.pack("!HHHHH", flags, 1, 1 if data else 0, 0, 0) + asked + data


def main():
    known = dict(pair.split("=") for pair in sys.argv[2:])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((sys.argv[1], 53))
    print("ready", flush=True)
    while True:
        packet, peer = sock.recvfrom(4096)
        try:
            sock.sendto(answer(packet, known), peer)
        except (IndexError, struct.error):
            pass


main()
