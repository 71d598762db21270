#include "base/tree_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define DEPTH_MAX 200 /* two descriptors each */
#define CHUNK	  (256u << 10)
#define XATTR_MAX 65536 /* xattr(7): of a value, and of the list of names */

/* Where a file of several names was copied to first. */
struct link {
	dev_t device;
	ino_t inode;
	char *path; /* beneath to; NULL: an empty place */
};

struct copy {
	int to; /* the topmost */
	char *chunk;
	struct link *links; /* by inode; a power of two, half empty */
	size_t places, used;
};

static void copy_done(struct copy *c)
{
	for (size_t i = 0; i < c->places; i++)
		free(c->links[i].path);
	free(c->links);
	free(c->chunk);
}

static int fail(struct err *err, const char *verb, const char *path)
{
	const int sys = errno;
	CLEAN(clean_free) char *safe = str_printable(path);

	errno = sys;
	return err_sys(err, "cannot %s '/%.200s'", verb, safe);
}

/* --- Attributes --- */

static bool is_wanted(const char *name)
{
	return (starts_with(name, "user.") && !starts_with(name, "user.overlay.")) ||
	       streq(name, "security.capability") || starts_with(name, "system.posix_acl_");
}

/* What the file system or the namespace can't hold is left out. */
static int copy_xattr(int from, int to, const char *name, char *value, const char *path,
		      struct err *err)
{
	ssize_t n = fgetxattr(from, name, value, XATTR_MAX);

	if (n < 0 || fsetxattr(to, name, value, (size_t)n, 0) == 0)
		return 0;
	if (errno != ENOTSUP && errno != EPERM && errno != EINVAL && errno != ERANGE)
		return fail(err, "set the extended attributes of", path);
	return 0;
}

static int copy_xattrs(int from, int to, const char *path, struct err *err)
{
	CLEAN(clean_free) char *names = NULL;
	CLEAN(clean_free) char *value = NULL;
	ssize_t len = flistxattr(from, NULL, 0);

	if (len <= 0)
		return 0;
	names = xmalloc(XATTR_MAX);
	value = xmalloc(XATTR_MAX);
	len = flistxattr(from, names, XATTR_MAX);
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1)
		if (is_wanted(names + at) && copy_xattr(from, to, names + at, value, path, err) < 0)
			return -1;
	return 0;
}

/* The owner first: a change of it takes setuid bits and capabilities away. */
static int finish(int from, int to, const struct stat *st, const char *path, struct err *err)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return fail(err, "give its owner to", path);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return fail(err, "give its mode to", path);
	if (copy_xattrs(from, to, path, err) < 0)
		return -1;
	return futimens(to, times) < 0 ? fail(err, "give its time to", path) : 0;
}

/* --- Files --- */

static int write_at(int fd, const char *data, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy_bytes(const struct copy *c, int from, int to, off_t at, off_t end)
{
	while (at < end) {
		size_t most = end - at < (off_t)CHUNK ? (size_t)(end - at) : CHUNK;
		ssize_t n = pread(from, c->chunk, most, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		if (write_at(to, c->chunk, (size_t)n, at) < 0)
			return -1;
		at += n;
	}
	return 0;
}

/* The pieces between the holes; a file system that knows none says that all is data. */
static int copy_content(const struct copy *c, int from, int to, off_t size)
{
	off_t at = 0;

	if (size == 0 || ioctl(to, FICLONE, from) == 0)
		return 0;
	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		data = data < 0 ? at : data;
		hole = lseek(from, data, SEEK_HOLE);
		hole = hole < 0 ? size : hole;
		if (copy_bytes(c, from, to, data, hole) < 0)
			return -1;
		at = hole;
	}
	return ftruncate(to, size);
}

static int copy_file(const struct copy *c, int from_dir, int to_dir, const char *name, const char *path,
		     struct err *err)
{
	CLEAN(clean_fd)
	int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	CLEAN(clean_fd) int to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return fail(err, "open", path);
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(err, "create", path);
	if (copy_content(c, from, to, st.st_size) < 0)
		return fail(err, "write", path);
	return finish(from, to, &st, path, err);
}

/* What has no content, and is not opened. */
static int copy_node(int from_dir, int to_dir, const char *name, const struct stat *st,
		     const char *path, struct err *err)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n;

	if (S_ISFIFO(st->st_mode)) {
		if (mkfifoat(to_dir, name, 0600) < 0)
			return fail(err, "create", path);
	} else {
		n = readlinkat(from_dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return fail(err, "read", path);
		target[n] = '\0';
		if (symlinkat(target, to_dir, name) < 0)
			return fail(err, "create", path);
	}
	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (S_ISFIFO(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0) ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, "give its owner to", path);
	return 0;
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
			*find_place(links, places, c->links[i].device, c->links[i].inode) = c->links[i];
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
	return S_ISREG(st.st_mode) ? copy_file(c, from, to, name, path, err) :
				     copy_node(from, to, name, &st, path, err);
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
	return finish(from, to, &st, path, err);
}

int tree_copy(int from, int to, struct err *err)
{
	CLEAN(copy_done) struct copy c = { .chunk = xmalloc(CHUNK), .to = -1 };
	/* What is O_PATH, as a new mount is, can be looked up in, and not changed itself. */
	CLEAN(clean_fd) int top = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return fail(err, "open", "");
	c.to = top;
	return copy_dir(&c, from, top, "", 0, err);
}
