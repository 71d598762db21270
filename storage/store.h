/*
 * The store: everything tiffin keeps, in one directory of the user's own.
 *
 *	<root>/			0700
 *	  layout		the version of this layout
 *	  layers/<hex>/		a layer by diff ID: fs/ (its tree), skeleton (image/skeleton.h),
 *				layer.json; immutable; and blobs (storage/known_blob.h), which is not
 *	  images/<hex>/		an image by ID: config, manifest, image.json; immutable
 *	  images/references	names to images
 *	  containers/<id>/	storage/container.h
 *	  events, events.1	storage/journal.h
 *	  names/<name>		a symlink to the container's ID
 *	  locks/		one file a lock
 *	  mapped/		storage/mapped.h; swept
 *	  base/			the layer below all others: the places that mounts are made on
 *	  driver		a symlink to the name of the driver that suits it (storage/rootfs.h)
 *	  tmp/			staging and trash; swept
 *
 * Invariants: what is immutable is built in tmp/, verified, synced and renamed into place, its
 * parent synced, and only then referred to. What changes is one small JSON file, replaced
 * atomically. Removal begins by a rename to tmp/, and so works on a full disk. No lock but a
 * layer's own is held over the network or an unpack.
 *
 * Ownership: store_open fills a struct that store_done empties; the descriptors in it are borrowed
 * by everybody else.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct store {
	char *root; /* absolute */
	int fd, layers, images, containers, names, locks, tmp; /* directories */
	/*
	 * One ID is mapped, and files of every owner are the caller's. Layers unpacked so are not
	 * those unpacked with a range of IDs, and have directories of their own (<hex>.single).
	 */
	bool single_id;
};

#define STORE_INIT { .fd = -1, .layers = -1, .images = -1, .containers = -1, .names = -1, \
		     .locks = -1, .tmp = -1 }

/*
 * Opens the store at root, making it where there is none. Kinds: DENIED (it belongs to somebody
 * else), UNSUPPORTED (a layout of another version), and what the file system says.
 */
int store_open(const char *root, struct store *ret, struct err *err);
void store_done(struct store *s);

/*
 * Where the store is when nobody says otherwise: $TIFFIN_ROOT, $XDG_DATA_HOME/tiffin,
 * ~/.local/share/tiffin. The caller frees.
 */
int store_default_root(char **ret, struct err *err);

/* Makes a directory with a fresh name in tmp/. It is locked until *ret_lock is closed. */
#define STAGE_NAME_MAX 40
int store_stage(const struct store *s, char ret_name[STAGE_NAME_MAX], int *ret_fd, int *ret_lock,
		struct err *err);
/* Removes a stage, unless it has been renamed, and its lock's file. */
void store_unstage(const struct store *s, const char *name);
/* Moves dirfd/name to tmp/ under a fresh name; removing it from there may fail without harm. */
int store_trash(const struct store *s, int dirfd, const char *name, char ret_name[STAGE_NAME_MAX],
		struct err *err);
/* The names of what nobody works on in tmp/. */
int store_find_abandoned(const struct store *s, struct strv *ret, struct err *err);
/*
 * Removes what nobody works on from tmp/: stages whose lock is free, and trash. remove_tree does
 * it for one entry (files of subordinate users need a user namespace, which storage knows nothing
 * of); NULL stands for tree_remove_at.
 */
void store_sweep(const struct store *s, int (*remove_tree)(const struct store *s, const char *name,
							   void *arg), void *arg);

#endif
