#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/create.h"

static int create(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct run_options *o = options;
	CLEAN(start_done) struct start s = START_INIT;

	if (o->detach)
		return err_set(err, ERR_USAGE, "--detach is for run: create starts nothing");
	if (o->attach.streams.n || o->attach.detach_keys || o->attach.keep_signals)
		return err_set(err, ERR_USAGE,
			       "--attach, --detach-keys and --sig-proxy are for run: "
			       "create starts nothing");
	if (o->service.preserve_fds)
		return err_set(err, ERR_USAGE, "--preserve-fds is for run: create starts nothing");
	if (create_container(t, o, operands, &s, err) < 0)
		return -1;
	if (container_sync(&s.dir, err) < 0) {
		start_discard(&s);
		return -1;
	}
	printf("%s\n", s.dir.id);
	return 0;
}

const struct command command_create = {
	.names = "create",
	.operands = "[OPTIONS] IMAGE [COMMAND [ARG…]]",
	.summary = "make a container, to be started later",
	.opts = run_opts,
	.size = sizeof(struct run_options),
	.stop_at_operand = true,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = create,
	.init = run_options_init,
	.done = run_options_done,
};
