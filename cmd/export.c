#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/driver.h"
#include "cmd/helper.h"
#include "cmd/save_target.h"
#include "runtime/userns.h"
#include "storage/container.h"
#include "storage/rootfs.h"

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

struct view {
	struct rootfs rootfs;
	const struct rootfs_driver *driver;
};

static int open_view(void *arg, int *ret_fd, struct err *err)
{
	const struct view *v = arg;

	return v->driver->view(&v->rootfs, ret_fd, err);
}

/* The container's tree, without its mounts, in a mount namespace that goes at once. */
static int open_tree_of(struct tiffin *t, const struct container *c, int *ret_fd, struct err *err)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	struct view view = {
		.rootfs = { .store = &t->store, .layers = &layers, .container = c->id },
	};

	if (js_str(c->config, "rootfs"))
		return err_set(err, ERR_UNSUPPORTED, "container %s has a directory for its root, which is "
						     "not exported: '%s'", c->name,
			       js_str(c->config, "rootfs"));
	js_strv(c->config, "layers", &layers);
	tiffin_set_ids(t, js_bool(c->config, "single_id"));
	if (driver_of(c->config, &view.driver, err) < 0 ||
	    userns_open(&t->ids, open_view, &view, ret_fd, err) < 0)
		return err_wrap(err, "cannot mount the file system of '%s'", c->name);
	return 0;
}

static int export_command(struct tiffin *t, void *options, const struct strv *operands,
			  struct err *err)
{
	const struct export_command_options *o = options;
	CLEAN(save_target_done) struct save_target target = SAVE_TARGET_INIT;
	struct container c = { 0 };
	CLEAN(clean_fd) int tree = -1;
	int result = -1;

	if (!o->output && isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
			       "refusing to export to terminal. Use -o flag or redirect");
	if (tiffin_open(t, false, err) < 0 ||
	    container_find(&t->store, operands->v[0], &c, err) < 0)
		return -1;
	if (open_tree_of(t, &c, &tree, err) == 0 &&
	    save_target_open(o->output, false, &target, err) == 0 &&
	    helper_export(t, tree, target.fd, err) == 0)
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
