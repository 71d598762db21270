/*
 * Files and directories, named relative to a directory descriptor.
 *
 * Every descriptor is close-on-exec. Nothing here follows a symlink in the last component unless it
 * says so. Outputs are untouched on failure; errors are those of the system call that failed.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Reads a regular file of at most max bytes; larger is ERR_CORRUPT. Never blocks on a FIFO. */
int file_read_at(int dirfd, const char *path, size_t max, struct buf *ret, struct err *err);

enum durability {
	RELAXED, /* atomic against other processes, not against a power cut */
	DURABLE, /* and synced, with its directory, before it returns */
};

/* Replaces path atomically (a temporary name beside it, then rename). */
int file_replace_at(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		    enum durability durability, struct err *err);

/*
 * Appends what comes from a descriptor until its end; more than max bytes in all is ERR_CORRUPT. What
 * was read is nowhere but in *ret then: it may be a secret.
 */
int read_all(int fd, size_t max, struct buf *ret, struct err *err);
/* Writes all of it, through EINTR and short writes. */
int write_all(int fd, const void *data, size_t len, struct err *err);

/* Makes a directory, and its parents, where there is none. */
int dir_ensure(const char *path, mode_t mode, struct err *err);
/* Opens a directory, making it (not its parents) where there is none. */
int dir_open_or_make_at(int dirfd, const char *name, mode_t mode, int *ret_fd, struct err *err);
/* Syncs a directory, so that the names in it are durable. */
int dir_sync(int dirfd, struct err *err);

/*
 * Removes a file or a whole tree, of any depth and any modes, never through a symlink. What is not
 * there is no error. Trees with files of other (subordinate) users fail with ERR_DENIED.
 */
int tree_remove_at(int dirfd, const char *name, struct err *err);

/*
 * openat2(2): RESOLVE_BENEATH refuses what leads out of dirfd, RESOLVE_IN_ROOT resolves as after a
 * chroot to dirfd. RESOLVE_NO_MAGICLINKS is always added. Returns a descriptor, or -1 and errno.
 */
int open_resolved(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve);

/* An opened descriptor's path in /proc, for the calls that take only paths. */
#define FD_PATH_MAX 32
const char *fd_path(int fd, char ret[FD_PATH_MAX]);

enum lock_mode {
	LOCK_SHARED,
	LOCK_EXCLUSIVE,
};

/*
 * Takes an open-file-description lock (fcntl(2), F_OFD_SETLK) on a file, which is made where there
 * is none. The lock is the descriptor: close it, or die, and it is free. Without wait, a lock that
 * somebody else holds is ERR_BUSY.
 */
int file_lock_at(int dirfd, const char *name, enum lock_mode mode, bool wait, int *ret_fd,
		 struct err *err);
/* Does anybody hold it? Without taking it, which others might take for its being in use. */
bool file_is_locked_at(int dirfd, const char *name);
/*
 * Lets go of it, also where a fork has the descriptor yet, which may be about to close it; closes *fd, which
 * may be -1.
 */
void file_unlock(int *fd);
/* Removes the file of a lock that is held exclusively. */
void file_lock_remove_at(int dirfd, const char *name);

/* Closes every descriptor from that number on, but those n; among these may be -1. */
void close_all_but(int from, const int *keep, size_t n);

#endif
