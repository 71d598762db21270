#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/command.h"
#include "cmd/container_filter.h"
#include "cmd/container_row.h"
#include "cmd/container_size.h"
#include "cmd/life.h"

struct ps_options {
	bool all, quiet, latest, no_trunc, no_heading, size, namespaces, external;
	int last, watch;
	char *format, *sort;
	struct strv filters;
};

static const struct opt ps_opts[] = {
	{ 'a', "all", NULL, "stopped ones too", set_flag, FIELD(ps_options, all) },
	{ 'q', "quiet", NULL, "print IDs alone", set_flag, FIELD(ps_options, quiet) },
	{ 'l', "latest", NULL, "the newest one, whatever its state", set_flag,
	  FIELD(ps_options, latest) },
	{ 'n', "last", "N", "the newest N, whatever their state", set_integer,
	  FIELD(ps_options, last) },
	{ 's', "size", NULL, "print what they take on the disk", set_flag,
	  FIELD(ps_options, size) },
	{ 0, "ns", NULL, "print their namespaces", set_flag, FIELD(ps_options, namespaces) },
	{ 0, "namespace", NULL, NULL, set_flag, FIELD(ps_options, namespaces) },
	{ 'f', "filter", "KEY=VALUE", CONTAINER_FILTER_KEYS, set_list, FIELD(ps_options, filters) },
	{ 0, "sort", "KEY", "command, created, id, image, names, runningfor, size, status",
	  set_string,
	  FIELD(ps_options, sort) },
	{ 0, "format", "TEMPLATE", "print rows so: a template, 'table TEMPLATE', 'json'",
	  set_string,
	  FIELD(ps_options, format) },
	{ 0, "no-trunc", NULL, "print IDs and commands whole", set_flag,
	  FIELD(ps_options, no_trunc) },
	{ 0, "noheading", NULL, "no headings", set_flag, FIELD(ps_options, no_heading) },
	{ 'w', "watch", "SECONDS", "print again and again, so far apart", set_number,
	  FIELD(ps_options, watch) },
	{ 0, "external", NULL, "other programs' containers in the store too: there are none",
	  set_flag,
	  FIELD(ps_options, external) },
	{ 0 },
};

static void ps_done(void *options)
{
	struct ps_options *o = options;

	strv_done(&o->filters);
	free(o->format);
	free(o->sort);
}

#define PS_COLUMNS                                                                                \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"      \
	"{{.Names}}"
#define NS_COLUMNS                                                                                \
	"table {{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.Cgroup}}\t{{.IPC}}\t{{.MNT}}\t{{.NET}}\t"         \
	"{{.PIDNS}}\t{{.USERNS}}\t{{.UTS}}"

static const char *format_of(const struct ps_options *o)
{
	if (o->format && !streq(o->format, "table"))
		return o->format;
	if (o->quiet)
		return "{{.ID}}";
	if (o->namespaces)
		return NS_COLUMNS;
	return o->size ? PS_COLUMNS "\t{{.Size}}" : PS_COLUMNS;
}

/* --- sorting --- */

struct entry {
	const struct container *c;
	json_t *row;
	json_t *methods;
	struct container_size size;
};

static const struct sort_key {
	const char *name, *field; /* NULL: a number */
} sort_keys[] = {
	{ "command", "Command" }, { "created", NULL },	  { "id", "ID" },   { "image", "Image" },
	{ "names", "Names" },	  { "runningfor", NULL }, { "size", NULL }, { "status", "Status" },
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct entry *x = a, *y = b;
	const struct sort_key *key = arg;
	int64_t m = x->c->created, n = y->c->created;

	if (key->field)
		return strcmp(js_str(x->row, key->field) ?: "", js_str(y->row, key->field) ?: "");
	if (streq(key->name, "size")) {
		m = x->size.written;
		n = y->size.written;
	}
	return m < n ? -1 : m > n;
}

