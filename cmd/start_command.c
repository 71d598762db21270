#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/attach_options.h"
#include "cmd/event.h"
#include "cmd/life.h"
#include "cmd/start.h"
#include "runtime/attach.h"

struct start_options {
	bool attach, interactive;
	struct attach_options streams;
	char *timeout; /* restart's */
};

static const struct opt start_opts[] = {
	{ 'a', "attach", NULL, "with its output here, until its end", set_flag,
	  FIELD(start_options, attach) },
	{ 'i', "interactive", NULL, "with its input from here; implies --attach", set_flag,
	  FIELD(start_options, interactive) },
	{ .more = attach_opts, .field = FIELD(start_options, streams) },
	{ 0 },
};

static const struct opt restart_opts[] = {
	{ 't', "time", "SECONDS", "how long to wait before it is killed (10)", set_string,
	  FIELD(start_options, timeout) },
	{ 0, "timeout", "SECONDS", NULL, set_string, FIELD(start_options, timeout) },
	{ 0 },
};

/* Starts one. The exit status: the container's where it is attached to. */
static int start_one(struct tiffin *t, const struct container *c, const char *name,
		     const struct start_options *o, struct err *err)
{
	CLEAN(start_done) struct start s = START_INIT;
	CLEAN(clean_fd) int client = -1;
	bool attached = o->attach || o->interactive;
	struct err why = { 0 };
	struct attach a;
	int exit_code;

	if (start_load(t, c, &s, &why) < 0) {
		/* To start what runs already is no error, unless its output is wanted. */
		if (why.kind == ERR_BUSY && !attached) {
			printf("%s\n", name);
			return 0;
		}
		*err = why;
		return -1;
	}
	if (attach_options_parse(&o->streams, s.spec.tty, o->interactive && s.spec.open_stdin, &a, err) < 0)
		return -1;
	s.attached = attached;
	if (start_container(&s, &client, &exit_code, err) < 0) {
		err_wrap(err, "cannot start '%s'", name);
		report(err);
		return exit_code;
	}
	if (!attached) {
		printf("%s\n", name);
		return 0;
	}
	a.sock = client;
	return attach_stream(&a, &exit_code, err) < 0 ? -1 : exit_code;
}

static int for_each(struct tiffin *t, const struct start_options *o, const struct strv *operands,
		    bool restart, struct err *err)
{
	int code = 0;

	if ((o->attach || o->interactive) && operands->n > 1)
		return err_set(err, ERR_USAGE, "you can't attach to more than one container");
	if (tiffin_open(t, false, err) < 0)
		return -1;
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(container_done) struct container c = { 0 };
		struct err why = { 0 };
		int this = container_find(&t->store, operands->v[i], &c, &why);

		if (this == 0 && restart)
			this = life_stop_as_configured(t, &c, o->timeout, &why);
		if (this == 0)
			this = start_one(t, &c, operands->v[i], o, &why);
		if (this == 0 && restart)
			event_container(&t->store, c.config, "restart", NULL);
		if (this < 0)
			report(&why);
		code = this < 0 ? EXIT_TIFFIN : this > code ? this : code;
	}
	return code;
}

static int start(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	return for_each(t, options, operands, false, err);
}

static int restart(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	return for_each(t, options, operands, true, err);
}

static void done(void *options)
{
	struct start_options *o = options;

	attach_options_done(&o->streams);
	free(o->timeout);
}

const struct command command_start = {
	.names = "start",
	.operands = "[OPTIONS] CONTAINER [CONTAINER…]",
	.summary = "start containers that do not run",
	.opts = start_opts,
	.size = sizeof(struct start_options),
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = start,
	.done = done,
};

const struct command command_restart = {
	.names = "restart",
	.operands = "[OPTIONS] CONTAINER [CONTAINER…]",
	.summary = "stop containers that run, and start them",
	.opts = restart_opts,
	.size = sizeof(struct start_options),
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = restart,
	.done = done,
};
