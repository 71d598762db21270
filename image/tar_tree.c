#include "image/tar_tree.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/tree.h"
#include "storage/stack.h"

#define DEPTH_MAX 500 /* a descriptor each */
#define CHUNK	  (256u << 10)
#define XATTR_MAX 65536 /* xattr(7): of a value, and of the list of names */

/* Where a file of several names was written first. */
struct tar_link {
	ino_t inode;
	dev_t device;
	char *path; /* NULL: an empty place */
};

void tar_tree_init(struct tar_tree *t, int out, const struct cancel *cancel)
{
	*t = (struct tar_tree){ .cancel = cancel, .chunk = xmalloc(CHUNK) };
	tar_out_init(&t->out, out);
}

void tar_tree_done(struct tar_tree *t)
{
	for (size_t i = 0; i < t->places; i++)
		free(t->links[i].path);
	free(t->links);
	free(t->chunk);
	tar_out_done(&t->out);
}

static struct tar_link *find_place(struct tar_link *links, size_t places, const struct stat *st)
{
	size_t i = (size_t)(st->st_ino * 0x9e3779b97f4a7c15u >> 20) & (places - 1);

	while (links[i].path && (links[i].inode != st->st_ino || links[i].device != st->st_dev))
		i = (i + 1) & (places - 1);
	return &links[i];
}

static void grow_links(struct tar_tree *t)
{
	const size_t places = t->places ? 2 * t->places : 1024;
	struct tar_link *links = xcalloc(places, sizeof(*links));

	for (size_t i = 0; i < t->places; i++) {
		const struct stat st = { .st_ino = t->links[i].inode,
					 .st_dev = t->links[i].device };

		if (t->links[i].path)
			*find_place(links, places, &st) = t->links[i];
	}
	free(t->links);
	t->links = links;
	t->places = places;
}

/* The path that the file has in the archive already; else NULL, and this is it from now on. */
static const char *link_to(struct tar_tree *t, const struct stat *st, const char *path)
{
	struct tar_link *l;

	if (st->st_nlink < 2)
		return NULL;
	if (2 * t->used >= t->places)
		grow_links(t);
	l = find_place(t->links, t->places, st);
	if (l->path)
		return l->path;
	*l = (struct tar_link){ st->st_ino, st->st_dev, xstrdup(path) };
	t->used++;
	return NULL;
}

static bool is_wanted(const struct tar_tree *t, const char *name)
{
	if (t->owners && streq(name, OWNER_XATTR))
		return false;
	return (starts_with(name, "user.") && !starts_with(name, "user.overlay.")) ||
	       streq(name, "security.capability");
}

/* What the container's root may do, in the form that says nothing of whose root that is. */
static size_t generalise(const struct id_mapping *mapping, const char *name, void *value,
			 size_t size)
{
	struct vfs_ns_cap_data cap;
	uint32_t root;

	if (!mapping || !streq(name, "security.capability") || size != sizeof(cap))
		return size;
	memcpy(&cap, value, size);
	if (!id_ranges_find_inside(&mapping->uids, le32toh(cap.rootid), &root) || root)
		return size;
	cap.magic_etc =
		htole32(VFS_CAP_REVISION_2 | (le32toh(cap.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE));
	memcpy(value, &cap, XATTR_CAPS_SZ_2);
	return XATTR_CAPS_SZ_2;
}

static void add_xattrs(const struct tar_tree *t, int fd, struct tar_entry *e)
{
	CLEAN(clean_free) char *names = xmalloc(XATTR_MAX);
	CLEAN(clean_free) char *value = NULL;
	const ssize_t len = flistxattr(fd, names, XATTR_MAX);

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n;

		if (!is_wanted(t, names + at))
			continue;
		value = value ?: xmalloc(XATTR_MAX);
		n = fgetxattr(fd, names + at, value, XATTR_MAX);
		if (n >= 0)
			tar_add_xattr(e, names + at, value,
				      generalise(t->mapping, names + at, value, (size_t)n));
	}
}

/* Whom the container has no ID for is nobody there. */
static uint32_t id_inside(const struct id_ranges *r, uint32_t id)
{
	uint32_t inside;

	return id_ranges_find_inside(r, id, &inside) ? inside : 65534;
}

static struct tar_entry entry_of(const struct tar_tree *t, const char *path, enum tar_type type,
				 const struct stat *st)
{
	return (struct tar_entry){
		.path = path,
		.type = type,
		.mode = st->st_mode & 07777,
		.uid = t->mapping ? id_inside(&t->mapping->uids, st->st_uid) : st->st_uid,
		.gid = t->mapping ? id_inside(&t->mapping->gids, st->st_gid) : st->st_gid,
		.mtime = st->st_mtim,
	};
}

static void set_owner(struct tar_entry *e, struct owner o)
{
	e->uid = o.uid;
	e->gid = o.gid;
}

