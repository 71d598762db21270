/* podman's: a container's mounts and network, made before its start. Here a start makes both. */
#include "cmd/command.h"

struct init_command_options {
	bool unused;
};

static const struct opt opts[] = {
	{ 0 },
};

static int run(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	(void)t;
	(void)options;
	return err_set(err, ERR_UNSUPPORTED,
		       "init %s: there is nothing to prepare: a container's mounts and network are made by "
		       "its start", operands->v[0]);
}

const struct command command_init = {
	.names = "init",
	.operands = "CONTAINER [CONTAINER…]",
	.summary = "not needed: start prepares a container itself",
	.opts = opts,
	.size = sizeof(struct init_command_options),
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = run,
};
