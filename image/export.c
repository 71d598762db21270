#include "image/export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/tar_out.h"
#include "image/tree.h"

#define DEPTH_MAX 500 /* a descriptor each */
#define CHUNK	  (256u << 10)
#define XATTR_MAX 65536 /* xattr(7): of a value, and of the list of names */

/* Where a file of several names was written first. */
struct link {
	ino_t inode;
	dev_t device;
	char *path; /* NULL: an empty place */
};

struct export {
	struct tar_out out;
	const struct cancel *cancel;
	char *chunk;
	struct link *links; /* by inode; a power of two, half empty */
	size_t places, used;
};

static void clean_export(struct export *x)
{
	for (size_t i = 0; i < x->places; i++)
		free(x->links[i].path);
	free(x->links);
	free(x->chunk);
	tar_out_done(&x->out);
}

static struct link *find_place(struct link *links, size_t places, const struct stat *st)
{
	size_t i = (size_t)(st->st_ino * 0x9e3779b97f4a7c15u >> 20) & (places - 1);

	while (links[i].path && (links[i].inode != st->st_ino || links[i].device != st->st_dev))
		i = (i + 1) & (places - 1);
	return &links[i];
}

static void grow_links(struct export *x)
{
	const size_t places = x->places ? 2 * x->places : 1024;
	struct link *links = xcalloc(places, sizeof(*links));

	for (size_t i = 0; i < x->places; i++) {
		const struct stat st = { .st_ino = x->links[i].inode, .st_dev = x->links[i].device };

		if (x->links[i].path)
			*find_place(links, places, &st) = x->links[i];
	}
	free(x->links);
	x->links = links;
	x->places = places;
}

/* The path that the file has in the archive already; else NULL, and this is it from now on. */
static const char *link_to(struct export *x, const struct stat *st, const char *path)
{
	struct link *l;

	if (st->st_nlink < 2)
		return NULL;
	if (2 * x->used >= x->places)
		grow_links(x);
	l = find_place(x->links, x->places, st);
	if (l->path)
		return l->path;
	*l = (struct link){ st->st_ino, st->st_dev, xstrdup(path) };
	x->used++;
	return NULL;
}

static bool is_wanted(const char *name)
{
	return (starts_with(name, "user.") && !starts_with(name, "user.overlay.")) ||
	       streq(name, "security.capability");
}

static void add_xattrs(int fd, struct tar_entry *e)
{
	CLEAN(clean_free) char *names = xmalloc(XATTR_MAX);
	CLEAN(clean_free) char *value = NULL;
	const ssize_t len = flistxattr(fd, names, XATTR_MAX);

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n;

		if (!is_wanted(names + at))
			continue;
		value = value ?: xmalloc(XATTR_MAX);
		n = fgetxattr(fd, names + at, value, XATTR_MAX);
		if (n >= 0)
			tar_add_xattr(e, names + at, value, (size_t)n);
	}
}

static struct tar_entry entry_of(const char *path, enum tar_type type, const struct stat *st)
{
	return (struct tar_entry){
		.path = path,
		.type = type,
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim,
	};
}

static int copy_content(struct export *x, int fd, const char *path, struct err *err)
{
	while (x->out.left) {
		ssize_t n;

		if (cancel_wanted(x->cancel))
			return cancel_err(err);
		do
			n = read(fd, x->chunk, CHUNK);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return tree_err(err, "read", path);
		if (n == 0)
			break;
		if (tar_write(&x->out, x->chunk, (size_t)n, err) < 0)
			return -1;
	}
	return tar_pad(&x->out, err);
}

/* Is what was there a moment ago gone, or another thing? Then it is none of ours. */
static bool is_gone(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO ||
	       errno == ESTALE;
}

