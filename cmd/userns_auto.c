#include "cmd/userns_auto.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "runtime/userns.h"
#include "storage/container.h"
#include "storage/image_ids.h"

#define SIZE_MIN 1024 /* as podman has it */
#define SIZE_MAX_AUTO 65536

/* --- IDs that are free --- */

struct interval {
	uint32_t first, count;
};

/* In order, and apart from each other. */
struct intervals {
	struct interval *v;
	size_t n;
};

static void intervals_done(struct intervals *s)
{
	free(s->v);
}

static void add(struct intervals *s, uint32_t first, uint32_t count)
{
	if (!count)
		return;
	s->v = xrealloc(s->v, (s->n + 1) * sizeof(*s->v));
	s->v[s->n++] = (struct interval){ first, count };
}

static void take_out(struct intervals *s, uint32_t first, uint32_t count)
{
	struct intervals left = { 0 };
	const uint64_t end = (uint64_t)first + count;

	for (size_t i = 0; i < s->n; i++) {
		const uint64_t stop = (uint64_t)s->v[i].first + s->v[i].count;

		if (end <= s->v[i].first || first >= stop) {
			add(&left, s->v[i].first, s->v[i].count);
			continue;
		}
		add(&left, s->v[i].first, first > s->v[i].first ? first - s->v[i].first : 0);
		add(&left, (uint32_t)end, stop > end ? (uint32_t)(stop - end) : 0);
	}
	intervals_done(s);
	*s = left;
}

/* One after the other, those inside get the first ones outside that are free. */
static int pair(const struct intervals *inside, const struct intervals *outside,
		struct id_ranges *ret, struct err *err)
{
	size_t at = 0;
	uint32_t used = 0;

	for (size_t i = 0; i < inside->n; i++) {
		struct interval left = inside->v[i];

		while (left.count) {
			struct id_range range;

			if (at == outside->n) {
				err_set(err, ERR_DENIED,
					"--userns auto: not enough unused IDs in user namespace");
				return err_hint(err,
						"auto:size=N takes fewer; containers made so give "
						"theirs back when they are removed");
			}
			range = (struct id_range){ left.first, outside->v[at].first + used,
						   outside->v[at].count - used };
			if (range.count > left.count)
				range.count = left.count;
			if (id_ranges_add(ret, range, err) < 0)
				return -1;
			left.first += range.count;
			left.count -= range.count;
			used += range.count;
			if (used == outside->v[at].count) {
				used = 0;
				at++;
			}
		}
	}
	return 0;
}

/* --- Other containers' --- */

static void take_out_all(struct intervals *s, const struct id_ranges *r)
{
	for (size_t i = 0; i < r->n; i++)
		take_out(s, r->v[i].outside, r->v[i].count);
}

static int take_out_others(const struct tiffin *t, struct intervals *uids, struct intervals *gids,
			   struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const json_t *mapping = js_obj(list[i].config, "id_mapping");
		struct id_ranges r;

		if (!starts_with(js_str(list[i].config, "userns") ?: "", "auto"))
			continue;
		if (id_ranges_from_json(js_arr(mapping, "uids"), &r, NULL) == 0)
			take_out_all(uids, &r);
		if (id_ranges_from_json(js_arr(mapping, "gids"), &r, NULL) == 0)
			take_out_all(gids, &r);
	}
	container_list_done(list, n);
	return 0;
}

/* --- How many --- */

struct counting {
	const struct store *store;
	const struct userns_image *image;
};

/* In the user namespace, as layers have directories that are closed. */
static int note_owners(void *arg, int *ret_fd, struct err *err)
{
	const struct counting *c = arg;

	return image_ids_note(c->store, c->image->id, c->image->layers, ret_fd, err);
}

/* What the image's files belong to, and what it is to run as. */
static int count_ids(struct tiffin *t, const struct userns_image *image, uint32_t *ret,
		     struct err *err)
{
	struct counting c = { .store = &t->store, .image = image };
	CLEAN(clean_fd) int ignored = -1;
	uint32_t last = 0, number = 0;
	char *end;

	if (*image->id && image_ids_last(&t->store, image->id, &last, NULL) < 0 &&
	    (userns_open(&t->ids, note_owners, &c, &ignored, err) < 0 ||
	     image_ids_last(&t->store, image->id, &last, err) < 0))
		return err_wrap(err, "--userns auto");
	if (image->user && *image->user >= '0' && *image->user <= '9')
		number = (uint32_t)strtoul(image->user, &end, 10);
	*ret = (last > number && last < UINT32_MAX ? last : number) + 1;
	return 0;
}

static uint32_t at_least(uint32_t size, const struct id_ranges *asked)
{
	for (size_t i = 0; i < asked->n; i++)
		if (asked->v[i].inside + asked->v[i].count > size)
			size = asked->v[i].inside + asked->v[i].count;
	return size;
}

static uint32_t last_of(const struct id_range *ranges, size_t n)
{
	return ranges[n - 1].inside + ranges[n - 1].count - 1;
}

static int choose(uint32_t size, const struct id_ranges *asked, struct intervals *free_ids,
		  struct id_ranges *ret, struct err *err)
{
	CLEAN(intervals_done) struct intervals inside = { 0 };

	*ret = *asked;
	add(&inside, 0, size);
	for (size_t i = 0; i < asked->n; i++) {
		take_out(&inside, asked->v[i].inside, asked->v[i].count);
		take_out(free_ids, asked->v[i].outside, asked->v[i].count);
	}
	return pair(&inside, free_ids, ret, err);
}

int userns_auto(struct tiffin *t, const struct userns_mode *mode, const struct userns_image *image,
		struct id_mapping *ret, int *ret_lock, struct err *err)
{
	CLEAN(intervals_done) struct intervals uids = { 0 };
	CLEAN(intervals_done) struct intervals gids = { 0 };
	CLEAN(clean_fd) int lock = -1;
	uint32_t size = mode->size;

	if (!size) {
		if (count_ids(t, image, &size, err) < 0)
			return -1;
		size = size < SIZE_MIN ? SIZE_MIN : size > SIZE_MAX_AUTO ? SIZE_MAX_AUTO : size;
	}
	size = at_least(at_least(size, &mode->asked.uids), &mode->asked.gids);
	if (file_lock_at(t->store.locks, "auto-ids", LOCK_EXCLUSIVE, true, &lock, err) < 0)
		return -1;
	add(&uids, 1, last_of(t->ids.uids, t->ids.n_uids));
	add(&gids, 1, last_of(t->ids.gids, t->ids.n_gids));
	if (take_out_others(t, &uids, &gids, err) < 0 ||
	    choose(size, &mode->asked.uids, &uids, &ret->uids, err) < 0 ||
	    choose(size, &mode->asked.gids, &gids, &ret->gids, err) < 0)
		return -1;
	*ret_lock = fd_take(&lock);
	return 0;
}
