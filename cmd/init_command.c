/*
 * podman's: a container's namespaces, mounts and network are made; its program runs with its start.
 */
#include "base/cleanup.h"
#include "cmd/each.h"
#include "cmd/event.h"
#include "cmd/start.h"

struct init_command_options {
	struct each each;
	struct service_options handed;
};

static const struct opt init_opts[] = {
	{ .more = each_opts, .field = FIELD(init_command_options, each) },
	{ 0 },
};

static void done(void *options)
{
	each_done(&((struct init_command_options *)options)->each);
}

static bool is_down(const struct container *c)
{
	return c->status == CONTAINER_CREATED || c->status == CONTAINER_EXITED;
}

static int init_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		    struct err *err)
{
	CLEAN(start_done) struct start s = START_INIT;
	CLEAN(clean_fd) int client = -1;
	const struct init_command_options *o = arg;
	int exit_code;

	(void)name;
	if (!is_down(c))
		return err_set(err, ERR_BUSY,
			       "container %s has already been created in runtime: container "
			       "state improper",
			       c->name);
	if (start_load(t, c, &s, err) < 0)
		return -1;
	s.hold = true;
	service_hand_sockets(&o->handed, &s.service);
	if (start_container(&s, &client, &exit_code, err) < 0)
		return err_wrap(err, "cannot prepare '%s'", c->name);
	event_container(&t->store, c->config, "init", NULL);
	return 0;
}

static int init_command(struct tiffin *t, void *options, const struct strv *operands,
			struct err *err)
{
	struct init_command_options *o = options;
	const struct each_task task = {
		.verb = "init", .wanted = is_down, .work = init_one, .arg = o
	};

	if (service_claim_sockets(&o->handed, &o->each, operands, err) < 0)
		return -1;
	return each_container(t, &o->each, operands, &task, err);
}

const struct command command_init = {
	.names = "init",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "prepare containers for their start",
	.opts = init_opts,
	.size = sizeof(struct init_command_options),
	.max_operands = SIZE_MAX,
	.run = init_command,
	.done = done,
};
