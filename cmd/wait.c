#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/life.h"

struct wait_options {
	bool ignore;
};

static const struct opt wait_opts[] = {
	{ 'i', "ignore", NULL, "one that is not there is no error: -1", set_flag,
	  FIELD(wait_options, ignore) },
	{ 0 },
};

static int wait_command(struct tiffin *t, void *options, const struct strv *operands,
			struct err *err)
{
	const struct wait_options *o = options;
	int code = 0;

	if (tiffin_open(t, false, err) < 0)
		return -1;
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(container_done) struct container c = { 0 };
		struct err why = { 0 };
		int status;

		if (container_find(&t->store, operands->v[i], &c, &why) < 0) {
			if (o->ignore && why.kind == ERR_NOT_FOUND) {
				printf("-1\n");
				continue;
			}
			report(&why);
			code = EXIT_TIFFIN;
		} else if (life_wait(t, &c, &status, &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
		} else {
			printf("%d\n", status);
			fflush(stdout);
		}
	}
	return code;
}

const struct command command_wait = {
	.names = "wait",
	.operands = "[OPTIONS] CONTAINER [CONTAINER…]",
	.summary = "wait for containers to end, and print their exit status",
	.opts = wait_opts,
	.size = sizeof(struct wait_options),
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = wait_command,
};
