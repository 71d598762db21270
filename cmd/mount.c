/*
 * mount, unmount: a container's file system on a directory of the store (containers/<id>/merged),
 * in the mount namespace of a session (tiffin unshare), with which it goes away. Its volumes are
 * not in it.
 *
 * One that runs has its writable layer mounted already, where nobody else reaches it: of that one a
 * view is mounted, in which nothing can be written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/container_ids.h"
#include "cmd/each.h"
#include "cmd/format.h"
#include "runtime/mount.h"
#include "runtime/session.h"
#include "storage/rootfs.h"

struct mount_options {
	bool all, latest, whole;
	char *format;
};

static const struct opt mount_opts[] = {
	{ 'a', "all", NULL, "all of them", set_flag, FIELD(mount_options, all) },
	{ 'l', "latest", NULL, "the newest one", set_flag, FIELD(mount_options, latest) },
	{ 0, "no-trunc", NULL, "whole IDs", set_flag, FIELD(mount_options, whole) },
	{ 0, "notruncate", NULL, NULL, set_flag, FIELD(mount_options, whole) },
	{ 0, "format", "json", "the list as JSON", set_string, FIELD(mount_options, format) },
	{ 0 },
};

static void mount_done(void *options)
{
	free(((struct mount_options *)options)->format);
}

struct unmount_options {
	struct each each;
	bool force;
};

static const struct opt unmount_opts[] = {
	{ 'a', "all", NULL, "all that are mounted", set_flag, FIELD(unmount_options, each.all) },
	{ 'l', "latest", NULL, "the newest one", set_flag, FIELD(unmount_options, each.latest) },
	{ 'f', "force", NULL, "also while something uses it", set_flag,
	  FIELD(unmount_options, force) },
	{ 0 },
};

static void unmount_done(void *options)
{
	each_done(&((struct unmount_options *)options)->each);
}

static int check_session(const char *verb, struct err *err)
{
	return session_is_here() ? 0 : err_set(err, ERR_USAGE,
					       "cannot run 'tiffin %s' outside of a session, must "
					       "execute 'tiffin unshare' first", verb);
}

/* The caller frees. */
static char *path_of(const struct tiffin *t, const struct container *c)
{
	return xasprintf("%s/containers/%s/merged", t->store.root, c->id);
}

static bool is_mounted(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 &&
	       st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* The driver's own mount is where the driver wants it. */
static int move_to(int root, const char *path, struct err *err)
{
	CLEAN(clean_fd) int mnt = -1;
	char own[FD_PATH_MAX];

	if (mount_clone(root, "", 0, &mnt, err) < 0)
		return -1;
	umount2(fd_path(root, own), MNT_DETACH);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "cannot create '%s'", path);
	return mount_attach(mnt, AT_FDCWD, path, err);
}

/* Only one that does not run, and can't meanwhile, is mounted to be written to. */
static int open_root(struct tiffin *t, const struct container *c, int *ret_root, struct err *err)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	CLEAN(container_dir_done) struct container_dir dir = CONTAINER_DIR_INIT;
	const struct rootfs_driver *driver;
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	struct rootfs rootfs = {
		.store = &t->store,
		.layers = &layers,
		.container = c->id,
	};
	struct err why = { 0 };

	if (js_str(c->config, "rootfs"))
		return err_set(err, ERR_UNSUPPORTED, "its root is a directory of yours: '%s'",
			       js_str(c->config, "rootfs"));
	js_strv(c->config, "layers", &layers);
	if (container_ids_open(t, c->config, &rootfs, &driver, &mapping, err) < 0)
		return -1;
	if (container_dir_lock(&t->store, c->id, false, &dir, &why) == 0)
		return driver->prepare(&rootfs, err) < 0 ? -1 :
							   driver->mount(&rootfs, ret_root, err);
	if (why.kind != ERR_BUSY) {
		*err = why;
		return -1;
	}
	warn("container %s runs: it is mounted read-only", c->name);
	return driver->view(&rootfs, ret_root, err);
}

