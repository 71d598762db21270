/*
 * Trees, or parts of them, become a tar archive (image/tar_out.h).
 *
 * The tree is a container's, which may change while we read: everything is opened by descriptor and
 * name, no symlink is followed, nothing is executed, and what goes away meanwhile is left out.
 * Owners, modes, times, hardlinks and extended attributes (user.*, security.capability) are kept;
 * sockets and devices are left out.
 */
#ifndef IMAGE_TAR_TREE_H
#define IMAGE_TAR_TREE_H

#include <stddef.h>

#include "base/err.h"
#include "base/id_range.h"
#include "base/owner.h"
#include "image/cancel.h"
#include "image/tar_out.h"

struct tar_link;

struct tar_tree {
	struct tar_out out;
	/*
	 * NULL: owners are those that the files have. Else those that are recorded (base/owner.h),
	 * of what has no attributes in this list. Lent.
	 */
	const struct owner_list *owners;
	const struct cancel *cancel;
	/*
	 * The tree's owners are a container's IDs by this, and its own are told. NULL: they are
	 * that.
	 */
	const struct id_mapping *mapping;
	char *chunk;
	struct tar_link *links; /* files of several names, by inode; a power of two, half empty */
	size_t places, used;
};

/* out is borrowed. After the last entry: tar_finish(&t->out). */
void tar_tree_init(struct tar_tree *t, int out, const struct cancel *cancel);
void tar_tree_done(struct tar_tree *t);

/* One entry, dir/name, as that path; of a directory only itself. */
int tar_tree_add(struct tar_tree *t, int dir, const char *name, const char *path, struct err *err);
/* A directory, open for reading, and all that is beneath it. */
int tar_tree_add_all(struct tar_tree *t, int fd, const char *path, struct err *err);

#endif
