#include "runtime/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define SYMLINKS_MAX 40 /* as the kernel has it: path_resolution(7) */

/*
 * A walk: what is resolved so far has no symlinks and no dots, and is looked up anew from root,
 * with symlinks refused, at each step. Whoever swaps a component for a symlink meanwhile gets an
 * error.
 */
struct walk {
	int root;
	struct buf done; /* "/var/run" */
	char *rest;	 /* "a/../b"; owned */
	int symlinks;
};

static void walk_done(struct walk *w)
{
	buf_done(&w->done);
	free(w->rest);
}

static int open_plain(int root, const char *path, uint64_t flags, mode_t mode)
{
	return open_resolved(root, *path ? path : "/", flags, mode,
			     RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

static void pop(struct buf *path)
{
	while (path->len && path->data[path->len - 1] != '/')
		path->len--;
	if (path->len)
		path->data[--path->len] = '\0';
}

/* Puts the symlink's target in front of what is left to walk. */
static int follow(struct walk *w, const char *target, struct err *err)
{
	char *rest;

	if (++w->symlinks > SYMLINKS_MAX) {
		errno = ELOOP;
		return err_sys(err, "'%s'", buf_str(&w->done));
	}
	rest = xasprintf("%s/%s", target, w->rest);
	free(w->rest);
	w->rest = rest;
	if (*target == '/')
		buf_done(&w->done);
	return 0;
}

/* Makes the last component of path, whose parent has been walked. */
static int make(struct walk *w, const char *name, enum target_kind kind)
{
	CLEAN(clean_fd)
	int parent = open_plain(w->root, buf_str(&w->done), O_PATH | O_DIRECTORY, 0);
	int fd;

	if (parent < 0)
		return -1;
	if (kind == TARGET_DIR)
		return mkdirat(parent, name, 0755);
	fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* Walks one component further. */
static int step(struct walk *w, const char *name, enum target_kind kind, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/%s", buf_str(&w->done), name);
	CLEAN(clean_fd) int fd = open_plain(w->root, path, O_PATH | O_NOFOLLOW, 0);
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fd < 0 && errno == ENOENT && make(w, name, kind) == 0)
		fd = open_plain(w->root, path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "'%s'", path);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(fd, "", target, sizeof(target) - 1);
		if (n < 0)
			return err_sys(err, "'%s'", path);
		target[n] = '\0';
		return follow(w, target, err);
	}
	buf_addf(&w->done, "/%s", name);
	return 0;
}

static int walk(struct walk *w, enum target_kind kind, struct err *err)
{
	for (;;) {
		size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/");
		CLEAN(clean_free) char *name = xstrndup(w->rest + skip, len);
		char *rest = xstrdup(w->rest + skip + len);
		bool last = !rest[strspn(rest, "/")];

		free(w->rest);
		w->rest = rest;
		if (!*name)
			return 0;
		if (streq(name, "..")) {
			pop(&w->done);
			continue;
		}
		if (!streq(name, ".") && step(w, name, last ? kind : TARGET_DIR, err) < 0)
			return -1;
	}
}

int root_open_target(int root, const char *path, enum target_kind kind, int *ret_fd,
		     struct err *err)
{
	CLEAN(walk_done) struct walk w = { .root = root, .rest = xstrdup(path) };
	CLEAN(clean_fd) int fd = -1;
	struct stat st;

	if (walk(&w, kind, err) < 0)
		return -1;
	fd = open_plain(root, buf_str(&w.done), O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "'%s'", path);
	if (S_ISDIR(st.st_mode) != (kind == TARGET_DIR))
		return err_set(err, ERR_EXISTS, "'%s' is %s directory in the container", path,
			       kind == TARGET_DIR ? "not a" : "a");
	*ret_fd = fd_take(&fd);
	return 0;
}

int root_open_plain_dir(int root, const char *name, int *ret_fd, struct err *err)
{
	int fd = open_plain(root, name, O_PATH | O_DIRECTORY, 0);

	if (fd < 0 && errno == ENOENT && mkdirat(root, name, 0755) == 0)
		fd = open_plain(root, name, O_PATH | O_DIRECTORY, 0);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(err, ERR_CORRUPT, "the image's '/%s' is not a directory", name);
	if (fd < 0)
		return err_sys(err, "'/%s'", name);
	*ret_fd = fd;
	return 0;
}
