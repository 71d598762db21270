#include "base/id_range.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return a < b ? b - a < a_count : a - b < b_count;
}

int id_ranges_add(struct id_ranges *r, struct id_range range, struct err *err)
{
	if (!range.count)
		return 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct id_range *other = &r->v[i];

		if (overlap(other->inside, other->count, range.inside, range.count) ||
		    overlap(other->outside, other->count, range.outside, range.count))
			return err_set(err, ERR_USAGE, "%u:%u:%u overlaps with %u:%u:%u",
				       range.inside, range.outside, range.count, other->inside,
				       other->outside, other->count);
	}
	if (r->n == ID_RANGES_MAX)
		return err_set(err, ERR_USAGE, "more than %d ranges of IDs", ID_RANGES_MAX);
	r->v[r->n++] = range;
	return 0;
}

bool id_ranges_find(const struct id_range *v, size_t n, uint32_t inside, uint32_t *ret_outside)
{
	for (size_t i = 0; i < n; i++) {
		if (inside < v[i].inside || inside - v[i].inside >= v[i].count)
			continue;
		*ret_outside = v[i].outside + (inside - v[i].inside);
		return true;
	}
	return false;
}

bool id_ranges_find_inside(const struct id_ranges *r, uint32_t outside, uint32_t *ret_inside)
{
	for (size_t i = 0; i < r->n; i++) {
		if (outside < r->v[i].outside || outside - r->v[i].outside >= r->v[i].count)
			continue;
		*ret_inside = r->v[i].inside + (outside - r->v[i].outside);
		return true;
	}
	return false;
}

/* The number before one of the ends; *text is behind it then. */
static bool take_number(const char **text, char ends, uint32_t *ret)
{
	unsigned long long n;
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	n = strtoull(*text, &end, 10);
	if (errno || *end != ends || n > UINT32_MAX)
		return false;
	*text = end + 1;
	*ret = (uint32_t)n;
	return true;
}

int id_range_parse(const char *text, struct id_range *ret, struct err *err)
{
	const char *rest = text;
	struct id_range r;

	/* The last ID means "none": chown(2). */
	if (!take_number(&rest, ':', &r.inside) || !take_number(&rest, ':', &r.outside) ||
	    !take_number(&rest, '\0', &r.count) || !r.count || r.count > UINT32_MAX - r.inside ||
	    r.count > UINT32_MAX - r.outside) {
		CLEAN(clean_free) char *safe = str_printable(text);

		return err_set(err, ERR_USAGE, "setting is malformed expected "
			       "[\"uint32:uint32:uint32\"]: [\"%.80s\"]", safe);
	}
	*ret = r;
	return 0;
}

json_t *id_ranges_to_json(const struct id_ranges *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(array, json_sprintf("%u:%u:%u", r->v[i].inside,
							  r->v[i].outside, r->v[i].count));
	return array;
}

int id_ranges_from_json(const json_t *array, struct id_ranges *ret, struct err *err)
{
	struct id_ranges ranges = { .n = 0 };
	json_t *item;
	size_t i;

	json_array_foreach(array, i, item) {
		struct id_range r;

		if (id_range_parse(json_string_value(item) ?: "", &r, err) < 0 ||
		    id_ranges_add(&ranges, r, err) < 0)
			return -1;
	}
	*ret = ranges;
	return 0;
}

static bool is_identity(const struct id_ranges *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].inside != r->v[i].outside)
			return false;
	return true;
}

bool id_mapping_is_identity(const struct id_mapping *m)
{
	return is_identity(&m->uids) && is_identity(&m->gids);
}

static int by_inside(const void *a, const void *b)
{
	const struct id_range *x = a, *y = b;

	return x->inside < y->inside ? -1 : x->inside > y->inside;
}

static void spell(const struct id_ranges *r, struct buf *text)
{
	struct id_ranges sorted = *r;

	if (sorted.n)
		qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_inside);
	for (size_t i = 0; i < sorted.n; i++)
		buf_addf(text, "%u:%u:%u,", sorted.v[i].inside, sorted.v[i].outside,
			 sorted.v[i].count);
	buf_adds(text, ";");
}

/* FNV-1a of 128 bits: nobody but the caller chooses what is hashed. */
void id_mapping_name(const struct id_mapping *m, char ret[ID_MAPPING_NAME_MAX])
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;
	unsigned __int128 hash =
		((unsigned __int128)0x6c62272e07bb0142u << 64) + 0x62b821756295c58du;
	CLEAN(buf_done) struct buf text = { 0 };

	spell(&m->uids, &text);
	spell(&m->gids, &text);
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.data[i]) * prime;
	snprintf(ret, ID_MAPPING_NAME_MAX, "%016llx%016llx", (unsigned long long)(hash >> 64),
		 (unsigned long long)hash);
}
