#include "cmd/userns_mode.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/userns_auto.h"

/* --- What was typed --- */

static int set_id(const char *key, const char *value, int64_t *ret, struct err *err)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n > INT32_MAX)
		return err_set(err, ERR_USAGE,
			       "--userns: %s=%s: parsing \"%s\": invalid syntax: a number up to %d",
			       key, value, value, INT32_MAX);
	*ret = (int64_t)n;
	return 0;
}

static int add_map(const char *text, struct id_ranges *to, struct err *err)
{
	struct id_range range;

	return id_range_parse(text, &range, err) < 0 ? -1 : id_ranges_add(to, range, err);
}

static int set_auto(struct userns_mode *m, const char *key, const char *value, struct err *err)
{
	int64_t size;

	if (streq(key, "size")) {
		if (set_id(key, value, &size, err) < 0)
			return -1;
		m->size = (uint32_t)size;
		return 0;
	}
	if (streq(key, "uidmapping"))
		return add_map(value, &m->asked.uids, err);
	if (streq(key, "gidmapping"))
		return add_map(value, &m->asked.gids, err);
	return err_set(err, ERR_USAGE, "--userns auto: unknown option specified: \"%s\"", key);
}

static int set_keep_id(struct userns_mode *m, const char *key, const char *value, struct err *err)
{
	if (streq(key, "uid"))
		return set_id(key, value, &m->uid, err);
	if (streq(key, "gid"))
		return set_id(key, value, &m->gid, err);
	return err_set(err, ERR_USAGE, "--userns keep-id: unknown option specified: \"%s\"", key);
}

static int parse_options(struct userns_mode *m, const char *text, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	char *rest = copy, *key;

	while ((key = strsep(&rest, ","))) {
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		if ((m->kind == USERNS_AUTO ? set_auto : set_keep_id)(m, key, value ?: "", err) < 0)
			return -1;
	}
	return 0;
}

static int parse_maps(const struct strv *uid_maps, const struct strv *gid_maps,
		      struct userns_mode *m, struct err *err)
{
	m->kind = USERNS_MAPS;
	for (size_t i = 0; i < uid_maps->n; i++)
		if (add_map(uid_maps->v[i], &m->asked.uids, err) < 0)
			return err_wrap(err, "--uidmap: UID");
	for (size_t i = 0; i < gid_maps->n; i++)
		if (add_map(gid_maps->v[i], &m->asked.gids, err) < 0)
			return err_wrap(err, "--gidmap: GID");
	/* One alone is said of both. */
	if (!uid_maps->n)
		m->asked.uids = m->asked.gids;
	if (!gid_maps->n)
		m->asked.gids = m->asked.uids;
	return 0;
}

int userns_mode_parse(const char *text, const struct strv *uid_maps, const struct strv *gid_maps,
		      struct userns_mode *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum userns_kind kind;
		bool options;
	} kinds[] = {
		{ "keep-id", USERNS_KEEP_ID, true },
		{ "nomap", USERNS_NOMAP, false },
		{ "auto", USERNS_AUTO, true },
	};
	struct userns_mode m = { .kind = USERNS_USUAL, .text = text, .uid = -1, .gid = -1 };
	int result = 0;

	if (uid_maps->n || gid_maps->n) {
		if (text)
			return err_set(err, ERR_USAGE,
				       "--userns and --uidmap/--gidmap/--subuidname/"
				       "--subgidname are mutually exclusive");
		result = parse_maps(uid_maps, gid_maps, &m, err);
	}
	for (size_t i = 0; text && i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (!starts_with(text, kinds[i].name) ||
		    (text[len] && (text[len] != ':' || !kinds[i].options)))
			continue;
		m.kind = kinds[i].kind;
		result = text[len] ? parse_options(&m, text + len + 1, err) : 0;
	}
	if (result == 0)
		*ret = m;
	return result;
}

/* --- What that comes to --- */

/* So many subordinate IDs there are, from 1 on. */
static uint32_t count(const struct id_range *ranges, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 1; i < n; i++)
		sum += ranges[i].count;
	return sum;
}

