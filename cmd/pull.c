#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/short_name.h"
#include "image/reference.h"

struct pull_command_options {
	struct pull_options pull;
	char *userns;
};

static const struct opt pull_opts[] = {
	{ 'q', "quiet", NULL, "print the image ID alone", set_flag,
	  FIELD(pull_command_options, pull.quiet) },
	{ 0, "platform", "OS/ARCH", "of a manifest list, this one", set_string,
	  FIELD(pull_command_options, pull.platform) },
	ACCESS_ROWS(pull_command_options, pull.access),
	{ 0, "userns", "single", "unpack for containers with one ID", set_string,
	  FIELD(pull_command_options, userns) },
	{ 0 },
};

static void pull_done(void *options)
{
	struct pull_command_options *o = options;

	free(o->pull.platform);
	access_options_done(&o->pull.access);
	free(o->userns);
}

static int pull(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct pull_command_options *o = options;

	if (o->userns && !streq(o->userns, "single"))
		return err_set(err, ERR_USAGE, "--userns: pull knows 'single' only");
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(reference_done) struct reference ref = { 0 };

		if (reference_parse(operands->v[i], &ref, err) < 0)
			return -1;
	}
	if (tiffin_open(t, o->userns != NULL, err) < 0)
		return -1;
	helper_sweep(&t->store, &t->ids);
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(clean_free) char *id = NULL;
		CLEAN(clean_free) char *name = NULL;

		if (short_name_pull(t, operands->v[i], &o->pull, &id, &name, err) < 0)
			return -1;
		printf("%s\n", id);
		fflush(stdout);
	}
	return 0;
}

const struct command command_pull = {
	.names = "pull",
	.operands = "[OPTIONS] IMAGE [IMAGE…]",
	.summary = "fetch images from a registry",
	.opts = pull_opts,
	.size = sizeof(struct pull_command_options),
	.min_operands = 1,
	.max_operands = 1000,
	.run = pull,
	.done = pull_done,
};
