#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/event.h"
#include "cmd/life.h"

struct kill_options {
	bool all;
	char *signal;
};

static const struct opt kill_opts[] = {
	{ 's', "signal", "SIGNAL", "a name or number (KILL)", set_string, FIELD(kill_options, signal) },
	{ 'a', "all", NULL, "every container that runs", set_flag, FIELD(kill_options, all) },
	{ 0 },
};

static void done(void *options)
{
	free(((struct kill_options *)options)->signal);
}

/* What ends it is meant to last, as docker has it. */
static bool is_final(const struct container *c, int sig)
{
	return sig == SIGKILL || sig == (int)js_int(js_obj(c->config, "spec"), "stop_signal");
}

static int kill_one(struct tiffin *t, const struct container *c, int sig, struct err *err)
{
	char number[16];
	CLEAN(clean_fd) int pidfd = -1;

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

static int kill_all(struct tiffin *t, int sig, struct err *err)
{
	struct container *list = NULL;
	int code = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		if (list[i].status != CONTAINER_RUNNING)
			continue;
		if (kill_one(t, &list[i], sig, &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
		} else {
			printf("%s\n", list[i].id);
		}
	}
	container_list_done(list, n);
	return code;
}

static int kill_command(struct tiffin *t, void *options, const struct strv *operands,
			struct err *err)
{
	const struct kill_options *o = options;
	int sig = SIGKILL, code = 0;

	if (!operands->n && !o->all)
		return err_set(err, ERR_USAGE, "kill wants the name or ID of a container, or --all");
	if ((o->signal && parse_signal(o->signal, &sig, err) < 0) || tiffin_open(t, false, err) < 0)
		return -1;
	if (o->all)
		return kill_all(t, sig, err);
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(container_done) struct container c = { 0 };
		struct err why = { 0 };

		if (container_find(&t->store, operands->v[i], &c, &why) < 0 ||
		    kill_one(t, &c, sig, &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
		} else {
			printf("%s\n", operands->v[i]);
		}
	}
	return code;
}

const struct command command_kill = {
	.names = "kill",
	.operands = "[OPTIONS] CONTAINER [CONTAINER…]",
	.summary = "send containers a signal",
	.opts = kill_opts,
	.size = sizeof(struct kill_options),
	.max_operands = SIZE_MAX,
	.run = kill_command,
	.done = done,
};
