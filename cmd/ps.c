#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "cmd/human.h"
#include "cmd/table.h"
#include "storage/container.h"

struct ps_options {
	bool all, quiet, latest, no_trunc, no_heading;
	int last;
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
	{ 0, "no-trunc", NULL, "print IDs and commands whole", set_flag,
	  FIELD(ps_options, no_trunc) },
	{ 0, "noheading", NULL, "no headings", set_flag, FIELD(ps_options, no_heading) },
	{ 0 },
};

static void ps_done(void *options)
{
	strv_done(&((struct ps_options *)options)->filters);
}

static const char *const status_words[] = {
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_EXITED] = "exited",
};

/* "Up 3 seconds", "Exited (0) 2 minutes ago". */
static char *describe_status(const struct container *c)
{
	int64_t now = now_realtime();
	CLEAN(clean_free) char *age = NULL;

	if (c->status == CONTAINER_CREATED)
		return xstrdup("Created");
	if (c->status == CONTAINER_RUNNING) {
		age = human_duration((now - c->state.started) / 1000000000);
		return xasprintf("Up %s", age);
	}
	if (c->state.finished == 0)
		return xasprintf("Exited (%d), its monitor died", c->state.exit_code);
	age = human_duration((now - c->state.finished) / 1000000000);
	return xasprintf("Exited (%d) %s ago", c->state.exit_code, age);
}

/* The command as docker shows it: in quotes, cut after 19 characters. */
static char *describe_command(const struct container *c, bool whole)
{
	CLEAN(strv_done) struct strv args = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	js_strv(js_obj(c->config, "spec"), "args", &args);
	for (size_t i = 0; i < args.n; i++)
		buf_addf(&text, "%s%s", i ? " " : "", args.v[i]);
	if (whole || text.len <= 20)
		return xasprintf("\"%s\"", buf_str(&text));
	return xasprintf("\"%.19s…\"", buf_str(&text));
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
		return streq(status_words[c->status], value);
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

static void add_row(struct table *table, const struct container *c, const struct ps_options *o)
{
	CLEAN(clean_free) char *age = human_duration((now_realtime() - c->created) / 1000000000);

	table_cell(table, xasprintf("%.*s", o->no_trunc ? 64 : 12, c->id));
	table_cell(table, xstrdup(c->image));
	table_cell(table, describe_command(c, o->no_trunc));
	table_cell(table, xasprintf("%s ago", age));
	table_cell(table, describe_status(c));
	table_cell(table, xstrdup(""));
	table_cell(table, xstrdup(c->name));
}

static int ps(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const char *const headings[] = { "CONTAINER ID", "IMAGE", "COMMAND", "CREATED",
						"STATUS",	"PORTS", "NAMES",   NULL };
	const struct ps_options *o = options;
	size_t n = 0, most = o->latest ? 1 : o->last > 0 ? (size_t)o->last : SIZE_MAX;
	struct container *list = NULL;
	struct table table;
	bool all = o->all || most != SIZE_MAX;

	(void)operands;
	/* Who asks for a status has said which. */
	for (size_t i = 0; i < o->filters.n; i++)
		all = all || starts_with(o->filters.v[i], "status=") ||
		      starts_with(o->filters.v[i], "exited=");
	if (check_filters(&o->filters, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    container_list(&t->store, &list, &n, err) < 0)
		return -1;
	table_init(&table, headings, !o->no_heading);
	for (size_t i = 0; i < n && most; i++) {
		if ((!all && list[i].status != CONTAINER_RUNNING) || !passes(&list[i], &o->filters))
			continue;
		most--;
		if (o->quiet)
			printf("%.*s\n", o->no_trunc ? 64 : 12, list[i].id);
		else
			add_row(&table, &list[i], o);
	}
	if (!o->quiet)
		table_print(&table);
	container_list_done(list, n);
	return 0;
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
