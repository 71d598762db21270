#include <stdlib.h>

#include "cmd/each.h"
#include "cmd/life.h"

struct rm_options {
	struct each each;
	bool force, ignore, volumes;
	char *timeout;
};

static const struct opt rm_opts[] = {
	{ 'f', "force", NULL, "kill those that run first", set_flag, FIELD(rm_options, force) },
	{ .more = each_opts, .field = FIELD(rm_options, each) },
	{ 't', "time", "SECONDS", "with --force: how long to wait before it is killed (0)",
	  set_string,
	  FIELD(rm_options, timeout) },
	{ 0, "timeout", "SECONDS", NULL, set_string, FIELD(rm_options, timeout) },
	{ 'i', "ignore", NULL, "one that is not there is no error", set_flag,
	  FIELD(rm_options, ignore) },
	{ 'v', "volumes", NULL, "and its anonymous volumes", set_flag,
	  FIELD(rm_options, volumes) },
	{ 0 },
};

static void done(void *options)
{
	struct rm_options *o = options;

	each_done(&o->each);
	free(o->timeout);
}

/* With a time to wait it is stopped first, as "stop" does. */
static int rm_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		  struct err *err)
{
	const struct rm_options *o = arg;

	(void)name;
	if (o->timeout && o->force && life_stop_as_configured(t, c, o->timeout, err) < 0)
		return -1;
	if (life_remove(t, c, o->force, err) < 0)
		return -1;
	if (o->volumes)
		life_release_volumes(t, c);
	return 0;
}

static int rm(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct rm_options *o = options;
	const struct each_task task = {
		.verb = "rm",
		.work = rm_one,
		.arg = o,
		.ignore = o->ignore || o->force,
		.rm_codes = true,
	};

	return each_container(t, &o->each, operands, &task, err);
}

const struct command command_rm = {
	.names = "rm",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "remove containers",
	.opts = rm_opts,
	.size = sizeof(struct rm_options),
	.max_operands = SIZE_MAX,
	.run = rm,
	.done = done,
};
