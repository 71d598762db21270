/*
 * How much a container takes on the disk.
 */
#ifndef CMD_CONTAINER_SIZE_H
#define CMD_CONTAINER_SIZE_H

#include <stdint.h>

#include "cmd/command.h"
#include "storage/container.h"

struct container_size {
	int64_t written; /* what it wrote: docker's SizeRw */
	int64_t whole;	 /* and the image's layers, which others share: SizeRootFs */
};
/* The bytes of a tree (storage/usage.h), in a user namespace where it takes one. */
int tree_size(const struct id_map *ids, const char *path, int64_t *ret, struct err *err);
int container_size(const struct tiffin *t, const struct container *c, struct container_size *ret,
		   struct err *err);

#endif
