#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/container_row.h"
#include "cmd/latest.h"
#include "cmd/life.h"

struct wait_options {
	bool ignore, latest;
	struct strv conditions;
	long long interval;
};

static const struct opt wait_opts[] = {
	{ 0, "condition", "CONDITION",
	  "stopped (the default), running, paused, restarting, created, "
	  "healthy, unhealthy, removed (repeatable: any of them)", set_list,
	  FIELD(wait_options, conditions) },
	{ 'i', "interval", "TIME",
	  "podman's, between one look and the next: there is no need to look, "
	  "the news comes at once", set_duration, FIELD(wait_options, interval) },
	{ 0, "ignore", NULL, "one that is not there is no error: -1", set_flag,
	  FIELD(wait_options, ignore) },
	LATEST_ROW(wait_options, latest),
	{ 0 },
};

static void done(void *options)
{
	strv_done(&((struct wait_options *)options)->conditions);
}

static bool is_end(const char *condition)
{
	return streq(condition, "stopped") || streq(condition, "exited") ||
	       streq(condition, "not-running");
}

static int check(const struct strv *conditions, struct err *err)
{
	static const char *const known[] = { "running",	"paused",    "restarting", "created",
					     "healthy",	"unhealthy", "removed" };

	for (size_t i = 0; i < conditions->n; i++) {
		bool good = is_end(conditions->v[i]);

		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			good = good || streq(conditions->v[i], known[k]);
		if (!good)
			return err_set(err, ERR_USAGE, "--condition %s: there is no such condition",
				       conditions->v[i]);
	}
	return 0;
}

/* Is it in one of these? */
static bool is_met(const struct container *c, const struct strv *conditions)
{
	const char *health = js_str(c->health, "Status");

	for (size_t i = 0; i < conditions->n; i++) {
		const char *condition = conditions->v[i];

		if (is_end(condition) ? c->status == CONTAINER_EXITED :
					streq(condition, container_status_word(c)) ||
						(health && c->status == CONTAINER_RUNNING &&
						 streq(condition, health)))
			return true;
	}
	return false;
}

/*
 * Until something changes: a file of the record is replaced, or a process ends that can't tell any
 * more. What there is to hear of is all asked for before the record is read.
 */
static void await_change(const struct container *c, int changes)
{
	CLEAN(clean_fd) int process = proc_open(&c->state.init);
	CLEAN(clean_fd) int monitor = proc_open(&c->state.monitor);
	struct pollfd p[] = {
		{ .fd = changes, .events = POLLIN },
		{ .fd = process, .events = POLLIN },
		{ .fd = monitor, .events = POLLIN },
	};
	char events[4096];

	while (poll(p, ARRAY_SIZE(p), -1) < 0 && errno == EINTR)
		;
	if (p[0].revents && read(changes, events, sizeof(events)) < 0)
		return;
}

static int watch(const struct tiffin *t, const char *id, int *ret_fd, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/containers/%s", t->store.root, id);
	CLEAN(clean_fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	const uint32_t changes = IN_MOVED_TO | IN_DELETE | IN_MOVE_SELF | IN_DELETE_SELF;

	if (fd < 0 || inotify_add_watch(fd, path, changes) < 0)
		return err_sys(err, "cannot watch container %.12s", id);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* *ret_status: of one that runs still, -1. */
static int wait_until(struct tiffin *t, const struct container *c, const struct strv *conditions,
		      int *ret_status, struct err *err)
{
	CLEAN(clean_fd) int changes = -1;
	struct err why = { 0 };

	/* It may have been removed meanwhile. */
	watch(t, c->id, &changes, &why);
	for (;;) {
		CLEAN(container_done) struct container now = { 0 };

		if (container_find(&t->store, c->id, &now, err) < 0) {
			*ret_status = -1;
			return strv_has(conditions, "removed") ? 0 : -1;
		}
		if (is_met(&now, conditions)) {
			*ret_status = now.status == CONTAINER_EXITED ? now.state.exit_code : -1;
			return 0;
		}
		if (changes < 0) {
			*err = why;
			return -1;
		}
		await_change(&now, changes);
	}
}

static int wait_for(struct tiffin *t, const struct container *c, const struct wait_options *o,
		    int *ret_status, struct err *err)
{
	bool end = true;

	for (size_t i = 0; i < o->conditions.n; i++)
		end = end && is_end(o->conditions.v[i]);
	return end ? life_wait(t, c, ret_status, err) :
		     wait_until(t, c, &o->conditions, ret_status, err);
}

static int wait_command(struct tiffin *t, void *options, const struct strv *operands,
			struct err *err)
{
	const struct wait_options *o = options;
	CLEAN(strv_done) struct strv names = { 0 };
	int code = 0;

	if (check(&o->conditions, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    latest_operands(t, o->latest, "wait", 1, 0, operands, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(container_done) struct container c = { 0 };
		struct err why = { 0 };
		int status;

		if (container_find(&t->store, names.v[i], &c, &why) < 0) {
			if (o->ignore && why.kind == ERR_NOT_FOUND) {
				printf("-1\n");
				continue;
			}
			report(&why);
			code = EXIT_TIFFIN;
		} else if (wait_for(t, &c, o, &status, &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
		} else {
			printf("%d\n", status);
			fflush(stdout);
		}
	}
	return code;
}

const struct command command_wait = {
	.names = "wait",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "wait for containers to end, and print their exit status",
	.opts = wait_opts,
	.size = sizeof(struct wait_options),
	.max_operands = SIZE_MAX,
	.run = wait_command,
	.done = done,
};
