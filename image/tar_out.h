/*
 * Writing a tar archive of whatever a file system holds: POSIX.1-2001 (pax), with a record more
 * only where the old header has no room for a value. Extended attributes are SCHILY.xattr.*, as GNU
 * tar, bsdtar and every container tool have them.
 */
#ifndef IMAGE_TAR_OUT_H
#define IMAGE_TAR_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"

struct tar_out {
	int fd; /* borrowed */
	struct buf buffer;
	int64_t left; /* of the content of the entry */
	int64_t size;
};

enum tar_type {
	TAR_FILE = '0',
	TAR_HARDLINK = '1',
	TAR_SYMLINK = '2',
	TAR_DIRECTORY = '5',
	TAR_FIFO = '6',
};

struct tar_entry {
	const char *path; /* of a directory: with a slash at its end */
	const char *link; /* or NULL */
	enum tar_type type;
	unsigned int mode;
	int64_t uid, gid, size; /* size: of a file */
	struct timespec mtime;
	struct buf xattrs; /* made by tar_add_xattr */
};

void tar_out_init(struct tar_out *t, int fd);
void tar_out_done(struct tar_out *t);

void tar_add_xattr(struct tar_entry *e, const char *name, const void *value, size_t len);
/*
 * Then its content, of exactly that size; what is missing at the end tar_pad makes up for with
 * zeros.
 */
int tar_begin(struct tar_out *t, const struct tar_entry *e, struct err *err);
int tar_write(struct tar_out *t, const void *data, size_t len, struct err *err);
int tar_pad(struct tar_out *t, struct err *err);
/* The archive's end, and all of it written. */
int tar_finish(struct tar_out *t, struct err *err);

#endif