static int keep(uint32_t id, uint32_t have, struct id_ranges *ret, struct err *err)
{
	const struct id_range ranges[] = {
		{ 0, 1, id < have ? id : have },
		{ id, 0, 1 },
		{ id + 1, id + 1, have > id ? have - id : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (id_ranges_add(ret, ranges[i], err) < 0)
			return -1;
	return 0;
}

static int keep_id(const struct tiffin *t, const struct userns_mode *mode, struct id_mapping *ret,
		   struct err *err)
{
	const uint32_t uid = mode->uid < 0 ? geteuid() : (uint32_t)mode->uid;
	const uint32_t gid = mode->gid < 0 ? getegid() : (uint32_t)mode->gid;

	return keep(uid, count(t->ids.uids, t->ids.n_uids), &ret->uids, err) < 0 ?
		       -1 : keep(gid, count(t->ids.gids, t->ids.n_gids), &ret->gids, err);
}

static int want_range(const struct tiffin *t, const char *mode, struct err *err)
{
	if (!t->ids.single)
		return 0;
	err_set(err, ERR_DENIED,
		"--userns %s requires additional UIDs or GIDs defined in /etc/subuid and "
		"/etc/subgid to function correctly: %s",
		mode, t->ids.why_single[0] ? t->ids.why_single : "one ID is mapped");
	return err_hint(err, "keep-id and single do without");
}

static int nomap(const struct tiffin *t, struct id_mapping *ret, struct err *err)
{
	const struct id_range uids = { 0, 1, count(t->ids.uids, t->ids.n_uids) };
	const struct id_range gids = { 0, 1, count(t->ids.gids, t->ids.n_gids) };

	return id_ranges_add(&ret->uids, uids, err) < 0 ? -1 : id_ranges_add(&ret->gids, gids, err);
}

static int check_root(const struct id_mapping *m, struct err *err)
{
	uint32_t ignored;

	if (id_ranges_find(m->uids.v, m->uids.n, 0, &ignored) &&
	    id_ranges_find(m->gids.v, m->gids.n, 0, &ignored))
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		       "container uses ID mappings that don't map %s 0: there is no root "
		       "to set it up",
		       id_ranges_find(m->uids.v, m->uids.n, 0, &ignored) ? "GID" : "UID");
}

static bool covers(const struct id_ranges *r, const struct id_range *ranges, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n; i++)
		sum += r->v[i].count;
	return sum == (uint64_t)count(ranges, n) + 1;
}

/* Is it what there is without? */
static bool is_usual(const struct tiffin *t, const struct id_mapping *m)
{
	return id_mapping_is_identity(m) && covers(&m->uids, t->ids.uids, t->ids.n_uids) &&
	       covers(&m->gids, t->ids.gids, t->ids.n_gids);
}

int userns_mode_resolve(struct tiffin *t, const struct userns_mode *mode,
			const struct userns_image *image, struct id_mapping **ret, int *ret_lock,
			struct err *err)
{
	struct id_mapping m = { .uids = { .n = 0 } };
	struct id_map ignored;
	int result = 0;

	switch (mode->kind) {
	case USERNS_USUAL:
		return 0;
	case USERNS_KEEP_ID:
		result = keep_id(t, mode, &m, err);
		break;
	case USERNS_NOMAP:
		result = want_range(t, "nomap", err) < 0 ? -1 : nomap(t, &m, err);
		break;
	case USERNS_AUTO:
		result = want_range(t, "auto", err) < 0 ?
				 -1 :
				 userns_auto(t, mode, image, &m, ret_lock, err);
		break;
	case USERNS_MAPS:
		m = mode->asked;
	}
	/* With one ID, keep-id does without a root. */
	if (result < 0 ||
	    (!(t->ids.single && mode->kind == USERNS_KEEP_ID) && check_root(&m, err) < 0) ||
	    id_map_through(&t->ids, &m, &ignored, err) < 0)
		return -1;
	if (is_usual(t, &m))
		return 0;
	*ret = xmalloc(sizeof(m));
	**ret = m;
	return 0;
}
