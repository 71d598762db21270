#include "runtime/view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "base/withdraw.h"
#include "runtime/caps.h"
#include "runtime/mount.h"

#define BIT(n) ((uint64_t)1 << (n))

/*
 * To read callers' memory and directories, to look at files and set attributes of theirs, and
 * roots.
 */
#define CAPS                                                                          \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | \
	 BIT(CAP_SYS_CHROOT) | BIT(CAP_SYS_PTRACE))

/*
 * Directories of the host's have nothing above them then, whoever says a path that begins there. It
 * takes a mount namespace of our own, for a moment, that belongs to the container's users.
 */
static int take_along(int upper, struct view *v, struct err *err)
{
	/* A working directory is taken along into it, a descriptor would not be. */
	if ((upper >= 0 && fchdir(upper) < 0) || unshare(CLONE_NEWNS) < 0)
		return err_sys(err, "cannot have mounts of our own");
	if (upper >= 0 && mount_clone(AT_FDCWD, "", MOUNT_ATTR_RDONLY, &v->upper, err) < 0)
		return -1;
	return mount_clone(AT_FDCWD, "/proc", MOUNT_ATTR_RDONLY, &v->proc, err);
}

static int enter(struct view *v, int init, int upper, struct err *err)
{
	if (setns(init, CLONE_NEWUSER) < 0)
		return err_sys(err, "cannot enter the container's user namespace");
	/* Nobody in there is to get at us. From here on our credentials become less only. */
	if (process_withdraw(err) < 0 || take_along(upper, v, err) < 0)
		return -1;
	if (setns(init, CLONE_NEWNS) < 0 || fchdir(v->proc) < 0)
		return err_sys(err, "cannot enter the container's mount namespace");
	v->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->root < 0 || fstat(v->root, &v->root_stat) < 0)
		return err_sys(err, "cannot enter the container's root");
	return caps_limit(CAPS, err);
}

int view_enter(struct view *v, int init, int upper, struct err *err)
{
	int result;

	v->proc = v->root = v->upper = -1;
	result = enter(v, init, upper, err);
	clean_fd(&upper);
	return result;
}

void seen_done(struct seen *s)
{
	clean_fd(&s->fd);
}

void view_find_fd(const struct notification *n, int fd, struct seen *ret)
{
	*ret = (struct seen)SEEN_INIT;
	if (fd == AT_FDCWD)
		snprintf(ret->name, sizeof(ret->name), "%d/cwd", (int)n->pid);
	else
		snprintf(ret->name, sizeof(ret->name), "%d/fd/%d", (int)n->pid, fd);
}

/* Paths that are a descriptor of whoever says them, which to us would be another's. */
static int descriptor_of(const char *path)
{
	static const char *const standard[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr" };
	static const char *const directories[] = { "/proc/self/fd/", "/dev/fd/",
						   "/proc/thread-self/fd/" };

	for (int i = 0; i < 3; i++)
		if (streq(path, standard[i]))
			return i;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		const char *number = path + strlen(directories[i]);
		char *end;

		if (starts_with(path, directories[i]) && *number >= '0' && *number <= '9') {
			unsigned long fd = strtoul(number, &end, 10);

			return !*end && fd < 1u << 20 ? (int)fd : -1;
		}
	}
	return -1;
}

/* In a root of its own, a caller's paths begin and end there. */
static int open_in_root(const struct view *v, int root, int base, const char *path, uint64_t flags)
{
	int fd = -1, error;

	if (fchdir(root) == 0 && chroot(".") == 0)
		fd = open_resolved(base, path, flags, 0, 0);
	error = errno;
	/* Rather none of us than one in another's root. */
	if (fchdir(v->root) < 0 || chroot(".") < 0 || fchdir(v->proc) < 0)
		_exit(1);
	errno = error;
	return fd;
}

static int open_path(const struct view *v, const struct notification *n, int base, const char *path,
		     uint64_t flags)
{
	CLEAN(clean_fd) int root = -1;
	struct stat st;
	char name[32];

	if (!*v->rooted)
		return open_resolved(base, path, flags, 0, 0);
	snprintf(name, sizeof(name), "%d/root", (int)n->pid);
	if (fstatat(v->proc, name, &st, 0) < 0)
		return -1;
	if (st.st_dev == v->root_stat.st_dev && st.st_ino == v->root_stat.st_ino)
		return open_resolved(base, path, flags, 0, 0);
	root = openat(v->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : open_in_root(v, root, base, path, flags);
}

static int open_seen(const struct view *v, const struct notification *n, int dirfd,
		     const char *path, uint64_t flags)
{
	CLEAN(clean_fd) int base = -1;
	struct seen dir;

	if (*path == '/')
		return open_path(v, n, -1, path, flags);
	view_find_fd(n, dirfd, &dir);
	base = openat(v->proc, dir.name, O_PATH | O_CLOEXEC);
	return base < 0 ? -1 : open_path(v, n, base, path, flags);
}

int view_find(const struct view *v, const struct notification *n, int dirfd, const char *path,
	      bool follow, struct seen *ret)
{
	CLEAN(clean_fd) int fd = -1;
	int own = follow ? descriptor_of(path) : -1;

	if (!*path || own >= 0) {
		view_find_fd(n, own >= 0 ? own : dirfd, ret);
		return 0;
	}
	fd = open_seen(v, n, dirfd, path, O_PATH | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return -1;
	/* All of that was looked up by the caller's number. */
	if (!notify_valid(n)) {
		errno = ESRCH;
		return -1;
	}
	snprintf(ret->name, sizeof(ret->name), "self/fd/%d", fd);
	ret->fd = fd_take(&fd);
	return 0;
}
