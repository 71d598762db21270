#include "storage/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define SYMLINKS_MAX 40 /* as the kernel has it: path_resolution(7) */

void located_done(struct located *l)
{
	clean_fd(&l->dir);
	free(l->name);
	free(l->base);
	*l = (struct located)LOCATED_INIT;
}

/* "/a/./b/../c/" is "/a/c". The caller frees. */
static char *clean(const char *path)
{
	CLEAN(strv_done) struct strv parts = { 0 };
	CLEAN(clean_free) char *copy = xstrdup(path);
	CLEAN(buf_done) struct buf out = { 0 };
	char *rest;

	for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
		if (streq(part, ".."))
			free(parts.n ? parts.v[--parts.n] : NULL);
		else if (!streq(part, "."))
			strv_add(&parts, part);
	}
	for (size_t i = 0; i < parts.n; i++)
		buf_addf(&out, "/%s", parts.v[i]);
	return xstrdup(out.len ? out.data : "/");
}

static int open_parent(int root, const char *path, int *ret_fd)
{
	*ret_fd = root < 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) :
			     open_resolved(root, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
	return *ret_fd < 0 ? -1 : 0;
}

/* One look: an absolute, clean path's directory, and what is there under its last name. */
static int look(int root, const char *path, struct located *l, struct err *err)
{
	const char *slash = strrchr(path, '/');
	CLEAN(clean_free)
	char *parent = slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));

	clean_fd(&l->dir);
	free(l->name);
	l->name = xstrdup(slash[1] ? slash + 1 : ".");
	if (open_parent(root, parent, &l->dir) < 0)
		return err_sys(err, "'%s'", parent);
	l->exists = fstatat(l->dir, l->name, &l->st, AT_SYMLINK_NOFOLLOW) == 0;
	return l->exists || errno == ENOENT ? 0 : err_sys(err, "'%s'", path);
}

/* The path that a symlink at this one leads to; "" where it has gone. The caller frees. */
static char *follow_link(const struct located *l, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEAN(clean_free) char *joined = NULL;
	char target[PATH_MAX];
	ssize_t n = readlinkat(l->dir, l->name, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	if (n <= 0)
		return xstrdup("");
	joined = xasprintf("%.*s/%s", *target == '/' ? 0 : (int)(slash - path), path, target);
	return clean(joined);
}

/* A host's path may be relative to where we are. The caller frees. */
static char *absolute(int root, const char *path)
{
	CLEAN(clean_free) char *cwd = root < 0 && *path != '/' ? getcwd(NULL, 0) : NULL;
	CLEAN(clean_free) char *joined = xasprintf("%s/%s", cwd ?: "", path);

	return clean(joined);
}

/* What /proc's links lead to has no path: /dev/stdout. */
static bool is_special(const struct located *l)
{
	struct stat st;

	return l->exists && fstatat(l->dir, l->name, &st, 0) == 0 && !S_ISREG(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

int locate(int root, const char *path, bool follow, struct located *ret, struct err *err)
{
	CLEAN(located_done) struct located l = LOCATED_INIT;
	CLEAN(clean_free) char *at = absolute(root, path);

	l.contents = ends_with(path, "/.") || streq(path, ".") || streq(at, "/");
	l.slash = l.contents || ends_with(path, "/");
	l.base = xstrdup(strrchr(at, '/') + 1);
	if (look(root, at, &l, err) < 0)
		return -1;
	l.special = root < 0 && follow && is_special(&l);
	for (int links = 0; !l.special && l.exists && S_ISLNK(l.st.st_mode) && (follow || l.slash);
	     links++) {
		char *next = follow_link(&l, at);

		free(at);
		at = next;
		if (links == SYMLINKS_MAX || !*at) {
			errno = *at ? ELOOP : ENOENT;
			return err_sys(err, "'%s'", path);
		}
		if (look(root, at, &l, err) < 0)
			return -1;
	}
	if (l.exists && l.slash && !S_ISDIR(l.st.st_mode)) {
		errno = ENOTDIR;
		return err_sys(err, "'%s'", path);
	}
	*ret = l;
	l = (struct located)LOCATED_INIT;
	return 0;
}
