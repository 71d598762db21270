/*
 * Theory of operation
 *
 * A directory for a root file system, as it is (--rootfs DIR: a bind mount), or below a layer that
 * takes the writes (--rootfs DIR:O).
 *
 * The kernel takes no directory for a lower one that other file systems are mounted beneath, since
 * an unprivileged user could look under them. The host's own root is such a one. It is therefore
 * made again, piece by piece: what has nothing mounted beneath is laid over by itself, what has is
 * made anew as a directory, and looked into. Everything comes through an overlay or is copied, so
 * that the host's sockets and FIFOs lead nowhere. /run, /tmp and what the kernel makes (/proc and
 * the like) are not shown at all.
 *
 * A file whose owner is not mapped can't be written to, nor anything made beside it: the writable
 * layer would need that owner for its copy. Such directories that things are usually made in are
 * made in the writable layer beforehand, where they are the container's root's; what is in them
 * shows through.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/rootfs.h"

#define OVERFLOW_ID 65534 /* who is not mapped: user_namespaces(7) */
#define DEPTH_MAX   8
#define MOUNTS_MAX  (4u << 20) /* bytes of mountinfo */

struct laying {
	const struct rootfs *r;
	int home;	    /* containers/<id> */
	int base;	    /* the places that mounts are made on */
	struct strv mounts; /* absolute paths of all mount points */
};

static void laying_done(struct laying *l)
{
	clean_fd(&l->home);
	clean_fd(&l->base);
	strv_done(&l->mounts);
}

/* --- What is mounted where --- */

/* Blanks and backslashes are written as "\040": proc_pid_mountinfo(5). */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		unsigned int c;

		*to = *s;
		if (*s == '\\' && sscanf(s, "\\%3o", &c) == 1) {
			*to = (char)c;
			s += 3;
		}
	}
	*to = '\0';
}

static int read_mounts(struct strv *ret, struct err *err)
{
	CLEAN(clean_fd) int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	CLEAN(buf_done) struct buf text = { 0 };
	char *line, *rest;

	if (fd < 0)
		return err_sys(err, "cannot open '/proc/self/mountinfo'");
	if (read_all(fd, MOUNTS_MAX, &text, err) < 0)
		return -1;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char path[4096];

		if (sscanf(line, "%*d %*d %*s %*s %4095s", path) != 1)
			continue;
		unescape(path);
		strv_add(ret, path);
	}
	return 0;
}

/* "/" is beneath nothing, and everything beneath "/". */
static const char *beneath(const char *path, const char *dir)
{
	size_t len = streq(dir, "/") ? 0 : strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1] ? path + len + 1 : NULL;
}

static bool has_mounts_beneath(const struct laying *l, const char *dir)
{
	for (size_t i = 0; i < l->mounts.n; i++)
		if (beneath(l->mounts.v[i], dir))
			return true;
	return false;
}

static bool is_mount(const struct laying *l, const char *path)
{
	for (size_t i = 0; i < l->mounts.n; i++)
		if (streq(l->mounts.v[i], path))
			return true;
	return false;
}

/* --- Directories of the container's root in front of those of nobody's --- */

