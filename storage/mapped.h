/*
 * Mapped trees: the tree of an image with the owners that another mapping of IDs wants.
 *
 *	mapped/<image ID>.<name of the mapping>/
 *	  meta/		the layers as one tree; its files are empty, of the right size, and lead by
 *			user.overlay.redirect to those below layers/, of which there is no copy (overlayfs's
 *			data-only layers)
 *	  fs/		instead of meta: all of it, with copies of the files
 *
 * They are caches: made where a container wants them, built in tmp/, synced and renamed; one whose
 * image is gone is swept. They lie beside layers/, not in it, because overlayfs refuses a layer in
 * another.
 *
 * With one ID mapped (struct store, single_id) there are none.
 */
#ifndef STORAGE_MAPPED_H
#define STORAGE_MAPPED_H

#include <stdbool.h>

#include "base/id_range.h"
#include "base/str.h"
#include "storage/store.h"

enum mapped_how {
	MAPPED_META,
	MAPPED_COPY,
};

/* image: an ID, 64 hex digits. */
bool mapped_exists(const struct store *s, const char *image, const struct id_mapping *m);
/*
 * Root of the store's user namespace: makes the tree of these layers (diff IDs, the lowest first),
 * whole or not at all. Whose IDs are not mapped is nobody's. The caller has the lock (mapped_lock).
 */
int mapped_build(const struct store *s, const char *image, const struct strv *layers,
		 const struct id_mapping *m, enum mapped_how how, struct err *err);
/* Held while one looks whether it is there, and makes it. */
int mapped_lock(const struct store *s, int *ret_lock, struct err *err);

/*
 * Opens the tree (O_PATH), by a path from root, a store's directory: in the mount namespace that
 * that was opened in.
 */
int mapped_open(int root, const char *image, const struct id_mapping *m, int *ret_fs,
		enum mapped_how *ret_how, struct err *err);

/* The directory that they are in, which is made where there is none. */
int mapped_directory(const struct store *s, int *ret_fd, struct err *err);
/* What was made of images that are gone goes to tmp/. */
void mapped_sweep(const struct store *s);

#endif
