/*
 * A container's use of a volume. The first takes what the image has in its place, with its owners;
 * as docker has it, the directory's own owner and mode belong to that.
 *
 * Theory of operation. A volume is fresh until it has been used. Who comes first has its lock,
 * copies into a directory beside _data and renames that over it, which works only as long as nobody
 * has put anything there. So a volume has all of it, or nothing; of whoever is killed meanwhile,
 * and of a disk that is full, a volume is left that is still fresh, and a copy that the next one
 * drops.
 */
#ifndef STORAGE_VOLUME_USE_H
#define STORAGE_VOLUME_USE_H

#include "base/owner.h"
#include "storage/volume.h"

/*
 * Child, in the container's user and mount namespace, nothing mounted on the root yet: opens
 * (O_PATH) the directory to mount. root, place: where it will be mounted, in whose place's content
 * it takes; with no_copy it does not, nor ever will. owner: whose the directory is to be where
 * nothing is taken; else it stays the store's.
 */
int volume_use(const struct store *s, const char *name, int root, const char *place, bool no_copy,
	       const struct owner *owner, int *ret_fd, struct err *err);

/*
 * Who fills it in another way: holds the lock, so that no container takes anything meanwhile, and
 * says that it is in use when it is done.
 */
int volume_lock(const struct store *s, const char *name, int *ret_lock, struct err *err);
int volume_set_used(const struct store *s, const char *name, struct err *err);

#endif