static int mount_container(struct tiffin *t, const struct container *c, struct err *err)
{
	CLEAN(clean_free) char *path = path_of(t, c);
	CLEAN(clean_fd) int root = -1;

	if (is_mounted(path))
		return 0;
	if (open_root(t, c, &root, err) < 0 || move_to(root, path, err) < 0)
		return err_wrap(err, "cannot mount container %s", c->name);
	return 0;
}

static int print_list(struct tiffin *t, const struct mount_options *o, const struct container *list,
		      size_t n)
{
	CLEAN(clean_json) json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		CLEAN(clean_free) char *path = path_of(t, &list[i]);

		if (!is_mounted(path))
			continue;
		if (o->format)
			json_array_append_new(array,
					      json_pack("{s:s,s:[s],s:s}", "id", list[i].id,
							"Names", list[i].name, "mountpoint", path));
		else
			printf("%.*s  %s\n", o->whole ? 64 : 12, list[i].id, path);
	}
	if (o->format)
		print_json(array, true);
	return 0;
}

/* Those that are mounted; with --all, --latest, after they have been. */
static int mount_listed(struct tiffin *t, const struct mount_options *o, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0, wanted;
	int code = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	wanted = o->all ? n : o->latest && n ? 1 : 0;
	for (size_t i = 0; i < wanted; i++) {
		struct err why = { 0 };

		if (mount_container(t, &list[i], &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
		}
	}
	print_list(t, o, list, o->latest ? wanted : n);
	container_list_done(list, n);
	return code;
}

static int mount_named(struct tiffin *t, const struct mount_options *o, const char *name,
		       bool alone, struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(clean_free) char *path = NULL;

	if (container_find(&t->store, name, &c, err) < 0 || mount_container(t, &c, err) < 0)
		return -1;
	path = path_of(t, &c);
	if (!alone || o->format)
		return print_list(t, o, &c, 1);
	printf("%s\n", path);
	return 0;
}

static int mount_command(struct tiffin *t, void *options, const struct strv *operands,
			 struct err *err)
{
	const struct mount_options *o = options;
	int code = 0;

	if (o->format && !streq(o->format, "json"))
		return err_set(err, ERR_USAGE, "unknown --format argument: '%s'", o->format);
	if (operands->n && (o->all || o->latest))
		return err_set(err, ERR_USAGE,
			       "mount: names, --all and --latest do not go together");
	if (check_session("mount", err) < 0 || tiffin_open(t, false, err) < 0)
		return -1;
	if (!operands->n)
		return mount_listed(t, o, err);
	for (size_t i = 0; i < operands->n; i++) {
		struct err why = { 0 };

		if (mount_named(t, o, operands->v[i], operands->n == 1, &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
		}
	}
	return code;
}

static int unmount_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		       struct err *err)
{
	const struct unmount_options *o = arg;
	CLEAN(clean_free) char *path = path_of(t, c);

	(void)name;
	if (!is_mounted(path))
		return o->each.all ? 1 :
				     err_set(err, ERR_NOT_FOUND,
					     "cannot unmount container %s: layer is not mounted",
					     c->name);
	if (umount2(path, UMOUNT_NOFOLLOW | (o->force ? MNT_DETACH : 0)) < 0)
		return err_sys(err, "cannot unmount container %s", c->name);
	rmdir(path);
	return 0;
}

static int unmount_command(struct tiffin *t, void *options, const struct strv *operands,
			   struct err *err)
{
	struct unmount_options *o = options;
	const struct each_task task = { .verb = "unmount", .work = unmount_one, .arg = o };
	int code;

	if (check_session("unmount", err) < 0)
		return -1;
	code = each_container(t, &o->each, operands, &task, err);
	/* 1 is one that was not mounted, which nobody named. */
	return code == 1 ? 0 : code;
}

const struct command command_mount = {
	.names = "mount",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "mount a container's file system, within unshare",
	.opts = mount_opts,
	.size = sizeof(struct mount_options),
	.max_operands = SIZE_MAX,
	.run = mount_command,
	.done = mount_done,
};

const struct command command_unmount = {
	.names = "unmount|umount",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "unmount it again",
	.opts = unmount_opts,
	.size = sizeof(struct unmount_options),
	.max_operands = SIZE_MAX,
	.run = unmount_command,
	.done = unmount_done,
};
