/*
 * A layer's tree while it is unpacked: entries are made by path, relative to the tree's root, and
 * nothing that a path or a link says can lead out of it.
 *
 * A path is resolved by the kernel (openat2, RESOLVE_IN_ROOT), its last component is used with
 * calls that do not follow it; no path of strangers is ever handed to a call that would resolve it
 * against our own root. A symlink among the parents, made by an earlier entry of the same layer, is
 * followed within the tree, as docker and containerd do after their chroot.
 *
 * Directories get their modification times when they are left, so that memory does not grow with
 * the layer.
 *
 * Paths given here are clean: no empty, "." or ".." component, no leading or trailing slash; "" is
 * the root. Errors name the path. CORRUPT: what no honest layer contains.
 */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"

/* What every entry has. Owners as in the archive: any number, checked here. */
struct tree_meta {
	mode_t mode; /* permissions, setuid, setgid and sticky */
	int64_t uid, gid;
	struct timespec mtime;
};

struct skeleton;
struct tree_dir;

struct tree {
	int root; /* borrowed */
	bool single_id;
	bool keeps; /* what root has is not a layer's: its own owner and mode, and its content, stay */
	struct skeleton *skeleton; /* borrowed: keeps what the tree can't; may be NULL */
	int64_t implied;       /* directories that no entry made, but other entries need */
	struct tree_dir *open; /* those last used, by depth */
};

/*
 * One ID is mapped (single_id): owners are not set, but recorded (base/owner.h) where there is a
 * skeleton, or (keeps) no layer. The umask must be 0.
 */
int tree_init(struct tree *t, int root, bool single_id, bool keeps, struct err *err);
/* Leaves every directory; frees what tree_init made. Also after a failure. */
int tree_done(struct tree *t, struct err *err);

/*
 * Each makes its entry in place of what an earlier entry of the layer put there, and its parents
 * (root:root, 0755) where no entry has. A directory over a directory keeps its content.
 *
 * The descriptor that tree_directory gives is borrowed until the next call; the one of tree_file is
 * the caller's, who fills it and then calls tree_finish_file.
 */
int tree_directory(struct tree *t, const char *path, const struct tree_meta *m, int *ret_fd,
		   struct err *err);
int tree_file(struct tree *t, const char *path, const struct tree_meta *m, int *ret_fd,
	      struct err *err);
int tree_finish_file(struct tree *t, int fd, const char *path, const struct tree_meta *m,
		     struct err *err);
int tree_symlink(struct tree *t, const char *path, const char *target, const struct tree_meta *m,
		 struct err *err);
/* target: a clean path of this tree, that no symlink is followed at the end of. */
int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *err);
int tree_fifo(struct tree *t, const char *path, const struct tree_meta *m, struct err *err);
/* Hides path, and all beneath it, of the layers below: a character device 0:0. */
int tree_whiteout(struct tree *t, const char *path, struct err *err);
/* Hides what the layers below have in the directory. */
int tree_opaque(struct tree *t, const char *path, struct err *err);

/* "cannot <verb> '<path>'", with the path made printable. Returns -1. */
int tree_err(struct err *err, const char *verb, const char *path);

#endif
