/*
 * What a container's mounts show, where that takes the store: volumes, images, overlays.
 */
#ifndef CMD_MOUNT_SOURCE_H
#define CMD_MOUNT_SOURCE_H

#include "runtime/mount_spec.h"
#include "storage/store.h"

/* Child: struct launch's open_source. container: its ID; number: which of its mounts. */
int mount_source_open(const struct store *s, const char *container, size_t number,
		      const struct mount_spec *m, int root, int *ret_fd, struct err *err);

#endif
