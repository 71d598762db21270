/*
 * Theory of operation
 *
 * overlayfs takes a regular file with user.overlay.metacopy for the attributes of one whose content lies
 * at user.overlay.redirect, a path in a data-only layer (Linux 6.16 for who mounts it in a user
 * namespace). Only the lowest layer that has the directory may have such files, so the image's layers
 * become one. The data-only layer is all of layers/, and the path begins with the layer's name: one path
 * for several layers might lead to a file of another one.
 *
 * Directories are named by their paths from the root, not held open: an image may nest them two thousand
 * deep. Which layers have a part in one follows from its parent, as in storage/stack.h. The times of
 * directories are set last, when nothing is made in them any more. What has several names is found by a
 * name of its own, its inode's number, in a directory of the scratch place.
 */
#include "storage/mapped_tree.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/copy_file.h"
#include "base/file.h"
#include "base/str.h"
#include "storage/layer.h"
#include "storage/stack.h"

#define LINKS	  "links"
#define XATTR_MAX 65536 /* xattr(7): of a value, and of the list of names */
#define NAMED_MAX (FD_PATH_MAX + NAME_MAX + 1)

#define CAPABILITY "security.capability"

struct directory {
	char *path; /* from the root; "" is the root itself */
	struct timespec times[2];
	uint16_t *parts; /* of making's layers, that have one */
	size_t n_parts;
};

struct making {
	const struct mapped_tree *tree;
	uint32_t no_uid, no_gid; /* of whose IDs are not mapped */
	int *layers;		 /* the topmost first */
	const char **hex;	 /* their names */
	size_t n_layers;
	int links;	     /* the directory of those with several names */
	char *names, *value; /* XATTR_MAX each */
	struct copier copier;
	struct directory *dirs; /* all so far; those from done on are still to be filled */
	size_t n, done;
};

/* A file of the directory that is being filled. */
struct entry {
	int from, to; /* the directory, in its layer and here */
	const char *hex; /* of that layer */
	const char *dir, *name;
	struct stat st;
};

static void making_done(struct making *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->dirs[i].path);
		free(m->dirs[i].parts);
	}
	for (size_t i = 0; i < m->n_layers; i++)
		clean_fd(&m->layers[i]);
	free(m->layers);
	free(m->hex);
	free(m->dirs);
	free(m->names);
	free(m->value);
	copier_done(&m->copier);
	clean_fd(&m->links);
}

static int fail(struct err *err, const char *verb, const struct entry *e)
{
	int sys = errno;
	CLEAN(clean_free) char *path = xasprintf("%s/%s", e->dir, e->name);
	CLEAN(clean_free) char *safe = str_printable(path);

	errno = sys;
	return err_sys(err, "cannot %s '%.200s'", verb, safe);
}

/* --- Owners --- */

/* The first ID that is nobody's inside. */
static uint32_t nobody(const struct id_ranges *r)
{
	uint32_t id = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (id < r->v[i].outside || id - r->v[i].outside >= r->v[i].count)
			continue;
		id = r->v[i].outside + r->v[i].count;
		i = (size_t)-1; /* it may be in one that was looked at */
	}
	return id;
}

static uint32_t mapped(const struct id_ranges *r, uint32_t id, uint32_t otherwise)
{
	uint32_t outside;

	return id_ranges_find(r->v, r->n, id, &outside) ? outside : otherwise;
}

static uid_t uid_of(const struct making *m, const struct stat *st)
{
	return mapped(&m->tree->mapping->uids, st->st_uid, m->no_uid);
}

static gid_t gid_of(const struct making *m, const struct stat *st)
{
	return mapped(&m->tree->mapping->gids, st->st_gid, m->no_gid);
}

/* --- Extended attributes --- */

/*
 * The capabilities of a file are good in a user namespace whose root is named in them: user_namespaces(7).
 * The one that we read is ours, and so not spelled out.
 */
