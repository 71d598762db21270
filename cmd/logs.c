/*
 * "tiffin logs": of several containers, what there is goes by the time that it was written at; what
 * comes later, as it comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/latest.h"
#include "cmd/log_options.h"
#include "cmd/when.h"
#include "runtime/log_reader.h"
#include "storage/container.h"

struct logs_options {
	bool follow, timestamps, names, latest;
	char *tail, *since, *until;
};

static const struct opt logs_opts[] = {
	{ 'f', "follow", NULL, "go on until the container ends", set_flag,
	  FIELD(logs_options, follow) },
	{ 'n', "tail", "N", "the last N lines only", set_string, FIELD(logs_options, tail) },
	{ 't', "timestamps", NULL, "put the time in front", set_flag,
	  FIELD(logs_options, timestamps) },
	{ 0, "names", NULL, "of several containers, put names in front, not IDs", set_flag,
	  FIELD(logs_options, names) },
	{ 0, "since", "TIME", "not before: RFC 3339, Unix seconds, or ago: 10s, 5m, 2h", set_string,
	  FIELD(logs_options, since) },
	{ 0, "until", "TIME", "not after", set_string, FIELD(logs_options, until) },
	LATEST_ROW(logs_options, latest),
	{ 0 },
};

static void logs_done(void *options)
{
	struct logs_options *o = options;

	free(o->tail);
	free(o->since);
	free(o->until);
}

/* One container's log. */
struct source {
	struct log_options options;
	struct log_reader reader;
	struct log_record record; /* the next to be printed, where there is one */
	bool has_record;
	char *label;	  /* in front of each line; NULL: nothing */
	bool at_start[2]; /* of a line, by stream */
	int dir;	  /* the container's */
	int monitor;	  /* a pidfd; -1: nothing will be added */
};

struct view {
	struct source *sources;
	size_t n;
	int64_t since, until; /* nanoseconds; until 0: no end */
	bool timestamps;
	int watch; /* inotify(7) */
};

static void view_done(struct view *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct source *s = &v->sources[i];

		log_reader_done(&s->reader);
		log_options_done(&s->options);
		free(s->label);
		clean_fd(&s->dir);
		clean_fd(&s->monitor);
	}
	free(v->sources);
	clean_fd(&v->watch);
}

static void print_record(const struct view *v, struct source *s)
{
	const struct log_record *record = &s->record;
	FILE *out = record->is_stderr ? stderr : stdout;

	/* stderr is not buffered: what came before it is to stand before it. */
	if (record->is_stderr)
		fflush(stdout);
	if (s->label && s->at_start[record->is_stderr])
		fprintf(out, "%s ", s->label);
	if (v->timestamps && s->at_start[record->is_stderr]) {
		char time[LOG_TIME_LEN + 1];

		log_time(record->time, time);
		fprintf(out, "%s ", time);
	}
	fwrite(record->text, 1, record->len, out);
	if (!record->partial)
		fputc('\n', out);
	s->at_start[record->is_stderr] = !record->partial;
}

static bool fetch(const struct view *v, struct source *s)
{
	while (!s->has_record && log_reader_next(&s->reader, &s->record))
		s->has_record = s->record.time >= v->since &&
				(!v->until || s->record.time <= v->until);
	return s->has_record;
}

/* Prints what is there, of all. */
static void print_rest(struct view *v)
{
	for (;;) {
		struct source *first = NULL;

		for (size_t i = 0; i < v->n; i++) {
			struct source *s = &v->sources[i];

			if (fetch(v, s) && (!first || s->record.time < first->record.time))
				first = s;
		}
		if (!first)
			break;
		print_record(v, first);
		first->has_record = false;
	}
	fflush(stdout);
}

