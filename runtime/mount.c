#include "runtime/mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

static int configure(int fs, const char *option)
{
	const char *eq = strchr(option, '=');
	CLEAN(clean_free) char *key = eq ? xstrndup(option, (size_t)(eq - option)) : NULL;

	return eq ? fsconfig(fs, FSCONFIG_SET_STRING, key, eq + 1, 0) :
		    fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
}

int mount_new(const char *type, const char *const options[], uint64_t attrs, int *ret_mnt,
	      struct err *err)
{
	CLEAN(clean_fd) int fs = fsopen(type, FSOPEN_CLOEXEC);
	int mnt;

	if (fs < 0)
		return err_sys(err, "%s", type);
	/* The name in /proc/mounts; without one it is "none". */
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", type, 0) < 0)
		return err_sys(err, "%s", type);
	for (; options && *options; options++)
		if (configure(fs, *options) < 0)
			return err_sys(err, "%s with '%s'", type, *options);
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(err, "%s", type);
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attrs);
	if (mnt < 0)
		return err_sys(err, "%s", type);
	*ret_mnt = mnt;
	return 0;
}

static int clone_tree(int dirfd, const char *path, uint64_t attrs, bool recursive, int *ret_mnt,
		      struct err *err)
{
	CLEAN(clean_fd)
	int mnt = open_tree(dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
						 (recursive ? AT_RECURSIVE : 0));

	if (mnt < 0)
		return err_sys(err, "'%s'", path);
	if (attrs && mount_restrict(mnt, attrs, recursive, err) < 0)
		return -1;
	*ret_mnt = fd_take(&mnt);
	return 0;
}

int mount_clone(int dirfd, const char *path, uint64_t attrs, int *ret_mnt, struct err *err)
{
	return clone_tree(dirfd, path, attrs, true, ret_mnt, err);
}

int mount_clone_one(int dirfd, const char *path, uint64_t attrs, int *ret_mnt, struct err *err)
{
	return clone_tree(dirfd, path, attrs, false, ret_mnt, err);
}

int mount_propagate(int mnt, uint64_t propagation, bool recursive, struct err *err)
{
	struct mount_attr change = { .propagation = propagation };

	if (mount_setattr(mnt, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &change,
			  sizeof(change)) < 0)
		return err_sys(err, "the propagation of a mount");
	return 0;
}

int mount_attach(int mnt, int dirfd, const char *path, struct err *err)
{
	if (move_mount(mnt, "", dirfd, path,
		       MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH)) < 0)
		return err_sys(err, "attaching a mount at '%s'", path);
	return 0;
}

int mount_restrict(int mnt, uint64_t attrs, bool recursive, struct err *err)
{
	struct mount_attr change = { .attr_set = attrs };

	if (mount_setattr(mnt, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &change,
			  sizeof(change)) < 0)
		return err_sys(err, "restricting a mount");
	return 0;
}
