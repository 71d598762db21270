#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "cmd/template.h"
#include "cmd/when.h"
#include "storage/journal.h"

struct events_options {
	bool stream, no_trunc;
	char *since, *until, *format;
	struct strv filters;
};

static const struct opt events_opts[] = {
	{ 'f', "filter", "KEY=VALUE", "container, event, image, label, type, volume (repeatable)",
	  set_list, FIELD(events_options, filters) },
	{ 0, "since", "TIME", "from then on: RFC 3339, Unix seconds, or ago: 10s, 1h30m",
	  set_string,
	  FIELD(events_options, since) },
	{ 0, "until", "TIME", "end then", set_string, FIELD(events_options, until) },
	{ 0, "stream", NULL, "=false: end with what there is (true)", set_flag,
	  FIELD(events_options, stream) },
	{ 0, "format", "TEMPLATE", "print each so: a template, or 'json'", set_string,
	  FIELD(events_options, format) },
	{ 0, "no-trunc", NULL, "=false: cut IDs to 12 digits (true)", set_flag,
	  FIELD(events_options, no_trunc) },
	{ 0 },
};

static void init(void *options)
{
	struct events_options *o = options;

	o->stream = o->no_trunc = true;
}

static void done(void *options)
{
	struct events_options *o = options;

	free(o->since);
	free(o->until);
	free(o->format);
	strv_done(&o->filters);
}

/* --- filters --- */

static bool is_of(const json_t *event, const char *type, const char *value)
{
	const char *id = js_str(event, "id"), *name = js_str(event, "name");

	return streq(js_str(event, "type"), type) && *value &&
	       (starts_with(id, value) || streq(name, value));
}

/* An image's own events, and those of containers made of it; with a tag or without. */
static bool is_of_image(const json_t *event, const char *value)
{
	const char *image = streq(js_str(event, "type"), "image") ?
				    js_str(event, "name") :
				    js_str(js_obj(event, "attributes"), "image");
	size_t len = strlen(value);

	if (is_of(event, "image", value))
		return true;
	return image && len && strncmp(image, value, len) == 0 &&
	       (!image[len] || image[len] == ':');
}

static bool has_label(const json_t *event, const char *want)
{
	size_t len = strcspn(want, "=");
	CLEAN(clean_free) char *key = xstrndup(want, len);
	const char *value = js_str(js_obj(event, "attributes"), key);

	return value && (!want[len] || streq(value, want + len + 1));
}

/* docker's names where it has others. */
static bool is_action(const json_t *event, const char *want)
{
	static const char *const others[][2] = { { "die", "died" },
						 { "destroy", "remove" },
						 { "delete", "remove" } };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (streq(want, others[i][0]))
			want = others[i][1];
	return streq(js_str(event, "action"), want);
}

static bool matches(const json_t *event, const char *key, const char *value)
{
	if (strcasecmp(key, "container") == 0)
		return is_of(event, "container", value);
	if (strcasecmp(key, "event") == 0)
		return is_action(event, value);
	if (strcasecmp(key, "image") == 0)
		return is_of_image(event, value);
	if (strcasecmp(key, "label") == 0)
		return has_label(event, value);
	if (strcasecmp(key, "volume") == 0)
		return is_of(event, "volume", value);
	return strcasecmp(key, "type") == 0 && streq(js_str(event, "type"), value);
}

static int check_filters(const struct strv *filters, struct err *err)
{
	static const char *const known[] = { "container", "event", "image", "label", "type",
					     "volume" };

	for (size_t i = 0; i < filters->n; i++) {
		size_t len = strcspn(filters->v[i], "="), k = 0;

		while (k < ARRAY_SIZE(known) &&
		       (strlen(known[k]) != len || strncasecmp(filters->v[i], known[k], len) != 0))
			k++;
		if (k == ARRAY_SIZE(known) || !filters->v[i][len])
			return err_set(err, ERR_USAGE, "'%s' is not a filter that events knows",
				       filters->v[i]);
	}
	return 0;
}

/* The same key: one of the values, or all of the labels; different keys: all of them. */
static bool passes(const json_t *event, const struct strv *filters)
{
	for (size_t i = 0; i < filters->n; i++) {
		size_t len = strcspn(filters->v[i], "=");
		CLEAN(clean_free) char *key = xstrndup(filters->v[i], len);
		bool all = strcasecmp(key, "label") == 0, fits = all;

		for (size_t k = 0; k < filters->n; k++)
			if (strncasecmp(filters->v[k], key, len) == 0 &&
			    filters->v[k][len] == '=' &&
			    matches(event, key, filters->v[k] + len + 1) != all)
				fits = !all;
		if (!fits)
			return false;
	}
	return true;
}

/* --- printing --- */

/* "2026-11-22T04:05:06.000000007+01:00", in the local time zone. */
static char *local_time(int64_t nanoseconds)
{
	time_t seconds = nanoseconds / 1000000000;
	char text[40] = "", zone[16] = "";
	struct tm tm;

	if (!localtime_r(&seconds, &tm))
		return xstrdup("");
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	return xasprintf("%s.%09d%.3s:%s", text, (int)(nanoseconds % 1000000000), zone, zone + 3);
}

