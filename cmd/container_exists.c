#include "base/cleanup.h"
#include "cmd/command.h"
#include "storage/container.h"

struct exists_options {
	bool external;
};

static const struct opt exists_opts[] = {
	{ 'e', "external", NULL, "or another program's in the store: there are none", set_flag,
	  FIELD(exists_options, external) },
	{ 0 },
};

/* The answer is the exit status. */
static int exists(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	struct err why = { 0 };

	(void)options;
	if (tiffin_open(t, false, err) < 0)
		return -1;
	if (container_find(&t->store, operands->v[0], &c, &why) == 0)
		return 0;
	if (why.kind == ERR_NOT_FOUND)
		return EXIT_NOT_THERE;
	*err = why;
	return -1;
}

const struct command command_container_exists = {
	.names = "exists",
	.operands = "[OPTIONS] CONTAINER",
	.summary = "say by the exit status whether there is a container",
	.opts = exists_opts,
	.size = sizeof(struct exists_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = exists,
};
