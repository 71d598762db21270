#include "image/tree_dir.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/layer_path.h"
#include "storage/stack.h"

#define OPAQUE "user.overlay.opaque"
#define DEPTHS 16 /* of which the last directory used is kept open */

int tree_err(struct err *err, const char *verb, const char *path)
{
	int sys = errno;
	CLEAN(clean_free) char *safe = str_printable(path);

	errno = sys;
	return err_sys(err, "cannot %s '%.200s'", verb, safe);
}

int tree_corrupt(struct err *err, const char *path, const char *why)
{
	CLEAN(clean_free) char *safe = str_printable(path);

	return err_set(err, ERR_CORRUPT, "'%.200s' %s", safe, why);
}

static int not_a_directory(const char *path, struct err *err)
{
	return tree_corrupt(err, path, "is not a directory, yet has entries");
}

static size_t depth_of(const char *path, size_t len)
{
	size_t depth = len > 0;

	for (size_t i = 0; i < len; i++)
		depth += path[i] == '/';
	return depth;
}

static int leave(struct tree_dir *d, struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, d->mtime };
	int result = 0;

	if (d->path && d->touched && futimens(d->fd, times) < 0)
		result = tree_err(err, "set the time of", d->path);
	if (d->path)
		close(d->fd);
	free(d->path);
	*d = (struct tree_dir){ .fd = -1 };
	return result;
}

void tree_dirs_init(struct tree *t)
{
	t->open = xcalloc(DEPTHS, sizeof(*t->open));
	for (size_t i = 0; i < DEPTHS; i++)
		t->open[i].fd = -1;
}

int tree_dirs_leave(struct tree *t, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < DEPTHS; i++)
		if (leave(&t->open[i], result == 0 ? err : NULL) < 0)
			result = -1;
	return result;
}

int tree_dir_enter(struct tree *t, const char *path, size_t len, int fd, struct tree_dir **ret,
		   struct err *err)
{
	struct tree_dir *d = &t->open[depth_of(path, len) % DEPTHS];
	struct stat st;

	if (fstat(fd, &st) < 0) {
		close(fd);
		return tree_err(err, "look at", path);
	}
	if (leave(d, err) < 0) {
		close(fd);
		return -1;
	}
	*d = (struct tree_dir){
		.path = xstrndup(path, len),
		.fd = fd,
		.setgid = st.st_mode & S_ISGID,
		.mtime = st.st_mtim,
	};
	*ret = d;
	return 0;
}

bool tree_is_whiteout(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode);
}

int tree_mark(int dirfd, const char *name, const char *path, struct err *err)
{
	CLEAN(clean_fd) int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	return fd < 0 && errno != EEXIST ? tree_err(err, "hide", path) : 0;
}

int tree_set_opaque(int fd, const char *path, struct err *err)
{
	if (fsetxattr(fd, OPAQUE, "y", 1, 0) == 0)
		return 0;
	if (errno != ENOTSUP && errno != EPERM)
		return tree_err(err, "mark as opaque", path);
	return tree_mark(fd, MARK_OPAQUE, path, err);
}

/*
 * Makes and opens a directory that no entry has made. Where the layer hides it and fills it anew
 * (".wh.x", then "x/y"), it is a new one, and opaque.
 */
static int make_implicit(struct tree *t, const char *path, int *ret_fd, struct err *err)
{
	const char *base = path_base(path);
	struct tree_dir *parent;
	CLEAN(clean_fd) int fd = -1;
	bool hidden = false, made;

	if (tree_dir_find(t, path, path_parent_len(path), &parent, err) < 0)
		return -1;
	made = mkdirat(parent->fd, base, 0755) == 0;
	if (!made && errno == EEXIST) {
		hidden = tree_is_whiteout(parent->fd, base);
		if (!hidden)
			return not_a_directory(path, err);
		made = unlinkat(parent->fd, base, 0) == 0 && mkdirat(parent->fd, base, 0755) == 0;
	}
	if (!made)
		return tree_err(err, "create", path);
	t->implied++;
	parent->touched = true;
	fd = openat(parent->fd, base, OPEN_DIR);
	if (fd < 0)
		return tree_err(err, "open", path);
	if (parent->setgid && !t->single_id && (fchown(fd, 0, 0) < 0 || fchmod(fd, 0755) < 0))
		return tree_err(err, "set the owner of", path);
	if (hidden && tree_set_opaque(fd, path, err) < 0)
		return -1;
	*ret_fd = fd_take(&fd);
	return 0;
}

int tree_dir_find(struct tree *t, const char *path, size_t len, struct tree_dir **ret,
		  struct err *err)
{
	struct tree_dir *d = &t->open[depth_of(path, len) % DEPTHS];
	CLEAN(clean_free) char *dir = NULL;
	int fd;

	if (d->path && strlen(d->path) == len && memcmp(d->path, path, len) == 0) {
		*ret = d;
		return 0;
	}
	dir = len ? xstrndup(path, len) : xstrdup(".");
	fd = open_resolved(t->root, dir, O_RDONLY | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
	if (fd < 0 && errno == ELOOP)
		return not_a_directory(dir, err);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return tree_err(err, "open", dir);
	if (fd < 0 && make_implicit(t, dir, &fd, err) < 0)
		return -1;
	return tree_dir_enter(t, path, len, fd, ret, err);
}
