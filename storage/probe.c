/*
 * Which driver a store can have is tried and not guessed: that file systems lack user extended
 * attributes, or types in directories, or are overlays themselves shows in what comes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/rootfs.h"
#include "storage/stack.h"

#define REMEMBERED "driver" /* a symlink to nothing but a name */

bool rootfs_driver_recall(const struct store *s, char ret[ROOTFS_DRIVER_NAME_MAX])
{
	ssize_t n = readlinkat(s->fd, REMEMBERED, ret, ROOTFS_DRIVER_NAME_MAX - 1);

	if (n <= 0)
		return false;
	ret[n] = '\0';
	return true;
}

void rootfs_driver_remember(const struct store *s, const char *name)
{
	/* On a full disk it is tried again the next time. */
	if (symlinkat(name, s->fd, REMEMBERED) < 0)
		return;
}

/* Directories of a trial, beneath its stage. */
static const char *const dirs[] = { "lower", "lower/dir", "lower/dir/old", "middle", "middle/dir", "upper", "work" };

static int make_trial(int stage, struct err *err)
{
	CLEAN(clean_fd) int dir = -1;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(stage, dirs[i], 0755) < 0)
			return err_sys(err, "making directories");
	if (mknodat(stage, "lower/file", S_IFREG | 0644, 0) < 0 ||
	    mknodat(stage, "lower/hidden", S_IFREG | 0644, 0) < 0)
		return err_sys(err, "making files");
	if (mknodat(stage, "middle/hidden", S_IFCHR, makedev(0, 0)) < 0)
		return err_sys(err, "making a whiteout");
	dir = openat(stage, "middle/dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsetxattr(dir, "user.overlay.opaque", "y", 1, 0) < 0)
		return err_sys(err, "user extended attributes");
	return 0;
}

static int mount_trial(int stage, int *ret_root, struct err *err)
{
	const char *const names[] = { "middle", "lower", "upper", "work" };
	CLEAN(clean_free) char *options = NULL;
	char paths[ARRAY_SIZE(names)][FD_PATH_MAX];
	int fds[ARRAY_SIZE(names)], result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fds[i] = openat(stage, names[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_path(fds[i], paths[i]);
	}
	options = xasprintf("userxattr,lowerdir=%s:%s,upperdir=%s,workdir=%s", paths[0], paths[1],
			    paths[2], paths[3]);
	if (mount("overlay", paths[3], "overlay", MS_NODEV, options) < 0)
		result = err_sys(err, "mounting it");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		clean_fd(&fds[i]);
	*ret_root = result < 0 ? -1 : openat(stage, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return result < 0 || *ret_root >= 0 ? result : err_sys(err, "opening it");
}

static int has_names(int root, const char *path, const char *want, struct err *err)
{
	CLEAN(clean_fd) int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	if (fd < 0)
		return err_sys(err, "opening a directory");
	if (dir_list(fd, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		buf_addf(&text, "%s ", names.v[i]);
	return streq(buf_str(&text), want) ? 0 :
					     err_set(err, ERR_UNSUPPORTED, "what was hidden is seen");
}

/* What containers do: write, delete, put a directory in the place of another. */
static int use_trial(int root, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;

	if (has_names(root, ".", "dir file ", err) < 0 || has_names(root, "dir", "", err) < 0)
		return -1;
	fd = openat(root, "file", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return err_sys(err, "writing");
	if (unlinkat(root, "file", 0) < 0 || unlinkat(root, "dir", AT_REMOVEDIR) < 0)
		return err_sys(err, "deleting");
	if (has_names(root, ".", "", err) < 0)
		return -1;
	if (mkdirat(root, "dir", 0755) < 0)
		return err_sys(err, "making a directory anew");
	return has_names(root, "dir", "", err);
}

static int try_overlay(const struct store *s, const char *name, int stage, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/tmp/%s", s->root, name);
	CLEAN(clean_free) char *target = xasprintf("%s/work", path);
	/* overlayfs takes directories of the mount namespace that it is mounted in. */
	CLEAN(clean_fd) int here = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_fd) int root = -1;
	int result;

	if (here < 0)
		return err_sys(err, "opening a directory");
	if (make_trial(stage, err) < 0 || mount_trial(here, &root, err) < 0)
		return -1;
	result = use_trial(root, err);
	clean_fd(&root);
	umount2(target, MNT_DETACH);
	return result;
}

int rootfs_probe_overlay(const struct store *s, struct err *err)
{
	CLEAN(clean_fd) int stage = -1;
	CLEAN(clean_fd) int lock = -1;
	char name[STAGE_NAME_MAX];
	struct err why = { 0 };
	int result;

	if (store_stage(s, name, &stage, &lock, err) < 0)
		return -1;
	result = try_overlay(s, name, stage, &why);
	store_unstage(s, name);
	if (result == 0)
		return 0;
	if (why.kind != ERR_NO_SPACE)
		why.kind = ERR_UNSUPPORTED;
	if (err)
		*err = why;
	return err_wrap(err, "overlayfs can't write to the store's file system");
}
