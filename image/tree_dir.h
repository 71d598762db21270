/*
 * The directories of a tree that is being unpacked: found by path, made where they are missing, and
 * kept open as long as they are likely to be needed. For tree.c.
 */
#ifndef IMAGE_TREE_DIR_H
#define IMAGE_TREE_DIR_H

#include <fcntl.h>

#include "image/tree.h"

/* Never through a symlink. */
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * A directory that is open. Archives are written depth first, so that the parent of the next entry
 * is nearly always the last directory of its depth: one openat2 a directory, not one an entry.
 */
struct tree_dir {
	char *path; /* NULL: none */
	int fd;
	bool setgid;  /* gives its group to what is made in it */
	bool touched; /* its modification time is to be set when it is left */
	struct timespec mtime;
};

void tree_dirs_init(struct tree *t);
/* Leaves every directory, which sets its time. */
int tree_dirs_leave(struct tree *t, struct err *err);
/*
 * The directory path[0..len), made where there is none. *ret is borrowed until another one is
 * looked for. CORRUPT: there is something else.
 */
int tree_dir_find(struct tree *t, const char *path, size_t len, struct tree_dir **ret,
		  struct err *err);
/* Takes over fd, which is the directory at path[0..len), also on failure. */
int tree_dir_enter(struct tree *t, const char *path, size_t len, int fd, struct tree_dir **ret,
		   struct err *err);

/* Is dirfd/name a whiteout of ours? Layers have no devices of their own: those are skipped. */
bool tree_is_whiteout(int dirfd, const char *name);
/* Either way that the file system knows (storage/stack.h). */
int tree_set_opaque(int fd, const char *path, struct err *err);
/* An empty file of that name, for where the file system can't have a whiteout or the attribute. */
int tree_mark(int dirfd, const char *name, const char *path, struct err *err);
/* ERR_CORRUPT: "'<path>' <why>". Returns -1. */
int tree_corrupt(struct err *err, const char *path, const char *why);

#endif
