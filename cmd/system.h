/*
 * What the commands about the whole store have in common.
 */
#ifndef CMD_SYSTEM_H
#define CMD_SYSTEM_H

#include <stdint.h>

#include "cmd/command.h"

/*
 * Removes what no image, container or command refers to: layers, trash, stages, the files of locks
 * and the sockets of monitors that died, names that lead nowhere. *io_freed grows by the size of
 * layers.
 */
int system_sweep(struct tiffin *t, int64_t *io_freed, struct err *err);

/*
 * The bytes on the disk of each of the trees, of which some may not be there; each hard-linked file
 * once. As root of a user namespace, where some are closed to the caller. ret has room for all.
 */
int disk_usage(const struct tiffin *t, const struct strv *paths, int64_t *ret, struct err *err);

#endif
