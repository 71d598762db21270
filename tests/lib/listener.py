"""listener.py COMMAND…: runs it under a seccomp filter that has a listener already, of which there is one for a process."""
import ctypes
import os
import struct
import sys

NEW_LISTENER, SET_FILTER, NO_NEW_PRIVS, SYS_SECCOMP = 8, 1, 38, {"x86_64": 317, "aarch64": 277}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)
allow = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000))
program = ctypes.create_string_buffer(struct.pack("HP", 1, ctypes.addressof(allow)))
if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) or (fd := libc.syscall(SYS_SECCOMP, SET_FILTER, NEW_LISTENER, program)) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.set_inheritable(fd, True)
os.execv(sys.argv[1], sys.argv[1:])
