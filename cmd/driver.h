/*
 * Which storage driver: for new containers the one that --storage-driver or TIFFIN_STORAGE_DRIVER
 * name, else the one that suits the store, which is tried once in its life and remembered in it;
 * for each other container the one that it was made with.
 */
#ifndef CMD_DRIVER_H
#define CMD_DRIVER_H

#include "cmd/command.h"
#include "storage/container.h"
#include "storage/rootfs.h"

/* ERR_USAGE: no such driver; ERR_UNSUPPORTED: the store can't have the one that was named. */
int driver_choose(const struct tiffin *t, const struct rootfs_driver **ret, struct err *err);
/* Does overlayfs do in this store what containers want of it? UNSUPPORTED: it does not. */
int driver_try_overlay(const struct tiffin *t, struct err *err);
/* Of a container, by its record. */
int driver_of(const json_t *record, const struct rootfs_driver **ret, struct err *err);
/*
 * In the client: what has to be there before the monitor is forked. With one ID mapped that is the
 * copy, too, for recorded owners are read before the start.
 */
int driver_prepare(const struct tiffin *t, const struct rootfs_driver *driver,
		   const struct rootfs *r, struct err *err);

#endif