static int find_sort_key(const char *name, const struct sort_key **ret, struct err *err)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(sort_keys); i++)
		if (streq(name, sort_keys[i].name))
			*ret = &sort_keys[i];
	if (!name || *ret)
		return 0;
	return err_set(err, ERR_USAGE,
		       "--sort: '%s' is not command, created, id, image, names, runningfor, "
		       "size or status",
		       name);
}

/* --- what is listed --- */

struct entries {
	struct container *list;
	struct entry *v;
	size_t n, n_list;
};

static void entries_done(struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		json_decref(e->v[i].row);
		json_decref(e->v[i].methods);
	}
	free(e->v);
	container_list_done(e->list, e->n_list);
}

static bool wants_size(const struct ps_options *o)
{
	return o->size || (o->sort && streq(o->sort, "size")) ||
	       (o->format && strstr(o->format, ".Size"));
}

static int add(const struct tiffin *t, const struct container *c, const struct ps_options *o,
	       struct entries *e, struct err *err)
{
	struct entry *entry;

	e->v = xrealloc(e->v, (e->n + 1) * sizeof(*e->v));
	entry = &e->v[e->n++];
	*entry = (struct entry){
		.c = c,
		.row = container_row(c, o->no_trunc),
		.methods = container_row_methods(c),
	};
	if (wants_size(o)) {
		struct err why = { 0 };

		/* One that is removed meanwhile has none. */
		if (container_size(t, c, &entry->size, &why) < 0 && why.kind != ERR_NOT_FOUND) {
			*err = why;
			return -1;
		}
	}
	container_row_set_size(entry->row, wants_size(o) ? &entry->size : NULL);
	if (o->namespaces || o->format)
		container_row_set_namespaces(entry->row, c);
	return 0;
}

static int collect(const struct tiffin *t, const struct ps_options *o,
		   const struct container_filter *filter, struct entries *e, struct err *err)
{
	size_t most = o->latest ? 1 : o->last > 0 ? (size_t)o->last : SIZE_MAX;
	/* Who asks for a status has said which. */
	bool all = o->all || most != SIZE_MAX || filter->has_status;

	if (container_list(&t->store, &e->list, &e->n_list, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n_list && e->n < most; i++)
		if ((all || life_is_up(&e->list[i])) &&
		    container_filter_passes(filter, &e->list[i]) &&
		    add(t, &e->list[i], o, e, err) < 0)
			return -1;
	return 0;
}

static int print_once(const struct tiffin *t, const struct ps_options *o,
		      const struct container_filter *filter, const struct sort_key *key,
		      struct err *err)
{
	CLEAN(format_done) struct format format = { 0 };
	CLEAN(entries_done) struct entries e = { 0 };

	if (format_parse("ps", format_of(o), container_headings, &format, err) < 0 ||
	    collect(t, o, filter, &e, err) < 0)
		return -1;
	if (key && e.n)
		qsort_r(e.v, e.n, sizeof(*e.v), compare, (void *)key);
	for (size_t i = 0; i < e.n; i++)
		if (format_row(&format, json_incref(e.v[i].row), e.v[i].methods, err) < 0)
			return -1;
	return format_print(&format, !o->no_heading, err);
}

static int ps(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct ps_options *o = options;
	CLEAN(container_filter_done) struct container_filter filter = { 0 };
	const struct sort_key *key = NULL;

	(void)operands;
	if (find_sort_key(o->sort, &key, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    container_filter_parse(t, &o->filters, &filter, err) < 0)
		return -1;
	while (o->watch) {
		/* As podman does: home, and clear. */
		fputs("\033[H\033[2J", stdout);
		if (print_once(t, o, &filter, key, err) < 0)
			return -1;
		if (fflush(stdout) != 0)
			return err_sys(err, "cannot write to standard output");
		sleep((unsigned int)o->watch);
	}
	return print_once(t, o, &filter, key, err);
}

const struct command command_ps = {
	.names = "ps",
	.operands = "[OPTIONS]",
	.summary = "list containers",
	.opts = ps_opts,
	.size = sizeof(struct ps_options),
	.max_operands = 0,
	.run = ps,
	.done = ps_done,
};
