#!/usr/bin/env python3
"""exchange.py A B: swaps two paths (renameat2, RENAME_EXCHANGE), over and over, until it is killed.

The paths are opened by their directories once, so that they may be in another process's root."""
import ctypes
import os
import sys

RENAME_EXCHANGE = 2
libc = ctypes.CDLL(None, use_errno=True)
places = [(os.open(os.path.dirname(p), os.O_PATH), os.path.basename(p).encode()) for p in sys.argv[1:3]]
(a, a_name), (b, b_name) = places
print("ready", flush=True)
while True:
    if libc.renameat2(a, a_name, b, b_name, RENAME_EXCHANGE) < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
