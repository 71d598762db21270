/*
 * --privileged: the devices of the host that the caller may open, wherever they stand below /dev.
 *
 * Without root it gives nothing that the caller has not: who may open a device stays the host's to
 * say. Terminals are left out, those of the host are none of the container's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/child.h"
#include "runtime/mount.h"

#define DEPTH_MAX 8

/* What the container has its own of. */
static bool is_ours(const char *path)
{
	static const char *const ours[] = { "pts", "shm", "mqueue", "console", "ptmx", "tty",
					    "core", "fd", "stdin", "stdout", "stderr" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (streq(path, ours[i]))
			return true;
	return starts_with(path, "tty") || starts_with(path, "vcs");
}

/* One that is there already (null, zero and their like) stays. */
static int bind_device(struct child *c, int host, const char *name, int under, struct err *err)
{
	int fd = openat(under, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	CLEAN(clean_fd) int mnt = -1;

	(void)c;
	if (fd < 0)
		return errno == EEXIST ? 0 : err_sys(err, "'%s'", name);
	close(fd);
	if (mount_clone(host, name, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &mnt, err) < 0)
		return -1;
	return mount_attach(mnt, under, name, err);
}

static int bind_directory(struct child *c, const char *path, int under, int depth, struct err *err);

static int bind_entry(struct child *c, int host, const char *path, const char *name, int under,
		      int depth, struct err *err)
{
	CLEAN(clean_fd) int dir = -1;
	struct stat st;

	if (fstatat(host, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
		if (faccessat(host, name, R_OK, 0) < 0 && faccessat(host, name, W_OK, 0) < 0)
			return 0;
		return bind_device(c, host, name, under, err);
	}
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return 0;
	if (mkdirat(under, name, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "'%s'", path);
	dir = openat(under, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return dir < 0 ? err_sys(err, "'%s'", path) : bind_directory(c, path, dir, depth + 1, err);
}

static int bind_directory(struct child *c, const char *path, int under, int depth, struct err *err)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	int result = 0;

	while (dir && result == 0 && (d = readdir(dir))) {
		CLEAN(clean_free) char *inner = xasprintf("%s/%s", path, d->d_name);

		if (d->d_name[0] == '.' || (depth == 0 && is_ours(d->d_name)))
			continue;
		result = bind_entry(c, dirfd(dir), inner, d->d_name, under, depth, err);
	}
	if (dir)
		closedir(dir);
	return result;
}

int bind_devices(struct child *c, struct err *err)
{
	return c->spec->privileged ? bind_directory(c, "/dev", c->dev, 0, err) : 0;
}
