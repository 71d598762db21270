#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/helper.h"
#include "cmd/save_target.h"
#include "storage/volume.h"

struct export_options {
	char *output;
};

static const struct opt export_opts[] = {
	{ 'o', "output", "FILE", "write there, and not to standard output", set_string,
	  FIELD(export_options, output) },
	{ 0 },
};

static void done(void *options)
{
	free(((struct export_options *)options)->output);
}

static int export(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct export_options *o = options;
	CLEAN(save_target_done) struct save_target target = SAVE_TARGET_INIT;
	CLEAN(volume_done) struct volume v = { 0 };
	CLEAN(clean_fd) int tree = -1;
	const struct buf none = { 0 }, *owners;

	if (!o->output && isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
			       "refusing to export to terminal. Use -o flag or redirect");
	if (tiffin_open(t, false, err) < 0 || volume_find(&t->store, operands->v[0], &v, err) < 0)
		return -1;
	tree = open(v.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0)
		return err_sys(err, "volume %s: '%s'", v.name, v.path);
	/* Where one ID is mapped, the owners are those that are recorded. */
	owners = t->ids.single ? &none : NULL;
	if (save_target_open(o->output, false, &target, err) < 0 ||
	    helper_export(t, tree, NULL, NULL, owners, NULL, target.fd, err) < 0)
		return -1;
	return save_target_finish(&target, err);
}

const struct command command_volume_export = {
	.names = "export",
	.operands = "[OPTIONS] VOLUME",
	.summary = "write what is in a volume to an archive",
	.opts = export_opts,
	.size = sizeof(struct export_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = export,
	.done = done,
};
