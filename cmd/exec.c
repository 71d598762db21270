#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/attach_options.h"
#include "cmd/container_ids.h"
#include "cmd/env_option.h"
#include "cmd/event.h"
#include "cmd/latest.h"
#include "cmd/life.h"
#include "cmd/service_options.h"
#include "cmd/supervise.h"
#include "runtime/attach.h"
#include "runtime/caps.h"
#include "runtime/monitor.h"

struct exec_options {
	bool interactive, tty, detach, privileged, latest;
	struct attach_options attach;
	int preserve_fds;
	char *workdir, *user;
	struct strv env, env_files;
};

static const struct opt exec_opts[] = {
	{ 'i', "interactive", NULL, "keep standard input open", set_flag,
	  FIELD(exec_options, interactive) },
	{ 't', "tty", NULL, "with a terminal", set_flag, FIELD(exec_options, tty) },
	{ 'd', "detach", NULL, "in the background", set_flag, FIELD(exec_options, detach) },
	{ .more = detach_opts, .field = FIELD(exec_options, attach) },
	{ .more = preserve_opts, .field = FIELD(exec_options, preserve_fds) },
	{ 'e', "env", "KEY=VALUE", "set a variable; KEY alone: as it is here (repeatable)",
	  set_list, FIELD(exec_options, env) },
	{ 0, "env-file", "FILE", "variables, one a line (repeatable)", set_list,
	  FIELD(exec_options, env_files) },
	{ 'w', "workdir", "DIR", "the working directory", set_string,
	  FIELD(exec_options, workdir) },
	{ 'u', "user", "USER[:GROUP]", "names or numbers", set_string, FIELD(exec_options, user) },
	{ 0, "privileged", NULL, "with all capabilities; the filter stays the container's",
	  set_flag, FIELD(exec_options, privileged) },
	{ 'l', "latest", NULL, "in the newest container", set_flag, FIELD(exec_options, latest) },
	{ 0 },
};

static void exec_done(void *options)
{
	struct exec_options *o = options;

	attach_options_done(&o->attach);
	free(o->workdir);
	free(o->user);
	strv_done(&o->env);
	strv_done(&o->env_files);
}

