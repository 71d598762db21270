#include <stdlib.h>

#include "cmd/each.h"
#include "cmd/life.h"

struct stop_options {
	struct each each;
	bool ignore;
	char *timeout;
};

static const struct opt stop_opts[] = {
	{ .more = each_opts, .field = FIELD(stop_options, each) },
	{ 'i', "ignore", NULL, "one that is not there is no error", set_flag,
	  FIELD(stop_options, ignore) },
	{ 't', "time", "SECONDS", "how long to wait before it is killed (10)", set_string,
	  FIELD(stop_options, timeout) },
	{ 0, "timeout", "SECONDS", NULL, set_string, FIELD(stop_options, timeout) },
	{ 0 },
};

static void stop_done(void *options)
{
	struct stop_options *o = options;

	each_done(&o->each);
	free(o->timeout);
}

static int stop_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		    struct err *err)
{
	const struct stop_options *o = arg;

	(void)name;
	return life_stop_as_configured(t, c, o->timeout, err);
}

static int stop(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct stop_options *o = options;
	const struct each_task task = {
		.verb = "stop",
		.wanted = life_is_up,
		.work = stop_one,
		.arg = o,
		.ignore = o->ignore,
	};

	return each_container(t, &o->each, operands, &task, err);
}

const struct command command_stop = {
	.names = "stop",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "stop containers",
	.opts = stop_opts,
	.size = sizeof(struct stop_options),
	.max_operands = SIZE_MAX,
	.run = stop,
	.done = stop_done,
};
