/*
 * Layers: a directory tree by diff ID (OCI image specification, config.md, "Layer DiffID"), ready
 * to be stacked by overlayfs with userxattr: whiteouts are 0:0 character devices, opaque
 * directories carry user.overlay.opaque=y; on file systems that have neither, see storage/stack.h.
 *
 * Whoever puts a layer into the store holds its lock, exclusively, from before the download until
 * an image refers to it; whoever removes layers passes over those whose lock is taken. Two pulls of
 * one layer thus download it once: the second waits, and finds it there.
 *
 * Diff IDs are "sha256:" and 64 lower-case hex digits; anything else is ERR_CORRUPT, before any
 * path is made of it.
 */
#ifndef STORAGE_LAYER_H
#define STORAGE_LAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

struct layer_info {
	char digest[72];	/* of the blob as downloaded, "sha256:…" */
	int64_t size;		/* of the blob, bytes */
	int64_t diff_size;	/* of the tar stream's files, bytes */
};

/* The hex digits of a diff ID, which is not copied; NULL: it is none. */
const char *layer_hex(const char *diff_id, struct err *err);
/* Is it there, whole and verified? */
bool layer_exists(const struct store *s, const char *diff_id);
/* Opens the layer's tree (O_PATH). ERR_NOT_FOUND where it is not there. */
int layer_open(const struct store *s, const char *diff_id, int *ret_fs, struct err *err);
/* Opens, for reading, what lies beside the tree under that name. */
int layer_open_file(const struct store *s, const char *diff_id, const char *name, int *ret_fd,
		    struct err *err);
int layer_read_info(const struct store *s, const char *diff_id, struct layer_info *ret,
		    struct err *err);
/* Takes the layer's lock, waiting for it where wait says so (else ERR_BUSY). */
int layer_lock(const struct store *s, const char *diff_id, bool wait, int *ret_lock,
	       struct err *err);

/* A layer in the making. Zero-initialise with LAYER_STAGE_INIT. */
struct layer_stage {
	char name[STAGE_NAME_MAX]; /* in tmp/ */
	int dir, lock;
	int fs; /* the tree's root, to unpack into */
};
#define LAYER_STAGE_INIT { .dir = -1, .lock = -1, .fs = -1 }

int layer_stage_new(const struct store *s, struct layer_stage *ret, struct err *err);
/*
 * Verified: makes the tree durable (one syncfs) and renames it into place. A layer that is there
 * already is no error.
 */
int layer_stage_commit(const struct store *s, struct layer_stage *stage, const char *diff_id,
		       const struct layer_info *info, struct err *err);
/* Removes what was not committed. Runs in the user namespace that unpacked it. */
void layer_stage_done(const struct store *s, struct layer_stage *stage);

/* Moves a layer to tmp/, under its lock; ERR_BUSY where somebody is fetching it. */
int layer_remove(const struct store *s, const char *diff_id, struct err *err);

#endif
