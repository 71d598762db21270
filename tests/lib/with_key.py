#!/usr/bin/python3
"""with_key.py NAME COMMAND…: runs it in a session keyring with a key NAME, which only who has that
session may see (keyrings(7))."""

import ctypes
import os
import sys

ADD_KEY, KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
JOIN_SESSION_KEYRING, SETPERM = 1, 5
SESSION_KEYRING = -3
OF_POSSESSOR = 0x3F000000


def call(*args):
    result = ctypes.CDLL(None, use_errno=True).syscall(*args)
    if result < 0:
        sys.exit(f"with_key.py: {os.strerror(ctypes.get_errno())}")
    return result


call(KEYCTL, JOIN_SESSION_KEYRING, None)
key = call(ADD_KEY, b"user", sys.argv[1].encode(), b"secret", 6, SESSION_KEYRING)
call(KEYCTL, SETPERM, key, OF_POSSESSOR)
os.execvp(sys.argv[2], sys.argv[2:])
