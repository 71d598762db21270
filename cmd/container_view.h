/*
 * A container's file system, to be read: as it is, without its mounts, whether it runs or not. It
 * is mounted in a mount namespace that goes at once.
 */
#ifndef CMD_CONTAINER_VIEW_H
#define CMD_CONTAINER_VIEW_H

#include "cmd/command.h"
#include "storage/container.h"

/* Its root. UNSUPPORTED where that is a directory of the user's. */
int container_view(struct tiffin *t, const struct container *c, int *ret_fd, struct err *err);

/* The list of its owners (base/owner.h); false: they are those that the files have. */
bool container_owners(const struct tiffin *t, const struct container *c, struct buf *ret);

#endif
