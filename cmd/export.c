#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_ids.h"
#include "cmd/container_view.h"
#include "cmd/helper.h"
#include "cmd/save_target.h"

struct export_command_options {
	char *output;
};

static const struct opt export_opts[] = {
	{ 'o', "output", "FILE", "write there, and not to standard output", set_string,
	  FIELD(export_command_options, output) },
	{ 0 },
};

static void export_done(void *options)
{
	free(((struct export_command_options *)options)->output);
}

static int export_command(struct tiffin *t, void *options, const struct strv *operands,
			  struct err *err)
{
	const struct export_command_options *o = options;
	CLEAN(save_target_done) struct save_target target = SAVE_TARGET_INIT;
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	struct container c = { 0 };
	CLEAN(buf_done) struct buf owners = { 0 };
	CLEAN(clean_fd) int tree = -1;
	int result = -1;

	if (!o->output && isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
			       "refusing to export to terminal. Use -o flag or redirect");
	if (tiffin_open(t, false, err) < 0 ||
	    container_find(&t->store, operands->v[0], &c, err) < 0)
		return -1;
	if (container_view(t, &c, &tree, err) == 0 &&
	    container_ids_from_json(c.config, &mapping, err) == 0 &&
	    save_target_open(o->output, false, &target, err) == 0 &&
	    helper_export(t, tree, NULL, NULL, container_owners(t, &c, &owners) ? &owners : NULL,
			  container_ids_within(t, mapping) ? mapping : NULL, target.fd, err) == 0)
		result = save_target_finish(&target, err);
	container_done(&c);
	return result;
}

const struct command command_export = {
	.names = "export",
	.operands = "[OPTIONS] CONTAINER",
	.summary = "write a container's file system to an archive",
	.opts = export_opts,
	.size = sizeof(struct export_command_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = export_command,
	.done = export_done,
};
