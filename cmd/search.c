#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/format.h"
#include "cmd/helper.h"
#include "image/registries_conf.h"

#define HUB		  "docker.io"
#define HUB_SEARCH	  "index.docker.io"
#define LIMIT		  25
#define DESCRIPTION_WIDTH 44

struct search_options {
	struct access_options access;
	struct strv filters;
	char *format;
	int limit;
	bool list_tags, no_trunc;
};

static const struct opt search_opts[] = {
	{ 0, "limit", "N", "print no more than so many of a registry: 25", set_number,
	  FIELD(search_options, limit) },
	{ 0, "list-tags", NULL, "the tags of a repository", set_flag,
	  FIELD(search_options, list_tags) },
	{ 'f', "filter", "KEY=VALUE", "stars=N, is-official=BOOL, is-automated=BOOL", set_list,
	  FIELD(search_options, filters) },
	{ 0, "format", "TEMPLATE", "print rows so: a template, 'table TEMPLATE', 'json'",
	  set_string,
	  FIELD(search_options, format) },
	{ 0, "no-trunc", NULL, "print descriptions whole", set_flag,
	  FIELD(search_options, no_trunc) },
	ACCESS_ROWS(search_options, access),
	{ 0 },
};

static const struct heading headings[] = {
	{ "Index", "INDEX" },	    { "Name", "NAME" },
	{ "Description", "DESCRIPTION" }, { "Stars", "STARS" },
	{ "Official", "OFFICIAL" }, { "Automated", "AUTOMATED" },
	{ "Tag", "TAG" },	    { 0 },
};

static void search_init(void *options)
{
	((struct search_options *)options)->limit = LIMIT;
}

static void search_done(void *options)
{
	struct search_options *o = options;

	access_options_done(&o->access);
	strv_done(&o->filters);
	free(o->format);
}

struct filter {
	int stars;
	int official, automated; /* -1: either */
};

static int parse_flag(const char *value, int *ret)
{
	*ret = !*value || streq(value, "true") || streq(value, "1");
	return *ret || streq(value, "false") || streq(value, "0") ? 0 : -1;
}

static int parse_filters(const struct strv *filters, struct filter *ret, struct err *err)
{
	*ret = (struct filter){ .official = -1, .automated = -1 };
	for (size_t i = 0; i < filters->n; i++) {
		const char *text = filters->v[i], *value = strchr(text, '=');
		const size_t len = value ? (size_t)(value - text) : strlen(text);
		CLEAN(clean_free) char *key = xstrndup(text, len);
		int bad = 0;

		value = value ? value + 1 : "";
		if (streq(key, "stars"))
			bad = set_number(&ret->stars, value, NULL);
		else if (streq(key, "is-official"))
			bad = parse_flag(value, &ret->official);
		else if (streq(key, "is-automated"))
			bad = parse_flag(value, &ret->automated);
		else
			return err_set(err, ERR_USAGE, "invalid filter '%s'", text);
		if (bad)
			return err_set(err, ERR_USAGE, "invalid value of filter '%s'", text);
	}
	return 0;
}

static bool is_wanted(const json_t *result, const struct filter *f)
{
	return js_int(result, "stars") >= f->stars &&
	       (f->official < 0 || js_bool(result, "official") == f->official) &&
	       (f->automated < 0 || js_bool(result, "automated") == f->automated);
}

/* Official images have no namespace of their own. The caller frees. */
static char *full_name(const char *registry, const char *name)
{
	const bool official = streq(registry, HUB) && !strchr(name, '/');

	return xasprintf("%s/%s%s", registry, official ? "library/" : "", name);
}

static json_t *new_row(const char *registry, const char *name)
{
	CLEAN(clean_free) char *full = full_name(registry, name);
	json_t *row = json_object();

	js_set_str(row, "Index", registry);
	js_set_str(row, "Name", full);
	js_set_str(row, "Description", "");
	js_set_int(row, "Stars", 0);
	js_set_str(row, "Official", "");
	js_set_str(row, "Automated", "");
	js_set_str(row, "Tag", "");
	return row;
}