static int set_capability(const struct making *m, int fd, const void *value, size_t size)
{
	struct vfs_ns_cap_data cap = { .magic_etc = 0 };
	uint32_t root;

	if (size < XATTR_CAPS_SZ_2 || size > sizeof(cap) ||
	    !id_ranges_find(m->tree->mapping->uids.v, m->tree->mapping->uids.n, 0, &root))
		return 0;
	memcpy(&cap, value, size);
	cap.magic_etc = htole32(VFS_CAP_REVISION_3 | (le32toh(cap.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE));
	cap.rootid = htole32(root);
	return fsetxattr(fd, CAPABILITY, &cap, sizeof(cap), 0);
}

static const char *path_of(const struct entry *e, char ret[NAMED_MAX])
{
	char at[FD_PATH_MAX];

	snprintf(ret, NAMED_MAX, "%s/%s", fd_path(e->from, at), e->name);
	return ret;
}

/* Without overlayfs's own marks, which were the layer's. *ret_capable: it has capabilities, too. */
static int copy_xattrs(struct making *m, const struct entry *e, int fd, bool *ret_capable, struct err *err)
{
	char path[NAMED_MAX];
	ssize_t len = llistxattr(path_of(e, path), m->names, XATTR_MAX), size;

	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : fail(err, "read the attributes of", e);
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(m->names + i) + 1) {
		const char *name = m->names + i;

		*ret_capable = *ret_capable || streq(name, CAPABILITY);
		if (!starts_with(name, "user.") || starts_with(name, "user.overlay."))
			continue;
		size = lgetxattr(path, name, m->value, XATTR_MAX);
		if (size < 0 || fsetxattr(fd, name, m->value, (size_t)size, 0) < 0)
			return fail(err, "copy the attributes of", e);
	}
	return 0;
}

/* After all else: a change of owner or size takes them away. */
static int copy_capability(struct making *m, const struct entry *e, int fd, struct err *err)
{
	char path[NAMED_MAX];
	ssize_t size = lgetxattr(path_of(e, path), CAPABILITY, m->value, XATTR_MAX);

	return size < 0 || set_capability(m, fd, m->value, (size_t)size) < 0 ?
		       fail(err, "copy the capabilities of", e) : 0;
}

/* --- Files --- */

static int copy_content(struct making *m, const struct entry *e, int to, struct err *err)
{
	CLEAN(clean_fd) int from = openat(e->from, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0)
		return fail(err, "open", e);
	return copy_contents(&m->copier, from, to, &e->st) < 0 ? fail(err, "copy", e) : 0;
}

/* Where the content is: false where that can't be said. */
static bool redirect(struct making *m, const struct entry *e, int fd)
{
	CLEAN(clean_free) char *path = NULL;

	if (m->tree->copy)
		return false;
	path = xasprintf("/%s/fs%s%s/%s", e->hex, *e->dir ? "/" : "", e->dir, e->name);
	if (strlen(path) >= PATH_MAX)
		return false;
	if (fsetxattr(fd, "user.overlay.redirect", path, strlen(path), 0) == 0 &&
	    fsetxattr(fd, "user.overlay.metacopy", "", 0, 0) == 0)
		return true;
	fremovexattr(fd, "user.overlay.redirect");
	return false;
}

static int fill_file(struct making *m, const struct entry *e, int fd, struct err *err)
{
	const struct timespec times[2] = { e->st.st_atim, e->st.st_mtim };
	bool capable = false;

	if (fchown(fd, uid_of(m, &e->st), gid_of(m, &e->st)) < 0)
		return fail(err, "set the owner of", e);
	if (copy_xattrs(m, e, fd, &capable, err) < 0)
		return -1;
	if (e->st.st_size) {
		if (redirect(m, e, fd)) {
			if (ftruncate(fd, e->st.st_size) < 0)
				return fail(err, "set the size of", e);
		} else if (copy_content(m, e, fd, err) < 0) {
			return -1;
		}
	}
	if (capable && copy_capability(m, e, fd, err) < 0)
		return -1;
	/* Writing takes the setuid bits away. */
	if (fchmod(fd, e->st.st_mode & 07777) < 0)
		return fail(err, "set the mode of", e);
	return futimens(fd, times) < 0 ? fail(err, "set the time of", e) : 0;
}