static void read_owner(const struct tar_tree *t, int fd, struct tar_entry *e)
{
	struct owner o;

	if (t->owners && owner_read(fd, &o) == 0)
		set_owner(e, o);
}

/* Of what has no attributes. */
static void look_up_owner(const struct tar_tree *t, int dir, const char *name, struct tar_entry *e)
{
	struct owner_entry key;
	struct owner o;

	if (t->owners && t->owners->n && owner_identify(dir, name, &key) == 0 &&
	    owner_list_find(t->owners, &key, &o))
		set_owner(e, o);
}

static int copy_content(struct tar_tree *t, int fd, const char *path, struct err *err)
{
	while (t->out.left) {
		ssize_t n;

		if (cancel_wanted(t->cancel))
			return cancel_err(err);
		do
			n = read(fd, t->chunk, CHUNK);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return tree_err(err, "read", path);
		if (n == 0)
			break;
		if (tar_write(&t->out, t->chunk, (size_t)n, err) < 0)
			return -1;
	}
	return tar_pad(&t->out, err);
}

/* Is what was there a moment ago gone, or another thing? Then it is none of ours. */
static bool is_gone(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO ||
	       errno == ESTALE;
}

static int add_file(struct tar_tree *t, int dir, const char *name, const char *path,
		    struct err *err)
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
	e = entry_of(t, path, TAR_FILE, &st);
	read_owner(t, fd, &e);
	e.link = link_to(t, &st, path);
	if (e.link) {
		e.type = TAR_HARDLINK;
		return tar_begin(&t->out, &e, err);
	}
	e.size = st.st_size;
	add_xattrs(t, fd, &e);
	result = tar_begin(&t->out, &e, err);
	buf_done(&e.xattrs);
	return result < 0 ? -1 : copy_content(t, fd, path, err);
}

/* Symlinks and FIFOs, which are described and not opened. */
static int add_node(struct tar_tree *t, int dir, const char *name, const char *path,
		       const struct stat *st, struct err *err)
{
	CLEAN(clean_free) char *target = NULL;
	struct tar_entry e = entry_of(t, path, S_ISLNK(st->st_mode) ? TAR_SYMLINK : TAR_FIFO, st);

	look_up_owner(t, dir, name, &e);
	e.link = link_to(t, st, path);
	if (e.link) {
		e.type = TAR_HARDLINK;
	} else if (e.type == TAR_SYMLINK) {
		target = xcalloc(1, PATH_MAX + 1);
		if (readlinkat(dir, name, target, PATH_MAX) < 0)
			return is_gone() || errno == EINVAL ? 0 : tree_err(err, "read", path);
		e.link = target;
	}
	return tar_begin(&t->out, &e, err);
}

static int add_directory(struct tar_tree *t, int fd, const char *path, struct err *err)
{
	CLEAN(clean_free) char *slashed = xasprintf("%s/", path);
	struct tar_entry e;
	struct stat st;
	int result;

	if (fstat(fd, &st) < 0)
		return tree_err(err, "look at", path);
	e = entry_of(t, *path ? slashed : "./", TAR_DIRECTORY, &st);
	read_owner(t, fd, &e);
	add_xattrs(t, fd, &e);
	result = tar_begin(&t->out, &e, err);
	buf_done(&e.xattrs);
	return result;
}

/* *ret_fd: where it is a directory, and else -1. */
static int add_one(struct tar_tree *t, int dir, const char *name, const char *path, int *ret_fd,
		   struct err *err)
{
	struct stat st;
	int fd;

	*ret_fd = -1;
	if (cancel_wanted(t->cancel))
		return cancel_err(err);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return is_gone() ? 0 : tree_err(err, "look at", path);
	if (S_ISREG(st.st_mode))
		return add_file(t, dir, name, path, err);
	if (S_ISLNK(st.st_mode) || S_ISFIFO(st.st_mode))
		return add_node(t, dir, name, path, &st, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return is_gone() ? 0 : tree_err(err, "open", path);
	*ret_fd = fd;
	return add_directory(t, fd, path, err);
}

int tar_tree_add(struct tar_tree *t, int dir, const char *name, const char *path, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;

	return add_one(t, dir, name, path, &fd, err);
}

static int add_content(struct tar_tree *t, int fd, const char *path, int depth, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_UNSUPPORTED, "its directories are nested more than %d deep",
			       DEPTH_MAX);
	if (dir_list(fd, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free)
		char *child = xasprintf("%s%s%s", path, *path ? "/" : "", names.v[i]);
		CLEAN(clean_fd) int inner = -1;

		if (add_one(t, fd, names.v[i], child, &inner, err) < 0 ||
		    (inner >= 0 && add_content(t, inner, child, depth + 1, err) < 0))
			return -1;
	}
	return 0;
}

int tar_tree_add_all(struct tar_tree *t, int fd, const char *path, struct err *err)
{
	return add_directory(t, fd, path, err) < 0 ? -1 : add_content(t, fd, path, 0, err);
}
