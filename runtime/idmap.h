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
#include "base/id_range.h"

struct id_map {
	struct id_range uids[ID_RANGES_MAX], gids[ID_RANGES_MAX];
	size_t n_uids, n_gids;
	bool single; /* only root is mapped */
	bool inherited; /* in a session (runtime/session.h): its own IDs, which take no helper */
	char why_single[160]; /* "no range for 'me' in /etc/subuid", where nobody asked for it */
};

/* The caller's map. single: as if there were no subordinate IDs. */
void id_map_of_caller(bool single, struct id_map *ret);

/*
 * The map of a container whose IDs are those of another map (outer, the store's) by a mapping.
 * ERR_DENIED: one is not there.
 */
int id_map_through(const struct id_map *outer, const struct id_mapping *mapping, struct id_map *ret,
		   struct err *err);

/* Whom a process becomes to prepare a container: root, or where there is none the first that is. */
uid_t id_map_root(const struct id_map *map);
gid_t id_map_root_group(const struct id_map *map);
/* Has the caller an ID in the container? */
bool id_map_has_caller(const struct id_map *map);

/* Does this user, with this group, exist in the container? */
bool id_map_has(const struct id_map *map, uid_t uid, gid_t gid);

/*
 * Parent: writes the maps of a child in a new user namespace; through newuidmap and newgidmap, at
 * the same time, where subordinate IDs are mapped.
 */
int id_map_write(const struct id_map *map, pid_t child, struct err *err);
/*
 * Root of a user namespace: writes those of a child in a namespace within it. map is what
 * id_map_through has made of the mapping.
 */
int id_mapping_write(const struct id_mapping *mapping, const struct id_map *map, pid_t child,
		     struct err *err);

#endif