static int make_file(struct making *m, const struct entry *e, struct err *err)
{
	CLEAN(clean_fd)
	int fd = openat(e->to, e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(err, "create", e);
	return fill_file(m, e, fd, err);
}

/* Symlinks and FIFOs. */
static int make_node(struct making *m, const struct entry *e, struct err *err)
{
	const struct timespec times[2] = { e->st.st_atim, e->st.st_mtim };
	char target[PATH_MAX];
	ssize_t n;

	if (S_ISLNK(e->st.st_mode)) {
		n = readlinkat(e->from, e->name, target, sizeof(target) - 1);
		if (n < 0)
			return fail(err, "read", e);
		target[n] = '\0';
		if (symlinkat(target, e->to, e->name) < 0)
			return fail(err, "create", e);
	} else if (mknodat(e->to, e->name, e->st.st_mode & (S_IFMT | 07777), e->st.st_rdev) < 0) {
		return fail(err, "create", e);
	}
	if (fchownat(e->to, e->name, uid_of(m, &e->st), gid_of(m, &e->st), AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, "set the owner of", e);
	if (!S_ISLNK(e->st.st_mode) && fchmodat(e->to, e->name, e->st.st_mode & 07777, 0) < 0)
		return fail(err, "set the mode of", e);
	if (utimensat(e->to, e->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, "set the time of", e);
	return 0;
}

/* Anything but a directory. One more name of what is there already is that. */
static int make_any(struct making *m, const struct entry *e, struct err *err)
{
	char inode[24];

	if (e->st.st_nlink < 2)
		return S_ISREG(e->st.st_mode) ? make_file(m, e, err) : make_node(m, e, err);
	snprintf(inode, sizeof(inode), "%llx", (unsigned long long)e->st.st_ino);
	if (linkat(m->links, inode, e->to, e->name, 0) == 0)
		return 0;
	/* With as many names as a file can have, EMLINK, it becomes several files. */
	if (errno != ENOENT && errno != EMLINK)
		return fail(err, "link", e);
	if ((S_ISREG(e->st.st_mode) ? make_file(m, e, err) : make_node(m, e, err)) < 0)
		return -1;
	if (linkat(e->to, e->name, m->links, inode, 0) < 0 && errno != EMLINK && errno != EEXIST)
		return fail(err, "link", e);
	return 0;
}

/* --- Directories --- */

static int open_path(int root, const char *path)
{
	return open_resolved(root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int open_parts(const struct making *m, const struct directory *d, struct stack *ret, struct err *err)
{
	for (size_t i = 0; i < d->n_parts; i++) {
		int fd = open_path(m->layers[d->parts[i]], d->path);
		const struct entry e = { .dir = d->path, .name = "" };

		if (fd < 0)
			return fail(err, "open", &e);
		/* Own ones are looked at as overlayfs looks at them. */
		stack_add_own(ret, fd);
	}
	return 0;
}

/* Which of the parent's parts have one in it; as stack_enter. */
static int find_parts(const struct directory *parent, const struct stack *s, const struct entry *e,
		      struct directory *d, struct err *err)
{
	d->parts = xcalloc(parent->n_parts, sizeof(*d->parts));
	for (size_t i = 0; i < s->n; i++) {
		CLEAN(clean_fd)
		int fd = openat(s->fds[i], e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
			return fail(err, "open", e);
		if (fd < 0)
			break;
		d->parts[d->n_parts++] = parent->parts[i];
		if (dir_is_opaque(fd))
			break;
	}
	return 0;
}

/* Its owner, mode and attributes; the name is "." for the root. */
static int dress_directory(struct making *m, const struct entry *e, int fd, struct err *err)
{
	bool ignored = false;

	if (fchown(fd, uid_of(m, &e->st), gid_of(m, &e->st)) < 0)
		return fail(err, "set the owner of", e);
	if (fchmod(fd, e->st.st_mode & 07777) < 0)
		return fail(err, "set the mode of", e);
	return copy_xattrs(m, e, fd, &ignored, err);
}

static struct directory *add_directory(struct making *m, const struct stat *st)
{
	if ((m->n & (m->n - 1)) == 0)
		m->dirs = xrealloc(m->dirs, (m->n ? 2 * m->n : 1) * sizeof(*m->dirs));
	m->dirs[m->n] = (struct directory){ .times = { st->st_atim, st->st_mtim } };
	return &m->dirs[m->n++];
}

static int make_directory(struct making *m, size_t parent, const struct stack *s, const struct entry *e,
			  struct err *err)
{
	struct directory *d;
	CLEAN(clean_fd) int fd = -1;

	if (mkdirat(e->to, e->name, 0700) < 0)
		return fail(err, "create", e);
	fd = openat(e->to, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(err, "open", e);
	if (dress_directory(m, e, fd, err) < 0)
		return -1;
	d = add_directory(m, &e->st);
	d->path = xasprintf("%s%s%s", e->dir, *e->dir ? "/" : "", e->name);
	return find_parts(&m->dirs[parent], s, e, d, err);
}

static int fill_directory(struct making *m, size_t at, struct err *err)
{
	CLEAN(stack_done) struct stack s = { 0 };
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(clean_fd) int to = open_path(m->tree->to, m->dirs[at].path);
	struct entry e = { .to = to, .dir = m->dirs[at].path, .name = "" };
	size_t part;

	if (to < 0)
		return fail(err, "open", &e);
	if (open_parts(m, &m->dirs[at], &s, err) < 0 || stack_list(&s, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		e.name = names.v[i];
		if (!s.fds || !stack_find(&s, e.name, &part, &e.st))
			return fail(err, "look at", &e);
		e.from = s.fds[part];
		e.hex = m->hex[m->dirs[at].parts[part]];
		if ((S_ISDIR(e.st.st_mode) ? make_directory(m, at, &s, &e, err) : make_any(m, &e, err)) < 0)
			return -1;
	}
	return 0;
}

static int set_times(const struct making *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++) {
		const char *path = m->dirs[i].path;
		const struct entry e = { .dir = path, .name = "" };

		if (utimensat(m->tree->to, *path ? path : ".", m->dirs[i].times, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(err, "set the time of", &e);
	}
	return 0;
}

/* --- The layers --- */

/* A layer may come twice; the topmost is what counts. */
static bool comes_again(const struct strv *layers, size_t at)
{
	for (size_t i = at + 1; i < layers->n; i++)
		if (streq(layers->v[i], layers->v[at]))
			return true;
	return false;
}

/* The lowest has the places that mounts are made on, which are empty. */
static int open_base(struct making *m, struct err *err)
{
	int fd = openat(m->tree->store->fd, "base", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(err, "cannot open the base layer");
	m->hex[m->n_layers] = "base";
	m->layers[m->n_layers++] = fd;
	return 0;
}

static int open_layers(struct making *m, struct err *err)
{
	const struct strv *layers = m->tree->layers;

	if (layers->n >= UINT16_MAX)
		return err_set(err, ERR_UNSUPPORTED, "the image has too many layers (%zu)", layers->n);
	m->layers = xcalloc(layers->n + 1, sizeof(*m->layers));
	m->hex = xcalloc(layers->n + 1, sizeof(*m->hex));
	for (size_t i = layers->n; i-- > 0;) {
		if (comes_again(layers, i))
			continue;
		m->hex[m->n_layers] = layer_hex(layers->v[i], err);
		if (!m->hex[m->n_layers] ||
		    layer_open(m->tree->store, layers->v[i], &m->layers[m->n_layers], err) < 0)
			return -1;
		m->n_layers++;
	}
	return open_base(m, err);
}

/* All have a part in the root, which is as the topmost one's. */
static int begin(struct making *m, struct err *err)
{
	struct entry root = { .to = m->tree->to, .dir = "", .name = "." };
	struct directory *d;

	if (open_layers(m, err) < 0 ||
	    dir_open_or_make_at(m->tree->scratch, LINKS, 0700, &m->links, err) < 0)
		return -1;
	root.from = m->layers[0];
	if (fstat(root.from, &root.st) < 0)
		return fail(err, "look at", &root);
	if (dress_directory(m, &root, m->tree->to, err) < 0)
		return -1;
	d = add_directory(m, &root.st);
	d->path = xstrdup("");
	d->parts = xcalloc(m->n_layers, sizeof(*d->parts));
	for (size_t i = 0; i < m->n_layers; i++)
		d->parts[d->n_parts++] = (uint16_t)i;
	return 0;
}

int mapped_tree_make(const struct mapped_tree *tree, struct err *err)
{
	CLEAN(making_done) struct making m = {
		.tree = tree,
		.no_uid = nobody(&tree->mapping->uids),
		.no_gid = nobody(&tree->mapping->gids),
		.links = -1,
		.names = xmalloc(XATTR_MAX),
		.value = xmalloc(XATTR_MAX),
	};

	if (begin(&m, err) < 0)
		return -1;
	while (m.done < m.n)
		if (fill_directory(&m, m.done++, err) < 0)
			return -1;
	if (set_times(&m, err) < 0)
		return -1;
	return tree_remove_at(tree->scratch, LINKS, err);
}
