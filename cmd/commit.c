#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/commit_config.h"
#include "cmd/container_places.h"
#include "cmd/container_ids.h"
#include "cmd/container_view.h"
#include "cmd/driver.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/local_name.h"
#include "cmd/pause.h"

struct commit_options {
	struct strv changes;
	char *author, *message, *format, *id_file;
	bool quiet, pause, squash, volumes;
};

static const struct opt commit_opts[] = {
	{ 'a', "author", "TEXT", "who made it", set_string, FIELD(commit_options, author) },
	{ 'c', "change", "INSTRUCTION", "set CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
	  "STOPSIGNAL, USER, VOLUME or WORKDIR (repeatable)", set_list,
	  FIELD(commit_options, changes) },
	{ 'f', "format", "FORMAT", "of the manifest: oci (default), docker", set_string,
	  FIELD(commit_options, format) },
	{ 0, "iidfile", "FILE", "write the image ID there, too", set_string,
	  FIELD(commit_options, id_file) },
	{ 0, "include-volumes", NULL, "what is mounted in it is a volume of the image's", set_flag,
	  FIELD(commit_options, volumes) },
	{ 'm', "message", "TEXT", "the comment in its history", set_string,
	  FIELD(commit_options, message) },
	{ 'p', "pause", NULL, "stop the container's processes meanwhile (default true)", set_flag,
	  FIELD(commit_options, pause) },
	{ 'q', "quiet", NULL, "print the image ID alone: always so here", set_flag,
	  FIELD(commit_options, quiet) },
	{ 's', "squash", NULL, "one layer, with all that is in the container", set_flag,
	  FIELD(commit_options, squash) },
	{ 0 },
};

static void init(void *options)
{
	((struct commit_options *)options)->pause = true;
}

static void done(void *options)
{
	struct commit_options *o = options;

	strv_done(&o->changes);
	free(o->author);
	free(o->message);
	free(o->format);
	free(o->id_file);
}

static int check_format(const char *format, struct err *err)
{
	if (!format || streq(format, "oci") || streq(format, "docker"))
		return 0;
	return err_set(err, ERR_USAGE, "--format '%s': unrecognized image format: oci or docker",
		       format);
}

/*
 * Is neither removed nor started meanwhile, or runs and is kept from running, where that is wanted.
 */
static int hold(struct tiffin *t, const struct container *c, bool pause, struct container_dir *dir,
		struct pause_hold *paused, struct err *err)
{
	struct err why = { 0 };

	if (container_dir_lock(&t->store, c->id, false, dir, &why) == 0)
		return 0;
	if (why.kind != ERR_BUSY) {
		*err = why;
		return -1;
	}
	return pause ? pause_hold(t, c, paused, err) : 0;
}

static int write_id(const char *path, const char *id, struct err *err)
{
	return path ? file_replace_at(AT_FDCWD, path, id, strlen(id), 0644, RELAXED, err) : 0;
}

static int commit_container(struct tiffin *t, const struct container *c,
			    const struct commit_options *o, const char *name, char **ret_id,
			    struct err *err)
{
	const struct commit_words words = {
		.changes = &o->changes, .message = o->message, .author = o->author,
		.volumes = o->volumes, .squash = o->squash,
	};
	CLEAN(container_dir_done) struct container_dir dir = CONTAINER_DIR_INIT;
	CLEAN(pause_release) struct pause_hold paused = PAUSE_HOLD_INIT;
	CLEAN(strv_done) struct strv places = { 0 };
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	CLEAN(clean_free) char *config = NULL;
	CLEAN(clean_fd) int tree = -1;
	const struct rootfs_driver *driver;
	struct commit_request request = {
		.name = name, .format = o->format ?: "oci", .container = c->id,
		.places = &places, .tree = -1,
	};

	if (js_str(c->config, "rootfs"))
		return err_set(err, ERR_UNSUPPORTED,
			       "container %s has a directory for its root, and no "
			       "image to go on from: '%s'",
			       c->name, js_str(c->config, "rootfs"));
	if (driver_of(c->config, &driver, err) < 0 ||
	    commit_config(t, c, &words, &config, err) < 0 || container_places(c, &places, err) < 0)
		return -1;
	request.config = config;
	request.driver = driver->name;
	tiffin_set_ids(t, js_bool(c->config, "single_id"));
	if (container_ids_from_json(c->config, &mapping, err) < 0)
		return -1;
	request.mapping = container_ids_within(t, mapping) ? mapping : NULL;
	if (hold(t, c, o->pause, &dir, &paused, err) < 0 ||
	    (o->squash && container_view(t, c, &tree, err) < 0))
		return -1;
	request.tree = tree;
	return helper_commit(t, &request, ret_id, err);
}

static int commit_command(struct tiffin *t, void *options, const struct strv *operands,
			  struct err *err)
{
	const struct commit_options *o = options;
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(clean_free) char *name = NULL;
	CLEAN(clean_free) char *id = NULL;

	if (check_format(o->format, err) < 0 ||
	    (operands->n > 1 && local_name_parse(operands->v[1], &name, err) < 0) ||
	    tiffin_open(t, false, err) < 0 ||
	    container_find(&t->store, operands->v[0], &c, err) < 0)
		return -1;
	helper_sweep(&t->store, &t->ids);
	if (commit_container(t, &c, o, name, &id, err) < 0)
		return -1;
	event_container(&t->store, c.config, "commit", NULL);
	printf("sha256:%s\n", id);
	return write_id(o->id_file, id, err);
}

const struct command command_commit = {
	.names = "commit",
	.operands = "[OPTIONS] CONTAINER [REFERENCE]",
	.summary = "make an image of what a container has changed",
	.opts = commit_opts,
	.size = sizeof(struct commit_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = commit_command,
	.init = init,
	.done = done,
};
