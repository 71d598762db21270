/*
 * Containers whose IDs are mapped otherwise than the store's: the driver, and whether the kernel
 * can do what it would rather do.
 */
#ifndef STORAGE_OVERLAY_MAPPED_H
#define STORAGE_OVERLAY_MAPPED_H

#include <stdbool.h>

#include "storage/rootfs.h"

/*
 * Its mapping is in struct rootfs; in the store's user namespace; the tree is there (mapped_build).
 */
extern const struct rootfs_driver rootfs_mapped;

/*
 * Do attributes of one layer lead to contents in another (MAPPED_META)? Tried out in tmp/. As root
 * of a user namespace, in a mount namespace of its own.
 */
bool overlay_mapped_works(const struct store *s);

#endif
