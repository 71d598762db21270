/*
 * What nothing in the store refers to any more: layers, the files of locks, the sockets of monitors
 * that died, and what file_replace_at was about to put into place when its process ended. Beside
 * store_sweep (tmp/) and container_sweep (containers that never became any, names).
 *
 * All of it works on a full disk, and passes over what somebody has a lock on.
 */
#ifndef STORAGE_SWEEP_H
#define STORAGE_SWEEP_H

#include "storage/store.h"
#include "base/str.h"

/*
 * Under the exclusive lock on images: finds the directories in layers/ that no image and no
 * container has, of whatever IDs. CORRUPT where a record can't be read, for then nobody can tell.
 */
int sweep_find_layers(const struct store *s, struct strv *ret, struct err *err);
/* Moves one of them to tmp/; BUSY where somebody is fetching it. */
int sweep_layer(const struct store *s, const char *name, struct err *err);

/* The rest, of which nobody needs to know. images: the exclusive lock on them is ours. */
void sweep_locks(const struct store *s);
void sweep_containers(const struct store *s);
void sweep_images(const struct store *s);

/* Is it a name that file_replace_at gives while it writes? */
bool sweep_is_remnant(const char *name);

#endif
