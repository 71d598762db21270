#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/attach_options.h"
#include "cmd/each.h"
#include "cmd/event.h"
#include "cmd/life.h"
#include "cmd/start.h"
#include "runtime/attach.h"

struct start_options {
	struct each each;
	bool attach, interactive;
	struct attach_options streams;
	bool running;  /* restart's */
	char *timeout; /* restart's */
	struct service_options handed; /* by a service manager: its sockets */
};

static const struct opt start_opts[] = {
	{ 'a', "attach", NULL, "with its output here, until its end", set_flag,
	  FIELD(start_options, attach) },
	{ 'i', "interactive", NULL, "with its input from here; implies --attach", set_flag,
	  FIELD(start_options, interactive) },
	{ .more = attach_opts, .field = FIELD(start_options, streams) },
	{ .more = each_opts, .field = FIELD(start_options, each) },
	{ 0 },
};

static const struct opt restart_opts[] = {
	{ .more = each_opts, .field = FIELD(start_options, each) },
	{ 0, "running", NULL, "those that run", set_flag, FIELD(start_options, running) },
	{ 't', "time", "SECONDS", "how long to wait before it is killed (10)", set_string,
	  FIELD(start_options, timeout) },
	{ 0, "timeout", "SECONDS", NULL, set_string, FIELD(start_options, timeout) },
	{ 0 },
};

/* One that was prepared only has its monitor already, and has to be let go. *ret_runs: it runs. */
static int begin(struct tiffin *t, const struct container *c, const struct start_options *o,
		 int *ret_client, int *ret_exit_code, bool *ret_runs, struct err *err)
{
	bool attached = o->attach || o->interactive;
	CLEAN(start_done) struct start s = START_INIT;

	*ret_exit_code = EXIT_TIFFIN;
	*ret_runs = false;
	if (c->status == CONTAINER_INITIALIZED && proc_alive(&c->state.init)) {
		if (o->handed.listen_fds)
			return err_set(err, ERR_BUSY,
				       "container %s is prepared, and takes the service manager's "
				       "sockets no more: that was for init to hand over", c->name);
		return life_go(t, c, attached, ret_client, ret_exit_code, err);
	}
	if (start_load(t, c, &s, err) < 0) {
		*ret_runs = err->kind == ERR_BUSY;
		return -1;
	}
	s.attached = attached;
	service_hand_sockets(&o->handed, &s.service);
	return start_container(&s, ret_client, ret_exit_code, err);
}

/* Starts one. The exit status: the container's where it is attached to. */
static int start_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		     struct err *err)
{
	const struct start_options *o = arg;
	const json_t *spec = js_obj(c->config, "spec");
	CLEAN(clean_fd) int client = -1;
	bool attached = o->attach || o->interactive, runs;
	struct attach a;
	int exit_code;

	if (c->paused)
		return err_set(err, ERR_BUSY, "cannot start the paused container %s, unpause it "
			       "instead: container state improper", c->name);
	if (attach_options_parse(&o->streams, js_bool(spec, "tty"),
				 o->interactive && js_bool(spec, "open_stdin"), &a, err) < 0)
		return -1;
	if (begin(t, c, o, &client, &exit_code, &runs, err) < 0) {
		/* To start what runs already is no error, unless its output is wanted. */
		if (runs && !attached) {
			*err = (struct err){ 0 };
			printf("%s\n", name);
			return 0;
		}
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

static int restart_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		       struct err *err)
{
	const struct start_options *o = arg;
	int code;

	if (life_stop_as_configured(t, c, o->timeout, err) < 0)
		return -1;
	code = start_one(t, c, name, arg, err);
	if (code == 0)
		event_container(&t->store, c->config, "restart", NULL);
	return code;
}

static bool is_down(const struct container *c)
{
	return !life_is_up(c);
}

static int start(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct start_options *o = options;
	const struct each_task task = {
		.verb = "start",
		.wanted = is_down,
		.work = start_one,
		.arg = o,
		.say_nothing = true,
	};

	if ((o->attach || o->interactive) && (operands->n > 1 || o->each.all || o->each.filters.n))
		return err_set(err, ERR_USAGE, "you can't attach to more than one container");
	if (service_claim_sockets(&o->handed, &o->each, operands, err) < 0)
		return -1;
	return each_container(t, &o->each, operands, &task, err);
}

static int restart(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct start_options *o = options;
	const struct each_task task = {
		.verb = "restart",
		.wanted = o->running ? life_is_up : NULL,
		.work = restart_one,
		.arg = o,
		.say_nothing = true,
	};

	/* Alone, it says which. */
	if (o->running && !operands->n && !o->each.cidfiles.n && !o->each.latest)
		o->each.all = true;
	else if (o->running)
		return err_set(err, ERR_USAGE, "restart: --running says which, and takes no names");
	if (service_claim_sockets(&o->handed, &o->each, operands, err) < 0)
		return -1;
	return each_container(t, &o->each, operands, &task, err);
}

static void done(void *options)
{
	struct start_options *o = options;

	attach_options_done(&o->streams);
	each_done(&o->each);
	free(o->timeout);
}

const struct command command_start = {
	.names = "start",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "start containers that do not run",
	.opts = start_opts,
	.size = sizeof(struct start_options),
	.max_operands = SIZE_MAX,
	.run = start,
	.done = done,
};

const struct command command_restart = {
	.names = "restart",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "stop containers that run, and start them",
	.opts = restart_opts,
	.size = sizeof(struct start_options),
	.max_operands = SIZE_MAX,
	.run = restart,
	.done = done,
};
