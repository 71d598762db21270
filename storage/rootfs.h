/*
 * Root file systems: the layers of an image and a container's writable layer, made one tree.
 *
 * A driver is a row in a table; which one serves is probed, and --storage-driver says otherwise.
 *
 *	overlay	the kernel's overlayfs with userxattr (Linux 5.11): the container's own files are in
 *		containers/<id>/upper
 *	copy	the layers' files copied into containers/<id>/root, where overlayfs can't write
 *
 * A container keeps the driver that it was made with.
 *
 * Ownership: a struct rootfs borrows everything.
 */
#ifndef STORAGE_ROOTFS_H
#define STORAGE_ROOTFS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/id_range.h"
#include "base/str.h"
#include "storage/change.h"
#include "storage/store.h"

struct rootfs {
	const struct store *store;
	const struct strv *layers; /* diff IDs, the lowest first */
	const char *container;	   /* its ID */
	const char *directory;	   /* in the place of layers: absolute; NULL: there are layers */
	bool discard;		   /* the directory is not written to; the writable layer is */
	const char *workdir;	   /* in the container, where it is to be writable if it can be; or NULL */
	const struct id_mapping *mapping; /* NULL: the container's IDs are the store's */
	const char *image;	   /* its ID, where there is a mapping */
	bool temporary;		   /* nobody reads the writable layer after the container's end */
};

struct rootfs_driver {
	const char *name;
	/* Parent: makes what has to be there before the mount. */
	int (*prepare)(const struct rootfs *r, struct err *err);
	/*
	 * Child, in its own user and mount namespace: mounts the tree and opens its root. The mount
	 * point is hidden beneath it, and nobody outside the namespace sees it.
	 */
	int (*mount)(const struct rootfs *r, int *ret_root, struct err *err);
	/*
	 * The same, to look at: nothing can be written, and the container may run meanwhile (what
	 * it changes is seen or not). Its mounts are not in it.
	 */
	int (*view)(const struct rootfs *r, int *ret_root, struct err *err);
	/*
	 * In a user namespace that has the owners, without a mount: what the container has changed
	 * of its layers, and all that its tree consists of. NULL: nobody can tell.
	 */
	int (*changes)(const struct rootfs *r, change_visitor *visit, void *arg, struct err *err);
	int (*stack)(const struct rootfs *r, struct stack *ret, struct err *err);
};

#define ROOTFS_DRIVER_NAME_MAX 16

/* The driver of that name. ERR_USAGE: unknown. */
int rootfs_driver_find(const char *name, const struct rootfs_driver **ret, struct err *err);
/* The name of the driver that suited the store when it was tried. */
bool rootfs_driver_recall(const struct store *s, char ret[ROOTFS_DRIVER_NAME_MAX]);
void rootfs_driver_remember(const struct store *s, const char *name);
/*
 * Tries whether overlayfs does in this store what containers want of it; UNSUPPORTED where it does
 * not. As root of a user namespace, in a mount namespace of its own.
 */
int rootfs_probe_overlay(const struct store *s, struct err *err);

/* Of a directory; not found by name. */
extern const struct rootfs_driver rootfs_directory;
extern const struct rootfs_driver rootfs_overlay;
extern const struct rootfs_driver rootfs_copy;

/*
 * Makes the layer below all others, with the places that every container mounts something on. Once
 * in a store's life, and whole when it appears.
 */
int rootfs_ensure_base(const struct store *s, struct err *err);

#endif
