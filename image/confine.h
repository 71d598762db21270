/*
 * The cage: what tiffin-image takes away from itself before it reads a stranger's first byte.
 *
 * After image_confine() this process, and all that a bug in a parser may make of it, has
 *   - of root's powers in its user namespace those over the files it unpacks, and gains no others;
 *   - of the file system the store, a directory that the task writes to, and to read, what name
 *     resolution and TLS need (Landlock, from Linux 5.13 on; where there is none, the rest still
 *     holds; image/seclude.h holds what Landlock does not);
 *   - of system calls none that executes, traces, mounts, makes namespaces, loads code into the
 *     kernel, or reaches other processes (seccomp);
 *   - bounded memory and descriptors, and no core dump.
 */
#ifndef IMAGE_CONFINE_H
#define IMAGE_CONFINE_H

#include "base/err.h"

/* What may be written to. */
struct cage {
	const char *store; /* "" where there is none */
	int directory;	   /* by descriptor; -1 where there is none */
};

/* Before the first thread is made. */
int image_confine(const struct cage *cage, struct err *err);

#endif