static int export_file(struct export *x, int dir, const char *name, const char *path, struct err *err)
{
	CLEAN(clean_fd)
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct tar_entry e;
	struct stat st;
	int result;

	if (fd < 0)
		return is_gone() ? 0 : tree_err(err, "open", path);
	if (fstat(fd, &st) < 0)
		return tree_err(err, "look at", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	e = entry_of(path, TAR_FILE, &st);
	e.link = link_to(x, &st, path);
	if (e.link) {
		e.type = TAR_HARDLINK;
		return tar_begin(&x->out, &e, err);
	}
	e.size = st.st_size;
	add_xattrs(fd, &e);
	result = tar_begin(&x->out, &e, err);
	buf_done(&e.xattrs);
	return result < 0 ? -1 : copy_content(x, fd, path, err);
}

/* Symlinks and FIFOs, which are described and not opened. */
static int export_node(struct export *x, int dir, const char *name, const char *path,
		       const struct stat *st, struct err *err)
{
	CLEAN(clean_free) char *target = NULL;
	struct tar_entry e = entry_of(path, S_ISLNK(st->st_mode) ? TAR_SYMLINK : TAR_FIFO, st);

	e.link = link_to(x, st, path);
	if (e.link) {
		e.type = TAR_HARDLINK;
	} else if (e.type == TAR_SYMLINK) {
		target = xcalloc(1, PATH_MAX + 1);
		if (readlinkat(dir, name, target, PATH_MAX) < 0)
			return is_gone() || errno == EINVAL ? 0 : tree_err(err, "read", path);
		e.link = target;
	}
	return tar_begin(&x->out, &e, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their bytes, so that one tree is one archive. Takes the descriptor over. */
static int list(int fd, const char *path, struct strv *ret, struct err *err)
{
	CLEAN(clean_dir) DIR *dir = fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		close(fd);
		return tree_err(err, "list", path);
	}
	while ((e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			strv_add(ret, e->d_name);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

static int export_directory(struct export *x, int fd, const char *path, int depth, struct err *err);

static int export_any(struct export *x, int dir, const char *name, const char *path, int depth,
		      struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	struct stat st;

	if (cancel_wanted(x->cancel))
		return cancel_err(err);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return is_gone() ? 0 : tree_err(err, "look at", path);
	if (S_ISREG(st.st_mode))
		return export_file(x, dir, name, path, err);
	if (S_ISLNK(st.st_mode) || S_ISFIFO(st.st_mode))
		return export_node(x, dir, name, path, &st, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return is_gone() ? 0 : tree_err(err, "open", path);
	return export_directory(x, fd, path, depth + 1, err);
}

static int export_directory(struct export *x, int fd, const char *path, int depth, struct err *err)
{
	CLEAN(clean_free) char *slashed = xasprintf("%s/", path);
	CLEAN(strv_done) struct strv names = { 0 };
	struct tar_entry e;
	struct stat st;
	int again, result;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_UNSUPPORTED, "its directories are nested more than %d deep",
			       DEPTH_MAX);
	if (fstat(fd, &st) < 0)
		return tree_err(err, "look at", path);
	e = entry_of(*path ? slashed : "./", TAR_DIRECTORY, &st);
	add_xattrs(fd, &e);
	result = tar_begin(&x->out, &e, err);
	buf_done(&e.xattrs);
	again = result < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (result < 0 || (again < 0 && tree_err(err, "open", path)) || list(again, path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free) char *child = xasprintf("%s%s", *path ? slashed : "", names.v[i]);

		if (export_any(x, fd, names.v[i], child, depth, err) < 0)
			return -1;
	}
	return 0;
}

int export_tree(int root, int out, const struct cancel *cancel, struct err *err)
{
	CLEAN(clean_export) struct export x = { .cancel = cancel, .chunk = xmalloc(CHUNK) };

	tar_out_init(&x.out, out);
	if (export_directory(&x, root, "", 0, err) < 0 || tar_finish(&x.out, err) < 0)
		return err_wrap(err, "cannot export");
	return 0;
}