/* The directory tells both of what is written to the log and of a new one. */
static int watch_source(struct view *v, struct source *s, struct err *err)
{
	const char *path = s->reader.config.path;
	CLEAN(clean_free) char *copy = xstrdup(path ? path : "");
	char name[FD_PATH_MAX];

	if (inotify_add_watch(v->watch, path ? dirname(copy) : fd_path(s->dir, name),
			      IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_sys(err, "cannot watch the log");
	return 0;
}

/* How long to wait: until --until. -1: for ever. */
static int patience(const struct view *v)
{
	int64_t left = v->until - now_realtime();

	if (!v->until)
		return -1;
	return left <= 0 ? 0 : left / 1000000 >= INT_MAX ? INT_MAX : (int)(left / 1000000) + 1;
}

/* Waits for something to happen. False: nothing will any more. */
static int await(struct view *v, struct err *err)
{
	CLEAN(clean_free) struct pollfd *p = xcalloc(v->n + 1, sizeof(*p));
	char events[4096];
	bool any = false;
	int n;

	p[0] = (struct pollfd){ .fd = v->watch, .events = POLLIN };
	for (size_t i = 0; i < v->n; i++) {
		p[i + 1] = (struct pollfd){ .fd = v->sources[i].monitor, .events = POLLIN };
		any = any || v->sources[i].monitor >= 0;
	}
	if (!any)
		return 0;
	n = poll(p, v->n + 1, patience(v));
	if (n < 0 && errno != EINTR)
		return err_sys(err, "cannot watch the log");
	while (read(v->watch, events, sizeof(events)) > 0)
		;
	/* Nothing is written any more when the monitor is gone, and all of it is there. */
	for (size_t i = 0; i < v->n; i++)
		if (n > 0 && p[i + 1].revents)
			close(fd_take(&v->sources[i].monitor));
	return n != 0;
}

static int follow(struct view *v, struct err *err)
{
	int more;

	v->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (v->watch < 0)
		return err_sys(err, "cannot watch the log");
	for (size_t i = 0; i < v->n; i++)
		if (watch_source(v, &v->sources[i], err) < 0)
			return -1;
	do {
		print_rest(v);
		more = await(v, err);
	} while (more > 0);
	if (more == 0)
		print_rest(v);
	return more;
}

static int open_source(struct tiffin *t, const char *name, const struct logs_options *o,
		       bool several, struct source *ret, struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	struct log_config config;

	*ret = (struct source){ .at_start = { true, true }, .dir = -1, .monitor = -1 };
	if (container_find(&t->store, name, &c, err) < 0)
		return -1;
	log_options_from_json(js_obj(c.config, "log"), &ret->options);
	log_options_config(&ret->options, &config);
	if (config.driver == LOG_NONE)
		return err_set(err, ERR_NOT_FOUND,
			       "this container is using the 'none' log driver, cannot read logs: "
			       "this container is not logging output");
	if (several)
		ret->label = xasprintf("%.*s", o->names ? -1 : 12, o->names ? c.name : c.id);
	/* Before the reading: what is written afterwards is seen. */
	if (o->follow)
		ret->monitor = proc_open(&c.state.monitor);
	if (container_open_dir(&t->store, c.id, &ret->dir, err) < 0 ||
	    log_reader_open(&config, ret->dir, o->follow, &ret->reader, err) < 0)
		return err_wrap(err, "container %s", c.name);
	return 0;
}

static int logs(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct logs_options *o = options;
	CLEAN(view_done) struct view v = { .timestamps = o->timestamps, .watch = -1 };
	CLEAN(strv_done) struct strv containers = { 0 };
	int tail = -1;

	if ((o->since && parse_when(o->since, &v.since, err) < 0) ||
	    (o->until && parse_when(o->until, &v.until, err) < 0))
		return -1;
	if (o->tail && !streq(o->tail, "all") && set_integer(&tail, o->tail, err) < 0)
		return err_wrap(err, "--tail");
	if (tiffin_open(t, false, err) < 0 ||
	    latest_operands(t, o->latest, "logs", 1, 0, operands, &containers, err) < 0)
		return -1;
	v.sources = xcalloc(containers.n, sizeof(*v.sources));
	while (v.n < containers.n) {
		struct source *s = &v.sources[v.n++];

		if (open_source(t, containers.v[v.n - 1], o, containers.n > 1, s, err) < 0)
			return -1;
		if (tail >= 0)
			log_reader_seek_tail(&s->reader, (size_t)tail);
	}
	if (o->follow)
		return follow(&v, err);
	print_rest(&v);
	return 0;
}

const struct command command_logs = {
	.names = "logs",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "print what containers wrote",
	.opts = logs_opts,
	.size = sizeof(struct logs_options),
	.max_operands = SIZE_MAX,
	.run = logs,
	.done = logs_done,
};
