#include "cmd/command.h"
#include "storage/volume.h"

static const struct opt exists_opts[] = { { 0 } };

/* The answer is the exit status. */
static int exists(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	(void)options;
	if (tiffin_open(t, false, err) < 0)
		return -1;
	return volume_exists(&t->store, operands->v[0]) ? 0 : EXIT_NOT_THERE;
}

const struct command command_volume_exists = {
	.names = "exists",
	.operands = "VOLUME",
	.summary = "say by the exit status whether there is a volume",
	.opts = exists_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = exists,
};
