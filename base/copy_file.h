/*
 * Single files copied with all that they have: contents (shared with the original where the file
 * system can, holes kept), owners, modes, times and extended attributes (what the file system or
 * the namespace can't hold is left out). For base/tree_copy.c and storage/copy.c.
 *
 * As root of a user namespace in which the owners are mapped. Names are used with calls that do not
 * follow them.
 */
#ifndef BASE_COPY_FILE_H
#define BASE_COPY_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

/*
 * What was learned about the file systems on the way, so that it is not tried again.
 * Zero-initialise.
 */
struct copier {
	bool no_clone, no_copy;
	char *names, *values, *chunk;
};
void copier_done(struct copier *c);

/* What is in a regular file, and nothing else of it: -1 and errno. to is empty. */
int copy_contents(struct copier *c, int from, int to, const struct stat *st);
/* A regular file, which must not be there yet. */
int copy_regular(struct copier *c, int from, int into, const char *name, const struct stat *st,
		 struct err *err);
/* A symlink or a FIFO, likewise. Sockets and devices, which layers don't have, are left out. */
int copy_node(int from, int into, const char *name, const struct stat *st, struct err *err);
/* What a directory has of its own: after all that is in it. */
int copy_directory_attributes(struct copier *c, int from, int to, struct err *err);

/* Have the two the same attributes, as far as layers keep them? */
bool xattrs_same(int dir_a, int dir_b, const char *name);

#endif
