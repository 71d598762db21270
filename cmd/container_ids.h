/*
 * The IDs of a container, where they are not the store's: noted in its record, and what follows
 * from them for its layers and its file system.
 */
#ifndef CMD_CONTAINER_IDS_H
#define CMD_CONTAINER_IDS_H

#include "base/id_range.h"
#include "cmd/command.h"
#include "storage/rootfs.h"

/* mapping may be NULL; mode is what was typed, or NULL. */
void container_ids_to_json(const struct id_mapping *mapping, const char *mode, json_t *record);
/* The mapping, to be freed, or NULL. */
int container_ids_from_json(const json_t *record, struct id_mapping **ret, struct err *err);

/*
 * Has it a user namespace within the store's, then? With one ID there is nothing to go between: the
 * container's one is the caller's in any case.
 */
bool container_ids_within(const struct tiffin *t, const struct id_mapping *mapping);
/*
 * For root of the store's user namespace: the map of a namespace within it that has the container's
 * IDs.
 */
int container_ids_inner(const struct tiffin *t, const struct id_mapping *mapping,
			struct id_map *ret, struct err *err);
/* The driver that gives it the owners. ERR_UNSUPPORTED: that one can't. */
int container_ids_driver(const struct tiffin *t, const struct id_mapping *mapping,
			 const struct rootfs_driver *driver, const struct rootfs_driver **ret,
			 struct err *err);
/* Makes what the driver wants of the layers, where it is not there yet. */
int container_ids_prepare(struct tiffin *t, const struct rootfs *r,
			  const struct rootfs_driver *driver, struct err *err);
/*
 * All of that for who wants to look at a container that was made: *r has its store, layers and name
 * already. The caller frees *ret_mapping, which r borrows.
 */
int container_ids_open(struct tiffin *t, const json_t *record, struct rootfs *r,
		       const struct rootfs_driver **ret_driver, struct id_mapping **ret_mapping,
		       struct err *err);

#endif
