#include "image/catalog.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

#define PAGE_MAX  (4u << 20)
#define PAGES_MAX 1000
#define TAG_MAX	  128
#define NAME_MAX_ 255

struct listing {
	struct registry registry;
	struct http *http;
};

static void clean_listing(struct listing *l)
{
	http_free(l->http);
	registry_done(&l->registry);
}

static int open_listing(const struct source *source, const struct registry_options *options,
			struct listing *l, struct err *err)
{
	if (registry_open(source, options, &l->registry, err) < 0)
		return -1;
	l->http = registry_connect(&l->registry);
	return 0;
}

/* "http://host:port" of the registry's base. The caller frees. */
static char *origin_of(const struct registry *r)
{
	const char *host = strstr(r->base, "://") + strlen("://");

	return xstrndup(r->base, (size_t)(host - r->base) + strcspn(host, "/"));
}

/* Of <address>; rel="next" the path and query, at the registry itself. NULL: there is no more. */
static char *next_page(const struct registry *r, const char *link)
{
	CLEAN(clean_free) char *origin = origin_of(r);
	CLEAN(clean_free) char *address = NULL;
	const char *path, *scheme;

	if (!link || *link != '<')
		return NULL;
	address = xstrndup(link + 1, strcspn(link + 1, ">"));
	scheme = strstr(address, "://");
	path = scheme ? strchr(scheme + strlen("://"), '/') : address;
	return path && *path == '/' ? xasprintf("%s%s", origin, path) : NULL;
}

/*
 * Calls for each string of the arrays of that name in all the pages, until it says that it has
 * done.
 */
static int each(struct listing *l, const char *path, const char *key, const char *what,
		bool (*take)(void *arg, const char *name), void *arg, struct err *err)
{
	CLEAN(clean_free) char *url = xasprintf("%s%s", l->registry.base, path);

	for (int page = 0; url && page < PAGES_MAX; page++) {
		CLEAN(http_response_done) struct http_response r = { 0 };
		CLEAN(clean_json) json_t *j = NULL;
		CLEAN(clean_free) char *here = url;
		const struct http_request req = { .url = here, .max_body = PAGE_MAX };
		json_t *name;
		size_t i;

		url = NULL;
		if (registry_get(&l->registry, l->http, &req, what, &r, err) < 0)
			return -1;
		if (js_parse(buf_str(&r.body), r.body.len, &j, NULL) < 0)
			return err_set(err, ERR_CORRUPT, "registry '%.120s': %s is not JSON",
				       l->registry.name, what);
		json_array_foreach(js_arr(j, key), i, name)
			if (json_is_string(name) && take(arg, json_string_value(name)))
				return 0;
		url = next_page(&l->registry, r.link);
	}
	return 0;
}

struct tags {
	struct strv list;
	size_t most;
};

/* OCI distribution specification: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
static bool take_tag(void *arg, const char *name)
{
	static const char all[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	struct tags *t = arg;
	const size_t len = strlen(name);

	if (len && len <= TAG_MAX && !name[strspn(name, all)] && *name != '.' && *name != '-')
		strv_add(&t->list, name);
	return t->list.n >= t->most;
}

static int tags_of(const struct source *source, const struct registry_options *options,
		   struct tags *tags, struct err *err)
{
	CLEAN(clean_listing) struct listing l = { 0 };

	return open_listing(source, options, &l, err) < 0 ?
		       -1 :
		       each(&l, "/tags/list", "tags", "its list of tags", take_tag, tags, err);
}

int catalog_tags(const struct source_list *sources, const struct registry_options *options,
		 size_t most, struct strv *ret, struct err *err)
{
	for (size_t i = 0;; i++) {
		struct tags tags = { .most = most };
		struct err why = { 0 };

		if (tags_of(&sources->v[i], options, &tags, &why) == 0) {
			*ret = tags.list;
			return 0;
		}
		strv_done(&tags.list);
		if (i + 1 == sources->n) {
			*err = why;
			return err_wrap(err, "cannot list tags");
		}
	}
}

struct found {
	json_t *list;
	const char *term;
	size_t most;
};

/* A full match comes first. */
static bool take_repository(void *arg, const char *name)
{
	struct found *f = arg;
	json_t *one;

	if (!strstr(name, f->term) || strlen(name) > NAME_MAX_)
		return false;
	one = json_object();
	js_set_str(one, "name", name);
	if (streq(name, f->term))
		json_array_insert_new(f->list, 0, one);
	else
		json_array_append_new(f->list, one);
	return json_array_size(f->list) >= f->most;
}

static void take_result(const json_t *result, struct found *f)
{
	json_t *one = json_object();

	js_set_str(one, "name", js_str(result, "name"));
	js_set_str(one, "description", js_str(result, "description"));
	js_set_int(one, "stars", js_int(result, "star_count"));
	js_set_bool(one, "official", js_bool(result, "is_official"));
	js_set_bool(one, "automated", js_bool(result, "is_automated"));
	json_array_append_new(f->list, one);
}

/* 1: it has a search, which was asked. */
static int search_v1(struct listing *l, struct found *f, struct err *err)
{
	CLEAN(clean_free) char *origin = origin_of(&l->registry);
	CLEAN(buf_done) struct buf url = { 0 };
	CLEAN(http_response_done) struct http_response r = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	struct http_request req = { .max_body = PAGE_MAX };
	const json_t *result;
	size_t i;

	if (!*f->term)
		return 0;
	buf_addf(&url, "%s/v1/search?q=", origin);
	http_add_encoded(&url, f->term);
	buf_addf(&url, "&n=%zu", f->most);
	req.url = buf_str(&url);
	if (http_get(l->http, &req, &r, err) < 0)
		return -1;
	if (r.status != 200 || js_parse(buf_str(&r.body), r.body.len, &j, NULL) < 0 ||
	    !js_arr(j, "results"))
		return 0;
	json_array_foreach(js_arr(j, "results"), i, result)
		if (json_array_size(f->list) < f->most)
			take_result(result, f);
	return 1;
}

int catalog_search(const struct source_list *sources, const struct registry_options *options,
		   const char *term, size_t most, json_t **ret, struct err *err)
{
	CLEAN(clean_listing) struct listing l = { 0 };
	CLEAN(clean_json) json_t *list = json_array();
	struct found f = { list, term, most };
	int found;

	if (open_listing(&sources->v[0], options, &l, err) < 0)
		return -1;
	found = search_v1(&l, &f, err);
	if (found < 0 || (found == 0 && each(&l, "_catalog", "repositories", "its catalogue",
					     take_repository, &f, err) < 0))
		return -1;
	*ret = ptr_take(&list);
	return 0;
}