static int open_dir(int dirfd, const char *name, int flags)
{
	return openat(dirfd, name, flags | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Whether it did makes no difference but to what can be written to. */
static void shadow_one(int lower, int upper, const char *name)
{
	struct stat st;

	if (fstatat(lower, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
	    (st.st_uid != OVERFLOW_ID && st.st_gid != OVERFLOW_ID))
		return;
	if (mkdirat(upper, name, 0700) == 0 && fchmodat(upper, name, st.st_mode & 07777, 0) < 0)
		return;
}

/* Along a path, as far as there are directories and the writable layer has them. */
static void shadow_path(int lower, int upper, const char *path)
{
	CLEAN(clean_free) char *copy = xstrdup(path);
	CLEAN(clean_fd) int below = dup(lower);
	CLEAN(clean_fd) int above = dup(upper);
	char *name, *rest;

	for (name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		int next_below, next_above;

		shadow_one(below, above, name);
		next_below = open_dir(below, name, O_PATH);
		next_above = open_dir(above, name, O_PATH);
		clean_fd(&below);
		clean_fd(&above);
		below = next_below;
		above = next_above;
		if (below < 0 || above < 0)
			return;
	}
}

static void shadow(const struct laying *l, int lower, int upper, const char *path)
{
	const char *const places[] = { "/usr/local/bin", "/usr/local/lib", "/usr/local/share",
				       "/var/lib/misc",	 getenv("HOME"),   l->r->workdir };
	CLEAN(clean_dir) DIR *dir = NULL;
	struct dirent *e;
	int fd = open_dir(lower, ".", O_RDONLY);

	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			shadow_one(lower, upper, e->d_name);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const char *rest = places[i] ? beneath(places[i], path) : NULL;

		if (rest)
			shadow_path(lower, upper, rest);
	}
}

/* --- Overlays --- */

static int make_dir(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "'%s' of the container", name);
	*ret_fd = open_dir(dirfd, name, O_PATH);
	return *ret_fd < 0 ? err_sys(err, "'%s' of the container", name) : 0;
}

/* lower may be -1: the base alone. dirs holds upper and work. */
static int overlay(const struct laying *l, int lower, bool with_base, int dirs, const char *path,
		   int target, struct err *err)
{
	CLEAN(clean_free) char *options = NULL;
	CLEAN(clean_fd) int upper = -1;
	CLEAN(clean_fd) int work = -1;
	char a[FD_PATH_MAX], b[FD_PATH_MAX], c[FD_PATH_MAX], d[FD_PATH_MAX];
	struct stat st;

	if (make_dir(dirs, "upper", &upper, err) < 0 || make_dir(dirs, "work", &work, err) < 0)
		return -1;
	if (lower >= 0) {
		shadow(l, lower, upper, path);
		if (fstat(lower, &st) < 0 || fchmodat(dirs, "upper", st.st_mode & 07777, 0) < 0)
			return err_sys(err, "'%s'", path);
	}
	options = xasprintf("userxattr,lowerdir=%s%s%s,upperdir=%s,workdir=%s%s",
			    lower < 0 ? "" : fd_path(lower, a), lower >= 0 && with_base ? ":" : "",
			    with_base ? fd_path(l->base, b) : "", fd_path(upper, c), fd_path(work, d),
			    l->r->temporary ? ",volatile" : "");
	if (mount("overlay", fd_path(target, a), "overlay", MS_NODEV | MS_NOSUID, options) < 0) {
		err_sys(err, "an overlay of '%s'", path);
		return err_hint(err, "it takes Linux 5.11 or newer, and both the directory and the store on "
				     "file systems that overlayfs can use (the store: not another overlay)");
	}
	return 0;
}

/* Its writable layer is found again by the path: FNV-1a. */
static void key_of(const char *path, char ret[24])
{
	uint64_t h = 14695981039346656037u;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211u;
	snprintf(ret, 24, "%016llx", (unsigned long long)h);
}

static int lay(const struct laying *l, int lower, const char *path, int target, struct err *err)
{
	CLEAN(clean_fd) int over = -1;
	CLEAN(clean_fd) int dirs = -1;
	char key[24];

	key_of(path, key);
	if (make_dir(l->home, "over", &over, err) < 0 || make_dir(over, key, &dirs, err) < 0)
		return -1;
	return overlay(l, lower, false, dirs, path, target, err);
}

/* --- The host's root, piece by piece --- */

static int copy_link(int from, int into, const char *name, struct err *err)
{
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return 0; /* it was there a moment ago */
	target[n] = '\0';
	if (symlinkat(target, into, name) < 0 && errno != EEXIST)
		return err_sys(err, "'%s'", name);
	return 0;
}

static int fill(const struct laying *l, int from, int into, const char *path, int depth,
		struct err *err);

static int add_dir(const struct laying *l, int from, int into, const char *name, mode_t mode,
		   const char *path, int depth, struct err *err)
{
	CLEAN(clean_free) char *full = xasprintf("%s/%s", streq(path, "/") ? "" : path, name);
	CLEAN(clean_fd) int lower = open_dir(from, name, O_PATH);
	CLEAN(clean_fd) int target = -1;
	struct err why = { 0 };

	if (mkdirat(into, name, mode & 07777) < 0 && errno != EEXIST)
		return err_sys(err, "'%s'", full);
	target = open_dir(into, name, O_PATH);
	if (lower < 0 || target < 0)
		return 0;
	if (has_mounts_beneath(l, full))
		return depth < DEPTH_MAX ? fill(l, lower, target, full, depth + 1, err) : 0;
	if (lay(l, lower, full, target, &why) == 0 || is_mount(l, full))
		return 0; /* of a file system that overlayfs can't use nothing is shown */
	*err = why;
	return -1;
}

static bool is_left_out(const char *path, const char *name)
{
	static const char *const names[] = { "proc", "sys", "dev", "run", "tmp", ".", ".." };

	for (size_t i = streq(path, "/") ? 0 : 5; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return true;
	return false;
}

static int fill(const struct laying *l, int from, int into, const char *path, int depth,
		struct err *err)
{
	CLEAN(clean_dir) DIR *dir = NULL;
	struct dirent *e;
	struct stat st;
	int fd = open_dir(from, ".", O_RDONLY);

	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir))) {
		int result = 0;

		if (is_left_out(path, e->d_name) ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISLNK(st.st_mode))
			result = copy_link(dirfd(dir), into, e->d_name, err);
		else if (S_ISDIR(st.st_mode))
			result = add_dir(l, dirfd(dir), into, e->d_name, st.st_mode, path, depth,
					 err);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int mount_tmpfs(int root, const char *path, const char *options, struct err *err)
{
	CLEAN(clean_fd) int fd = open_resolved(root, path, O_PATH | O_DIRECTORY, 0,
					       RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
	char text[FD_PATH_MAX];

	if (fd < 0)
		return 0; /* there is nothing to hide */
	if (mount("tmpfs", fd_path(fd, text), "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		return err_sys(err, "a tmpfs on '%s'", path);
	return 0;
}

static int add_tmpfs(int root, const char *name, const char *options, struct err *err)
{
	if (mkdirat(root, name, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "'/%s'", name);
	return mount_tmpfs(root, name, options, err);
}

/* --- The driver --- */

/* On top of the work directory, which nobody else has to see. */
static int open_mounted(const struct laying *l, int *ret_root, struct err *err)
{
	*ret_root = open_dir(l->home, "work", O_PATH);
	return *ret_root < 0 ? err_sys(err, "opening it") : 0;
}

static int mount_pieces(const struct laying *l, int lower, int target, int *ret_root,
			struct err *err)
{
	CLEAN(clean_fd) int root = -1;

	if (overlay(l, -1, true, l->home, "/", target, err) < 0 ||
	    open_mounted(l, &root, err) < 0 || fill(l, lower, root, l->r->directory, 0, err) < 0)
		return -1;
	if (streq(l->r->directory, "/") && (add_tmpfs(root, "tmp", "mode=1777", err) < 0 ||
					    add_tmpfs(root, "run", "mode=755", err) < 0))
		return -1;
	*ret_root = fd_take(&root);
	return 0;
}

/* Other containers' records are none of this one's business. */
static int hide_store(const struct laying *l, int root, struct err *err)
{
	const char *path = beneath(l->r->store->root, l->r->directory);

	return path ? mount_tmpfs(root, path, "size=4k,mode=755", err) : 0;
}

static int mount_directory(const struct rootfs *r, int *ret_root, struct err *err)
{
	CLEAN(laying_done) struct laying l = { .r = r, .home = -1, .base = -1 };
	CLEAN(clean_free) char *home = xasprintf("%s/containers/%s", r->store->root, r->container);
	CLEAN(clean_fd) int lower = open_dir(AT_FDCWD, r->directory, O_PATH);
	CLEAN(clean_fd) int target = -1;
	CLEAN(clean_fd) int root = -1;
	char text[FD_PATH_MAX];

	if (lower < 0)
		return err_sys(err, "'%s'", r->directory);
	l.home = open_dir(AT_FDCWD, home, O_PATH);
	l.base = open_dir(l.home, "../../base", O_PATH);
	target = open_dir(l.home, "work", O_PATH);
	if (target < 0 || l.base < 0)
		return err_sys(err, "the container's directory");
	if (!r->discard) {
		if (mount(r->directory, fd_path(target, text), NULL, MS_BIND | MS_REC, NULL) < 0)
			return err_sys(err, "binding '%s'", r->directory);
		return open_mounted(&l, ret_root, err);
	}
	if (read_mounts(&l.mounts, err) < 0)
		return -1;
	if (has_mounts_beneath(&l, r->directory)) {
		if (mount_pieces(&l, lower, target, &root, err) < 0)
			return -1;
	} else if (overlay(&l, lower, true, l.home, r->directory, target, err) < 0 ||
		   open_mounted(&l, &root, err) < 0) {
		return -1;
	}
	if (hide_store(&l, root, err) < 0)
		return -1;
	*ret_root = fd_take(&root);
	return 0;
}

static int prepare_directory(const struct rootfs *r, struct err *err)
{
	struct stat st;

	if (stat(r->directory, &st) < 0)
		return err_sys(err, "--rootfs '%s'", r->directory);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "--rootfs '%s': not a directory", r->directory);
	return rootfs_overlay.prepare(r, err);
}

const struct rootfs_driver rootfs_directory = {
	.name = "directory",
	.prepare = prepare_directory,
	.mount = mount_directory,
};
