#include <stdio.h>

#include "cmd/command.h"

struct version_options {
	char unused;
};

static const struct opt version_opts[] = {
	{ 0 },
};

static int version(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	(void)t;
	(void)options;
	(void)operands;
	(void)err;
	printf("Version:      %s\n", TIFFIN_VERSION);
	return 0;
}

const struct command command_version = {
	.names = "version",
	.operands = "",
	.summary = "print the version",
	.opts = version_opts,
	.size = sizeof(struct version_options),
	.run = version,
};
