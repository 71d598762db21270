/*
 * What a container's mounts show, where that takes the store: volumes, images, overlays.
 */
#ifndef CMD_MOUNT_SOURCE_H
#define CMD_MOUNT_SOURCE_H

#include "base/owner.h"
#include "runtime/mount_spec.h"
#include "storage/store.h"

/*
 * Child: struct launch's open_source. container: its ID; number: which of its mounts; owner: of a
 * volume that is new and empty, or NULL.
 */
int mount_source_open(const struct store *s, const char *container, size_t number,
		      const struct mount_spec *m, int root, const struct owner *owner, int *ret_fd,
		      struct err *err);

#endif
