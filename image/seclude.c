#include "image/seclude.h"

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <unistd.h>

static int bind_itself(const char *path, struct err *err)
{
	if (path && mount(path, path, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, "cannot bind '%s'", path);
	return 0;
}

static int allow_writing(const char *path, struct err *err)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	if (path && mount_setattr(AT_FDCWD, path, 0, &attr, sizeof(attr)) < 0)
		return err_sys(err, "cannot write to '%s'", path);
	return 0;
}

int image_seclude(const char *store, const char *directory, struct err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, "cannot make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "cannot part from the host's mounts");
	/* Bound while they can be written: what is bound read-only might have to stay so. */
	if (bind_itself(store, err) < 0 || bind_itself(directory, err) < 0)
		return -1;
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_sys(err, "cannot make the mounts read-only");
	return allow_writing(store, err) < 0 || allow_writing(directory, err) < 0 ? -1 : 0;
}
