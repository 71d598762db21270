/*
 * Overlays that are no container's root: of a directory of the host's or a volume (-v SRC:DST:O),
 * and of an image's layers (--mount type=image).
 *
 * Child only, in its user and mount namespace. Each is mounted on a directory of the container's
 * own, containers/<id>/overlays/<n>/, and opened; nobody outside the namespace sees it.
 */
#ifndef STORAGE_OVERLAY_MOUNT_H
#define STORAGE_OVERLAY_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "storage/store.h"

struct overlay_mount {
	const struct store *store;
	const char *container;
	size_t number; /* which of the container's mounts it is */
	/*
	 * What lies below: a directory, opened in this mount namespace; or, -1, an image's layers.
	 */
	int lower;
	const struct strv *layers; /* diff IDs, the lowest first */
	bool read_only; /* of an image */
	/*
	 * What takes the writes: directories of the user's, or NULL: one that is new at each start.
	 */
	const char *upper, *work;
};

int overlay_mount(const struct overlay_mount *o, int *ret_root, struct err *err);

/*
 * What overlays without a layer of the user's have taken, of a container that does not run: goes to
 * tmp/, as *ret_trash (empty: there is none). dir: containers/<id>.
 */
void overlay_mount_drop(const struct store *s, int dir, char ret_trash[STAGE_NAME_MAX]);

#endif
