#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/command.h"
#include "cmd/container_row.h"
#include "storage/container.h"

struct ps_options {
	bool all, quiet, latest, no_trunc, no_heading;
	int last;
	char *format;
	struct strv filters;
};

static const struct opt ps_opts[] = {
	{ 'a', "all", NULL, "stopped ones too", set_flag, FIELD(ps_options, all) },
	{ 'q', "quiet", NULL, "print IDs alone", set_flag, FIELD(ps_options, quiet) },
	{ 'l', "latest", NULL, "the newest one, whatever its state", set_flag,
	  FIELD(ps_options, latest) },
	{ 'n', "last", "N", "the newest N, whatever their state", set_number,
	  FIELD(ps_options, last) },
	{ 'f', "filter", "KEY=VALUE", "id, name, label, status, exited, ancestor (repeatable)",
	  set_list, FIELD(ps_options, filters) },
	{ 0, "format", "TEMPLATE", "print rows so: a template, 'table TEMPLATE', 'json'", set_string,
	  FIELD(ps_options, format) },
	{ 0, "no-trunc", NULL, "print IDs and commands whole", set_flag,
	  FIELD(ps_options, no_trunc) },
	{ 0, "noheading", NULL, "no headings", set_flag, FIELD(ps_options, no_heading) },
	{ 0 },
};

static void ps_done(void *options)
{
	struct ps_options *o = options;

	strv_done(&o->filters);
	free(o->format);
}

static bool has_label(const struct container *c, const char *want)
{
	CLEAN(strv_done) struct strv labels = { 0 };
	size_t len = strlen(want);

	js_strv(c->config, "labels", &labels);
	for (size_t i = 0; i < labels.n; i++)
		if (streq(labels.v[i], want) ||
		    (!strchr(want, '=') && strncmp(labels.v[i], want, len) == 0 && labels.v[i][len] == '='))
			return true;
	return false;
}

static bool matches(const struct container *c, const char *key, const char *value)
{
	char number[16];

	if (streq(key, "id"))
		return starts_with(c->id, value);
	if (streq(key, "name"))
		return strstr(c->name, value) != NULL;
	if (streq(key, "label"))
		return has_label(c, value);
	if (streq(key, "status"))
		return streq(container_status_word(c), value);
	if (streq(key, "ancestor"))
		return starts_with(c->image_id, value) || strstr(c->image, value) != NULL;
	snprintf(number, sizeof(number), "%d", c->state.exit_code);
	return streq(key, "exited") && c->status == CONTAINER_EXITED && streq(number, value);
}

/* The same key: one of the values; different keys: all of them. */
static bool passes(const struct container *c, const struct strv *filters)
{
	for (size_t i = 0; i < filters->n; i++) {
		size_t len = strcspn(filters->v[i], "=");
		CLEAN(clean_free) char *key = xstrndup(filters->v[i], len);
		bool any = false;

		for (size_t k = 0; k < filters->n; k++)
			if (strncmp(filters->v[k], key, len) == 0 && filters->v[k][len] == '=')
				any = any || matches(c, key, filters->v[k] + len + 1);
		if (!any)
			return false;
	}
	return true;
}

static int check_filters(const struct strv *filters, struct err *err)
{
	static const char *const known[] = { "id", "name", "label", "status", "exited", "ancestor" };

	for (size_t i = 0; i < filters->n; i++) {
		size_t len = strcspn(filters->v[i], "=");
		bool found = false;

		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			found = found || (strlen(known[k]) == len &&
					  strncmp(filters->v[i], known[k], len) == 0);
		if (!found || !filters->v[i][len])
			return err_set(err, ERR_USAGE, "'%s' is not a filter that ps knows",
				       filters->v[i]);
	}
	return 0;
}

#define PS_TABLE                                                                                  \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"      \
	"{{.Names}}"

static const char *format_of(const struct ps_options *o)
{
	if (o->format && !streq(o->format, "table"))
		return o->format;
	return o->quiet ? "{{.ID}}" : PS_TABLE;
}

static int print_rows(const struct container *list, size_t n, const struct ps_options *o, bool all,
		      size_t most, struct err *err)
{
	CLEAN(format_done) struct format format = { 0 };

	if (format_parse("ps", format_of(o), container_headings, &format, err) < 0)
		return -1;
	for (size_t i = 0; i < n && most; i++) {
		CLEAN(clean_json) json_t *methods = NULL;

		if ((!all && list[i].status != CONTAINER_RUNNING) || !passes(&list[i], &o->filters))
			continue;
		most--;
		methods = container_row_methods(&list[i]);
		if (format_row(&format, container_row(&list[i], o->no_trunc), methods, err) < 0)
			return -1;
	}
	return format_print(&format, !o->no_heading, err);
}

static int ps(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct ps_options *o = options;
	size_t n = 0, most = o->latest ? 1 : o->last > 0 ? (size_t)o->last : SIZE_MAX;
	struct container *list = NULL;
	bool all = o->all || most != SIZE_MAX;
	int result;

	(void)operands;
	/* Who asks for a status has said which. */
	for (size_t i = 0; i < o->filters.n; i++)
		all = all || starts_with(o->filters.v[i], "status=") ||
		      starts_with(o->filters.v[i], "exited=");
	if (check_filters(&o->filters, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    container_list(&t->store, &list, &n, err) < 0)
		return -1;
	result = print_rows(list, n, o, all, most, err);
	container_list_done(list, n);
	return result;
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