/* The container's own specification, with what exec says instead. */
static int make_spec(const struct container *c, const struct exec_options *o,
		     const struct strv *command, struct container_spec *ret, struct err *err)
{
	CLEAN(container_spec_done) struct container_spec spec = { 0 };

	if (container_spec_from_json(js_obj(c->config, "spec"), &spec, err) < 0)
		return err_wrap(err, "container %s", c->name);
	strv_done(&spec.args);
	for (size_t i = 0; i < command->n; i++)
		strv_add(&spec.args, command->v[i]);
	if (o->tty)
		strv_set_env(&spec.env, "TERM=xterm");
	for (size_t i = 0; i < o->env_files.n; i++)
		if (env_option_add_file(&spec.env, o->env_files.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < o->env.n; i++)
		env_option_add(&spec.env, o->env.v[i]);
	if (o->workdir)
		set_string(&spec.cwd, o->workdir, NULL);
	if (o->user)
		set_string(&spec.user, o->user, NULL);
	if (o->privileged && caps_parse("ALL", &spec.caps, err) < 0)
		return -1;
	/* These are the container's own affair. */
	spec.restart = (struct restart_policy){ 0 };
	spec.run_timeout = 0;
	health_check_done(&spec.health);
	spec.tty = o->tty;
	spec.open_stdin = o->interactive;
	*ret = spec;
	spec = (struct container_spec){ 0 };
	return 0;
}

/* The process leaves nothing in the store but in the journal: no record, no log. */
static void nothing(void *arg)
{
	(void)arg;
}

/* What the journal is told of it. */
struct exec {
	const struct store *store;
	const json_t *record; /* of its container */
	char id[65];
};

static void running(void *arg, bool unsupervised)
{
	const struct exec *e = arg;

	(void)unsupervised;
	event_container(e->store, e->record, "exec", "execID", e->id, NULL);
}

static void exited(void *arg, int exit_code, bool by_user)
{
	const struct exec *e = arg;
	char code[16];

	(void)by_user;
	snprintf(code, sizeof(code), "%d", exit_code);
	event_container(e->store, e->record, "exec_died", "execID", e->id, "exitCode", code, NULL);
}

static int refuse_paused(const struct container *c, struct err *err)
{
	return c->paused ? err_set(err, ERR_BUSY,
				   "container %s is paused, unpause the container before exec: "
				   "container state improper", c->name) :
			   0;
}

static int exec(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct exec_options *o = options;
	CLEAN(strv_done) struct strv words = { 0 };
	struct strv command;
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(container_spec_done) struct container_spec spec = { 0 };
	CLEAN(clean_fd) int client = -1;
	CLEAN(clean_fd) int pidfd = -1;
	CLEAN(supervise_done) struct supervise supervise = SUPERVISE_INIT;
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	struct id_map ids;
	struct exec e = { .store = &t->store };
	int keep[4];
	struct monitor m = {
		.launch = { .spec = &spec, .ids = &t->ids, .arg = &e },
		.attached = !o->detach,
		.stdin_once = !o->detach,
		.log = { .driver = LOG_NONE },
		.log_dir = -1,
		.keep = keep,
		.n_keep = ARRAY_SIZE(keep),
		.running = running,
		.exited = exited,
		.closing = nothing,
		.failed = nothing,
	};
	struct attach a;
	int exit_code;

	if (attach_options_parse(&o->attach, o->tty, o->interactive, &a, err) < 0)
		return -1;
	if (o->tty && !o->detach && o->interactive && !a.tty)
		return err_set(err, ERR_USAGE,
			       "the input device is not a TTY: -t without -i, or -i alone");
	if (preserve_fds_claim(o->preserve_fds, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    latest_operands(t, o->latest, "exec", 2, SIZE_MAX, operands, &words, err) < 0)
		return -1;
	command = (struct strv){ .v = words.v + 1, .n = words.n - 1 };
	if (container_find(&t->store, words.v[0], &c, err) < 0 ||
	    life_open_init(&c, "exec into", &pidfd, err) < 0 || refuse_paused(&c, err) < 0 ||
	    make_spec(&c, o, &command, &spec, err) < 0)
		return -1;
	id_map_of_caller(js_bool(c.config, "single_id"), &t->ids);
	if (container_ids_from_json(c.config, &mapping, err) < 0 ||
	    (mapping && id_map_through(&t->ids, mapping, &ids, err) < 0))
		return -1;
	if (mapping)
		m.launch.ids = &ids;
	m.launch.join = pidfd;
	m.launch.n_preserved = o->preserve_fds;
	memcpy(keep, (int[]){ pidfd, t->store.fd, t->store.locks, t->store.containers },
	       sizeof(keep));
	e.record = c.config;
	random_hex(e.id, 32);
	supervise.spec = &spec;
	supervise.single_id = t->ids.single && !mapping;
	supervise.t = t;
	supervise.name = &c.name;
	supervise.store = &t->store;
	supervise.id = c.id;
	/* Its processes would hand each other what only the container's own may not use as it likes. */
	supervise.supervision.required = !c.state.unsupervised;
	if (supervise_prepare(&supervise, NULL, &m.launch.supervision, err) < 0)
		return -1;
	if (a.tty)
		ioctl(STDIN_FILENO, TIOCGWINSZ, &m.launch.size);
	if (monitor_start(&m, &client, err) < 0)
		return -1;
	preserve_fds_release(o->preserve_fds);
	if (attach_await_start(client, &exit_code, err) < 0) {
		err_wrap(err, "cannot exec in '%s'", c.name);
		report(err);
		return exit_code;
	}
	if (o->detach)
		return 0;
	a.sock = client;
	return attach_stream(&a, &exit_code, err) < 0 ? -1 : exit_code;
}

const struct command command_exec = {
	.names = "exec",
	.operands = "[OPTIONS] [CONTAINER] COMMAND [ARG…]",
	.summary = "run a command in a container that runs",
	.opts = exec_opts,
	.size = sizeof(struct exec_options),
	.stop_at_operand = true,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = exec,
	.done = exec_done,
};
