#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/pull_path.h"
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
	{ 0, "retry", "N", "how often to try a request again that fails: 3", set_number,
	  FIELD(pull_command_options, pull.retry.most) },
	{ 0, "retry-delay", "TIME", "between two attempts; else 1s, doubling", set_seconds,
	  FIELD(pull_command_options, pull.retry.seconds) },
	{ 0, "userns", "single", "unpack for containers with one ID", set_string,
	  FIELD(pull_command_options, userns) },
	{ 0 },
};

static void pull_init(void *options)
{
	*(struct pull_command_options *)options = (struct pull_command_options){
		.pull = PULL_OPTIONS_INIT,
	};
}

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
		CLEAN(transport_done) struct transport from = { 0 };
		CLEAN(reference_done) struct reference ref = { 0 };

		if (transport_parse(operands->v[i], &from, err) < 0)
			return -1;
		if (from.path && o->pull.platform)
			return err_set(err, ERR_UNSUPPORTED, "--platform is for registries alone");
		if (!from.path && reference_parse(from.reference, &ref, err) < 0)
			return -1;
	}
	if (tiffin_open(t, o->userns != NULL, err) < 0)
		return -1;
	helper_sweep(&t->store, &t->ids);
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(transport_done) struct transport from = { 0 };
		CLEAN(strv_done) struct strv ids = { 0 };
		CLEAN(clean_free) char *id = NULL;
		CLEAN(clean_free) char *name = NULL;

		if (transport_parse(operands->v[i], &from, err) < 0)
			return -1;
		if (from.path ? pull_path(t, &from, &ids, err) < 0 :
				short_name_pull(t, from.reference, &o->pull, &id, &name, err) < 0)
			return -1;
		if (id)
			strv_add(&ids, id);
		for (size_t k = 0; k < ids.n; k++)
			printf("%s\n", ids.v[k]);
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
	.init = pull_init,
	.done = pull_done,
};