/* docker's line: TIME TYPE ACTION ID (KEY=VALUE, …), sorted. */
static void print_line(const json_t *event, const char *id)
{
	CLEAN(clean_free) char *time = local_time(js_int(event, "time"));
	CLEAN(buf_done) struct buf line = { 0 };
	CLEAN(clean_free) char *safe = NULL;
	/* jansson sorts only what it dumps. */
	CLEAN(clean_free) char *sorted = json_dumps(js_obj(event, "attributes"), JSON_SORT_KEYS);
	CLEAN(clean_json) json_t *attributes = sorted ? json_loads(sorted, 0, NULL) : NULL;
	const char *key, *separator = "";
	json_t *value;

	buf_addf(&line, "%s %s %s", time, js_str(event, "type"), js_str(event, "action"));
	if (*id)
		buf_addf(&line, " %s", id);
	buf_adds(&line, " (");
	json_object_foreach(attributes, key, value) {
		buf_addf(&line, "%s%s=%s", separator, key, json_string_value(value) ?: "");
		separator = ", ";
	}
	buf_adds(&line, ")");
	safe = str_printable(buf_str(&line));
	puts(safe);
}

/* docker's fields, with its JSON's names, and podman's beside them. */
static json_t *row_of(const json_t *event, const char *id)
{
	json_t *attributes = js_obj(event, "attributes");
	const char *action = js_str(event, "action"), *image = js_str(attributes, "image");
	const char *code = js_str(attributes, "exitCode"),
		   *health = js_str(attributes, "health_status");
	int64_t time = js_int(event, "time");
	json_t *j = json_object();

	js_set_str(j, "status", action);
	js_set_str(j, "id", id);
	js_set_str(j, "from", image ?: "");
	js_set_str(j, "Type", js_str(event, "type"));
	js_set_str(j, "Action", action);
	json_object_set_new(j, "Actor", json_pack("{sssO}", "ID", id, "Attributes", attributes));
	js_set_str(j, "scope", "local");
	js_set_int(j, "time", time / 1000000000);
	js_set_int(j, "timeNano", time);
	js_set_str(j, "Name", js_str(event, "name"));
	js_set_str(j, "Image", image ?: "");
	js_set_int(j, "ContainerExitCode", code ? strtol(code, NULL, 10) : 0);
	js_set_str(j, "HealthStatus", health ?: "");
	json_object_set(j, "Attributes", attributes);
	return j;
}

static int print_event(const json_t *event, const struct template *format,
		       const struct events_options *o, struct err *err)
{
	CLEAN(clean_free) char *id = xasprintf("%.*s", o->no_trunc ? 64 : 12, js_str(event, "id"));
	CLEAN(buf_done) struct buf out = { 0 };

	if (!format) {
		print_line(event, id);
	} else {
		CLEAN(clean_json) json_t *row = row_of(event, id);
		const struct template_data data = { .dot = row,
						    .escape = isatty(STDOUT_FILENO) == 1 };

		if (template_run(format, &data, &out, err) < 0)
			return -1;
		puts(buf_str(&out));
	}
	return 0;
}

/* --- the command --- */

/* How long to wait for what comes before until: -1: for ever, 0: it is past. */
static int time_left(int64_t until)
{
	int64_t left = (until - now_realtime()) / 1000000 + 1;

	return !until ? -1 : left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* Waits as long as there can be more. */
static bool await_more(struct journal *j, int64_t until)
{
	for (;;) {
		int left = time_left(until);

		if (left == 0)
			return false;
		if (journal_wait(j, left) == 0)
			return true;
	}
}

static int print_all(struct journal *j, const struct events_options *o, int64_t since,
		     int64_t until, const struct template *format, struct err *err)
{
	do {
		json_t *next;

		while ((next = journal_next(j))) {
			CLEAN(clean_json) json_t *event = next;
			int64_t time = js_int(event, "time");

			if (until && time > until)
				return 0;
			if (time >= since && passes(event, &o->filters) &&
			    print_event(event, format, o, err) < 0)
				return -1;
		}
		if (fflush(stdout) != 0)
			return err_sys(err, "cannot write to standard output");
	} while (o->stream && await_more(j, until));
	return 0;
}

static int events(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct events_options *o = options;
	CLEAN(journal_done) struct journal j = JOURNAL_INIT;
	CLEAN(clean_template) struct template *format = NULL;
	bool from_start = o->since || o->until || !o->stream;
	int64_t since = 0, until = 0;

	(void)operands;
	if ((o->since && parse_when(o->since, &since, err) < 0) ||
	    (o->until && parse_when(o->until, &until, err) < 0) ||
	    check_filters(&o->filters, err) < 0)
		return -1;
	if (o->format &&
	    template_parse("events", streq(o->format, "json") ? "{{json .}}" : o->format, &format,
			   err) < 0)
		return -1;
	if (tiffin_open(t, false, err) < 0 ||
	    journal_open(&t->store, from_start, o->stream, &j, err) < 0)
		return -1;
	return print_all(&j, o, since, until, format, err);
}

const struct command command_events = {
	.names = "events",
	.operands = "[OPTIONS]",
	.summary = "print what happens to containers and images",
	.opts = events_opts,
	.size = sizeof(struct events_options),
	.max_operands = 0,
	.run = events,
	.init = init,
	.done = done,
};
