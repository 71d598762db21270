#include "base/tree_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/copy_file.h"
#include "base/str.h"

#define DEPTH_MAX 200 /* two descriptors each */

/* Where a file of several names was copied to first. */
struct link {
	dev_t device;
	ino_t inode;
	char *path; /* beneath to; NULL: an empty place */
};

struct copy {
	int to; /* the topmost */
	struct copier files;
	struct link *links; /* by inode; a power of two, half empty */
	size_t places, used;
};

static void copy_done(struct copy *c)
{
	for (size_t i = 0; i < c->places; i++)
		free(c->links[i].path);
	free(c->links);
	copier_done(&c->files);
}

static int fail(struct err *err, const char *verb, const char *path)
{
	const int sys = errno;
	CLEAN(clean_free) char *safe = str_printable(path);

	errno = sys;
	return err_sys(err, "cannot %s '/%.200s'", verb, safe);
}

static struct link *find_place(struct link *links, size_t places, dev_t device, ino_t inode)
{
	size_t i = (size_t)(inode * 0x9e3779b97f4a7c15u >> 20) & (places - 1);

	while (links[i].path && (links[i].inode != inode || links[i].device != device))
		i = (i + 1) & (places - 1);
	return &links[i];
}

static void grow_links(struct copy *c)
{
	const size_t places = c->places ? 2 * c->places : 256;
	struct link *links = xcalloc(places, sizeof(*links));

	for (size_t i = 0; i < c->places; i++)
		if (c->links[i].path)
			*find_place(links, places, c->links[i].device, c->links[i].inode) =
				c->links[i];
	free(c->links);
	c->links = links;
	c->places = places;
}

/* 1: it has been copied under another name, and is linked to that. */
static int link_again(struct copy *c, int to_dir, const char *name, const struct stat *st,
		      const char *path, struct err *err)
{
	struct link *l;

	if (2 * c->used >= c->places)
		grow_links(c);
	l = find_place(c->links, c->places, st->st_dev, st->st_ino);
	if (l->path)
		return linkat(c->to, l->path, to_dir, name, 0) < 0 ? fail(err, "link", path) : 1;
	*l = (struct link){ st->st_dev, st->st_ino, xstrdup(path) };
	c->used++;
	return 0;
}

/* --- Directories --- */

static int list(int dir, const char *path, struct strv *ret, struct err *err)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return fail(err, "list", path);
	while ((e = readdir(d)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			strv_add(ret, e->d_name);
	return 0;
}

static int copy_dir(struct copy *c, int from, int to, const char *path, int depth, struct err *err);

static int copy_subdir(struct copy *c, int from_dir, int to_dir, const char *name, const char *path,
		       int depth, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	CLEAN(clean_fd) int from = openat(from_dir, name, flags);
	CLEAN(clean_fd) int to = -1;

	if (from < 0)
		return fail(err, "open", path);
	if (mkdirat(to_dir, name, 0700) < 0)
		return fail(err, "create", path);
	to = openat(to_dir, name, flags);
	if (to < 0)
		return fail(err, "open", path);
	return copy_dir(c, from, to, path, depth + 1, err);
}

static int copy_one(struct copy *c, int from, int to, const char *name, const char *path, int depth,
		    struct err *err)
{
	struct stat st;
	int linked;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, "look at", path);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(c, from, to, name, path, depth, err);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) && !S_ISFIFO(st.st_mode))
		return 0;
	linked = st.st_nlink > 1 ? link_again(c, to, name, &st, path, err) : 0;
	if (linked)
		return linked < 0 ? -1 : 0;
	return S_ISREG(st.st_mode) ? copy_regular(&c->files, from, to, name, &st, err) :
				     copy_node(from, to, name, &st, err);
}

static int copy_dir(struct copy *c, int from, int to, const char *path, int depth, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	struct stat st;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_UNSUPPORTED, "its directories are nested more than %d deep",
			       DEPTH_MAX);
	if (fstat(from, &st) < 0)
		return fail(err, "look at", path);
	if (list(from, path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free)
		char *child = xasprintf("%s%s%s", path, *path ? "/" : "", names.v[i]);

		if (copy_one(c, from, to, names.v[i], child, depth, err) < 0)
			return -1;
	}
	return copy_directory_attributes(&c->files, from, to, err);
}

int tree_copy(int from, int to, struct err *err)
{
	CLEAN(copy_done) struct copy c = { .to = -1 };
	/* What is O_PATH, as a new mount is, can be looked up in, and not changed itself. */
	CLEAN(clean_fd) int top = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return fail(err, "open", "");
	c.to = top;
	return copy_dir(&c, from, top, "", 0, err);
}
