/*
 * ID maps: which of the host's users and groups a container's are (user_namespaces(7)).
 *
 * With subordinate IDs (subuid(5), newuidmap(1)) root is the caller and 1, 2, … are the caller's
 * ranges. Without, root is the caller and there is nobody else.
 */
#ifndef RUNTIME_IDMAP_H
#define RUNTIME_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct id_range {
	uint32_t inside, outside, count;
};

#define ID_RANGES_MAX 16

struct id_map {
	struct id_range uids[ID_RANGES_MAX], gids[ID_RANGES_MAX];
	size_t n_uids, n_gids;
	bool single;	     /* only root is mapped */
	bool inherited;	     /* in a session (runtime/session.h): its own IDs, which take no helper to map */
	char why_single[160]; /* "no range for 'me' in /etc/subuid", where nobody asked for it */
};

/* The caller's map. single: as if there were no subordinate IDs. */
void id_map_of_caller(bool single, struct id_map *ret);

/* Does this user, with this group, exist in the container? */
bool id_map_has(const struct id_map *map, uid_t uid, gid_t gid);

/*
 * Parent: writes the maps of a child in a new user namespace; through newuidmap and newgidmap, at
 * the same time, where subordinate IDs are mapped.
 */
int id_map_write(const struct id_map *map, pid_t child, struct err *err);

#endif
