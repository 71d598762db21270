#include "storage/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/*
 * The layer below all others has the places that every container mounts something on. An image that
 * lacks them would have them made in its writable layer, at each start, and removed with it.
 */
static const char *const base_dirs[] = { "proc", "sys", "dev", "etc" };
static const char *const base_files[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf" };

static int fill_base(int dir, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(base_dirs); i++)
		if (mkdirat(dir, base_dirs[i], 0755) < 0)
			return err_sys(err, "cannot create '%s'", base_dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(base_files); i++) {
		CLEAN(clean_fd)
		int fd = openat(dir, base_files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0)
			return err_sys(err, "cannot create '%s'", base_files[i]);
	}
	return fchmod(dir, 0755) < 0 ? err_sys(err, "cannot make the base layer") : 0;
}

int rootfs_ensure_base(const struct store *s, struct err *err)
{
	char name[STAGE_NAME_MAX];
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int lock = -1;

	if (faccessat(s->fd, "base", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (store_stage(s, name, &dir, &lock, err) < 0 || fill_base(dir, err) < 0)
		return -1;
	if (renameat(s->tmp, name, s->fd, "base") < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(err, "cannot put the base layer into the store");
	store_unstage(s, name);
	return 0;
}

static const struct rootfs_driver *const drivers[] = {
	&rootfs_overlay,
	&rootfs_copy,
};

int rootfs_driver_find(const char *name, const struct rootfs_driver **ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (streq(name, drivers[i]->name)) {
			*ret = drivers[i];
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "there is no storage driver '%s': they are overlay and copy",
		       name);
}
