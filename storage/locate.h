/*
 * Where a path leads that a user wrote for cp: to an entry of a directory, which may not be there
 * yet.
 *
 * As in docker, ".." takes back what stands before it, whatever that is; a slash at the end means a
 * directory, and so does "/.", which means what is in it. In a container's root a path is resolved
 * by the kernel as after a chroot (openat2, RESOLVE_IN_ROOT), and no magic link is followed.
 */
#ifndef STORAGE_LOCATE_H
#define STORAGE_LOCATE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

struct located {
	int dir;    /* owned; of what the name is in */
	char *name; /* "." for dir itself: the root */
	char *base; /* what the user called it; "" for the root */
	bool exists, slash, contents;
	bool special; /* of the host: a pipe, a device, or a link to such; to be opened by its name */
	struct stat st; /* where it exists */
};
#define LOCATED_INIT { .dir = -1 }
void located_done(struct located *l);

/*
 * root: of a container (O_PATH will do); -1: the host's. follow: the last component too, where it
 * is a symlink; else only before a slash. ERR_NOT_FOUND: a directory on the way is missing.
 */
int locate(int root, const char *path, bool follow, struct located *ret, struct err *err);

#endif