/* As long as a line of a terminal; not within a character. */
static char *shorten(const char *text, bool whole)
{
	size_t len = strlen(text);

	if (whole || len <= DESCRIPTION_WIDTH)
		return xstrdup(text);
	for (len = DESCRIPTION_WIDTH; ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return xasprintf("%.*s...", (int)len, text);
}

static int search_in(struct tiffin *t, const struct search_options *o, const char *registry,
		     const char *term, const struct filter *filter, struct format *f,
		     struct err *err)
{
	CLEAN(source_list_done) struct source_list source = { 0 };
	CLEAN(clean_json) json_t *results = NULL;
	json_t *one;
	size_t i;

	if (access_add_source(&o->access, streq(registry, HUB) ? HUB_SEARCH : registry, NULL,
			      &source, err) < 0 ||
	    helper_search(t, &source, term, o->limit, &results, err) < 0)
		return -1;
	json_array_foreach(results, i, one)
	{
		CLEAN(clean_free)
		char *description = shorten(js_str(one, "description") ?: "", o->no_trunc);
		json_t *row;

		if (!is_wanted(one, filter))
			continue;
		row = new_row(registry, js_str(one, "name") ?: "");
		js_set_str(row, "Description", description);
		js_set_int(row, "Stars", js_int(one, "stars"));
		js_set_str(row, "Official", js_bool(one, "official") ? "[OK]" : "");
		js_set_str(row, "Automated", js_bool(one, "automated") ? "[OK]" : "");
		if (format_row(f, row, NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int list_tags(struct tiffin *t, const struct search_options *o, const char *registry,
		     const char *repository, struct format *f, struct err *err)
{
	CLEAN(source_list_done) struct source_list source = { 0 };
	CLEAN(strv_done) struct strv tags = { 0 };
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *full = full_name(registry, repository);
	const struct retry retry = RETRY_DEFAULT;

	if (reference_parse(full, &ref, err) < 0 ||
	    access_add_source(&o->access, ref.registry, ref.repository, &source, err) < 0 ||
	    helper_tags(t, &source, &retry, &tags, err) < 0)
		return -1;
	for (size_t i = 0; i < tags.n && i < (size_t)o->limit; i++) {
		json_t *row = new_row(registry, repository);

		js_set_str(row, "Tag", tags.v[i]);
		if (format_row(f, row, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* The registries to ask, and the term without one. */
static int find_registries(const char *text, struct strv *ret, const char **ret_term,
			   struct err *err)
{
	CLEAN(registries_conf_done) struct registries_conf conf = { 0 };
	const char *slash = strchr(text, '/');
	CLEAN(clean_free) char *first = xstrndup(text, strcspn(text, "/"));

	*ret_term = text;
	if (!reference_is_short(text)) {
		strv_add(ret, first);
		*ret_term = slash + 1;
		return 0;
	}
	if (registries_conf_load(&conf, err) < 0)
		return -1;
	for (size_t i = 0; i < conf.search.n; i++)
		strv_add(ret, conf.search.v[i]);
	if (!ret->n)
		strv_add(ret, HUB);
	return 0;
}

static int search_all(struct tiffin *t, const struct search_options *o, const char *text,
		      const struct filter *filter, struct format *f, struct err *err)
{
	CLEAN(strv_done) struct strv registries = { 0 };
	const char *term;
	int code = 0;

	if (find_registries(text, &registries, &term, err) < 0)
		return -1;
	for (size_t i = 0; i < registries.n; i++) {
		struct err why = { 0 };
		int result = o->list_tags ? list_tags(t, o, registries.v[i], term, f, &why) :
					    search_in(t, o, registries.v[i], term, filter, f, &why);

		/* What the others found is printed all the same. */
		if (result < 0)
			report(&why);
		if (result < 0)
			code = EXIT_TIFFIN;
	}
	return code;
}

static int search(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct search_options *o = options;
	CLEAN(format_done) struct format f = { 0 };
	const char *text = o->list_tags ? "table {{.Name}}\t{{.Tag}}" :
					  "table {{.Name}}\t{{.Description}}";
	struct filter filter;
	int code;

	if (o->limit < 1 || o->limit > 100000)
		return err_set(err, ERR_USAGE, "--limit: from 1 to 100000");
	if (o->list_tags && o->filters.n)
		return err_set(err, ERR_USAGE, "filters are not applicable to list tags result");
	if (parse_filters(&o->filters, &filter, err) < 0 ||
	    format_parse("search", o->format ?: text, headings, &f, err) < 0 ||
	    tiffin_open(t, false, err) < 0)
		return -1;
	code = search_all(t, o, operands->v[0], &filter, &f, err);
	if (code < 0 || (code > 0 && !f.rows.len))
		return code;
	return format_print(&f, true, err) < 0 ? -1 : code;
}

const struct command command_search = {
	.names = "search",
	.operands = "[OPTIONS] TERM",
	.summary = "look for images in registries",
	.opts = search_opts,
	.size = sizeof(struct search_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = search,
	.init = search_init,
	.done = search_done,
};
