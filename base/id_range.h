/*
 * Ranges of IDs: which numbers of one user namespace are which of another (user_namespaces(7)).
 */
#ifndef BASE_ID_RANGE_H
#define BASE_ID_RANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct id_range {
	uint32_t inside, outside, count;
};

#define ID_RANGES_MAX 64 /* the kernel takes 340 */

struct id_ranges {
	struct id_range v[ID_RANGES_MAX];
	size_t n;
};

/*
 * A container's users and groups as those of the store's user namespace, in which 0 is the caller,
 * and 1, 2, … are the subordinate IDs: podman's "intermediate" one.
 */
struct id_mapping {
	struct id_ranges uids, gids;
};

/*
 * ERR_USAGE: it overlaps with another on either side, or there are too many. Empty ones are left
 * out.
 */
int id_ranges_add(struct id_ranges *r, struct id_range range, struct err *err);
/* What an ID inside is outside; false: it is not mapped. */
bool id_ranges_find(const struct id_range *v, size_t n, uint32_t inside, uint32_t *ret_outside);
/* And the other way round. */
bool id_ranges_find_inside(const struct id_ranges *r, uint32_t outside, uint32_t *ret_inside);

/* "0:1:1001": inside, outside, count. ERR_USAGE, with what is wrong, but not of which option. */
int id_range_parse(const char *text, struct id_range *ret, struct err *err);
/* The ranges as such texts. The caller decrefs. */
json_t *id_ranges_to_json(const struct id_ranges *r);
int id_ranges_from_json(const json_t *array, struct id_ranges *ret, struct err *err);

/* Is every ID that it maps the same on both sides? */
bool id_mapping_is_identity(const struct id_mapping *m);

/*
 * A name that two mappings share only where they are the same: 32 hex digits. The order in which
 * the ranges stand does not matter.
 */
#define ID_MAPPING_NAME_MAX 33
void id_mapping_name(const struct id_mapping *m, char ret[ID_MAPPING_NAME_MAX]);

#endif
