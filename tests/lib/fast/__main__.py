"""Connections of a container with --network fast, in all the ways that they are made.

    fast serve FILE [ADDRESS…]   on the host: echoes on these addresses, and in capitals on loopback;
                                 writes their ports to FILE, and that of one more on the first of
                                 them, which answers nobody
    fast CASE ADDRESS PORT       in the container: prints what came of it

A connection says "host" where its socket is one of the host's, and "own" where it is the container's.
"""
import sys

# The directory may be one that is bound, or somebody else's.
sys.dont_write_bytecode = True

import connections
import escape
import host
import ports

if sys.argv[1] == "serve":
    host.serve(sys.argv[2], sys.argv[3:])
else:
    cases = {**vars(connections), **vars(ports), **vars(escape)}
    cases["case_" + sys.argv[1]](sys.argv[2], int(sys.argv[3]))
