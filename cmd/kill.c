#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/each.h"
#include "cmd/event.h"
#include "cmd/life.h"

struct kill_options {
	struct each each;
	char *signal;
};

static const struct opt kill_opts[] = {
	{ .more = each_opts, .field = FIELD(kill_options, each) },
	{ 's', "signal", "SIGNAL", "a name or number (KILL)", set_string,
	  FIELD(kill_options, signal) },
	{ 0 },
};

static void done(void *options)
{
	struct kill_options *o = options;

	each_done(&o->each);
	free(o->signal);
}

static bool is_running(const struct container *c)
{
	return c->status == CONTAINER_RUNNING;
}

/* What ends it is meant to last, as docker has it. */
static bool is_final(const struct container *c, int sig)
{
	return sig == SIGKILL || sig == (int)js_int(js_obj(c->config, "spec"), "stop_signal");
}

static int kill_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		    struct err *err)
{
	CLEAN(clean_fd) int pidfd = -1;
	int sig = *(const int *)arg;
	char number[16];

	(void)name;
	if (is_final(c, sig))
		life_forbid_restart(t, c);
	if (life_open_init(c, "kill", &pidfd, err) < 0)
		return -1;
	if (pidfd_send_signal(pidfd, sig, NULL, 0) < 0 && errno != ESRCH)
		return err_sys(err, "cannot signal container %s", c->name);
	snprintf(number, sizeof(number), "%d", sig);
	event_container(&t->store, c->config, "kill", "signal", number, NULL);
	return 0;
}

static int kill_command(struct tiffin *t, void *options, const struct strv *operands,
			struct err *err)
{
	const struct kill_options *o = options;
	int sig = SIGKILL;
	const struct each_task task = {
		.verb = "kill",
		.wanted = is_running,
		.work = kill_one,
		.arg = &sig,
	};

	if (o->signal && parse_signal(o->signal, &sig, err) < 0)
		return -1;
	return each_container(t, &o->each, operands, &task, err);
}

const struct command command_kill = {
	.names = "kill",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "send containers a signal",
	.opts = kill_opts,
	.size = sizeof(struct kill_options),
	.max_operands = SIZE_MAX,
	.run = kill_command,
	.done = done,
};
