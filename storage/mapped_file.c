#include "storage/mapped_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define XATTR_MAX 65536 /* xattr(7): of a value, and of the list of names */
#define NAMED_MAX (FD_PATH_MAX + NAME_MAX + 1)

#define CAPABILITY "security.capability"

int mapped_fail(struct err *err, const char *verb, const struct mapped_entry *e)
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

void mapped_maker_init(const struct id_mapping *mapping, bool copy, struct mapped_maker *ret)
{
	*ret = (struct mapped_maker){
		.mapping = mapping,
		.copy = copy,
		.no_uid = nobody(&mapping->uids),
		.no_gid = nobody(&mapping->gids),
		.links = -1,
		.names = xmalloc(XATTR_MAX),
		.value = xmalloc(XATTR_MAX),
	};
}

void mapped_maker_done(struct mapped_maker *m)
{
	free(m->names);
	free(m->value);
	copier_done(&m->copier);
	clean_fd(&m->links);
}

static uint32_t mapped(const struct id_ranges *r, uint32_t id, uint32_t otherwise)
{
	uint32_t outside;

	return id_ranges_find(r->v, r->n, id, &outside) ? outside : otherwise;
}

static uid_t uid_of(const struct mapped_maker *m, const struct stat *st)
{
	return mapped(&m->mapping->uids, st->st_uid, m->no_uid);
}

static gid_t gid_of(const struct mapped_maker *m, const struct stat *st)
{
	return mapped(&m->mapping->gids, st->st_gid, m->no_gid);
}

/* --- Extended attributes --- */

/*
 * The capabilities of a file are good in a user namespace whose root is named in them:
 * user_namespaces(7). The one that we read is ours, and so not spelled out.
 */
static int set_capability(const struct mapped_maker *m, int fd, const void *value, size_t size)
{
	struct vfs_ns_cap_data cap = { .magic_etc = 0 };
	uint32_t root;

	if (size < XATTR_CAPS_SZ_2 || size > sizeof(cap) ||
	    !id_ranges_find(m->mapping->uids.v, m->mapping->uids.n, 0, &root))
		return 0;
	memcpy(&cap, value, size);
	cap.magic_etc = htole32(VFS_CAP_REVISION_3 |
				(le32toh(cap.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE));
	cap.rootid = htole32(root);
	return fsetxattr(fd, CAPABILITY, &cap, sizeof(cap), 0);
}

static const char *path_of(const struct mapped_entry *e, char ret[NAMED_MAX])
{
	char at[FD_PATH_MAX];

	snprintf(ret, NAMED_MAX, "%s/%s", fd_path(e->from, at), e->name);
	return ret;
}

/* Without overlayfs's own marks, which were the layer's. *ret_capable: it has capabilities, too. */
static int copy_xattrs(struct mapped_maker *m, const struct mapped_entry *e, int fd,
		       bool *ret_capable, struct err *err)
{
	char path[NAMED_MAX];
	ssize_t len = llistxattr(path_of(e, path), m->names, XATTR_MAX), size;

	if (len < 0)
		return errno == EOPNOTSUPP ? 0 : mapped_fail(err, "read the attributes of", e);
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(m->names + i) + 1) {
		const char *name = m->names + i;

		*ret_capable = *ret_capable || streq(name, CAPABILITY);
		if (!starts_with(name, "user.") || starts_with(name, "user.overlay."))
			continue;
		size = lgetxattr(path, name, m->value, XATTR_MAX);
		if (size < 0 || fsetxattr(fd, name, m->value, (size_t)size, 0) < 0)
			return mapped_fail(err, "copy the attributes of", e);
	}
	return 0;
}

/* After all else: a change of owner or size takes them away. */
static int copy_capability(struct mapped_maker *m, const struct mapped_entry *e, int fd,
			   struct err *err)
{
	char path[NAMED_MAX];
	ssize_t size = lgetxattr(path_of(e, path), CAPABILITY, m->value, XATTR_MAX);

	return size < 0 || set_capability(m, fd, m->value, (size_t)size) < 0 ?
		       mapped_fail(err, "copy the capabilities of", e) : 0;
}

/* --- Files --- */

static int copy_content(struct mapped_maker *m, const struct mapped_entry *e, int to,
			struct err *err)
{
	CLEAN(clean_fd) int from = openat(e->from, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0)
		return mapped_fail(err, "open", e);
	return copy_contents(&m->copier, from, to, &e->st) < 0 ? mapped_fail(err, "copy", e) : 0;
}

/* Where the content is: false where that can't be said. */
static bool redirect(struct mapped_maker *m, const struct mapped_entry *e, int fd)
{
	CLEAN(clean_free) char *path = NULL;

	if (m->copy)
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

static int fill_file(struct mapped_maker *m, const struct mapped_entry *e, int fd, struct err *err)
{
	const struct timespec times[2] = { e->st.st_atim, e->st.st_mtim };
	bool capable = false;

	if (fchown(fd, uid_of(m, &e->st), gid_of(m, &e->st)) < 0)
		return mapped_fail(err, "set the owner of", e);
	if (copy_xattrs(m, e, fd, &capable, err) < 0)
		return -1;
	if (e->st.st_size) {
		if (redirect(m, e, fd)) {
			if (ftruncate(fd, e->st.st_size) < 0)
				return mapped_fail(err, "set the size of", e);
		} else if (copy_content(m, e, fd, err) < 0) {
			return -1;
		}
	}
	if (capable && copy_capability(m, e, fd, err) < 0)
		return -1;
	/* Writing takes the setuid bits away. */
	if (fchmod(fd, e->st.st_mode & 07777) < 0)
		return mapped_fail(err, "set the mode of", e);
	return futimens(fd, times) < 0 ? mapped_fail(err, "set the time of", e) : 0;
}

static int make_file(struct mapped_maker *m, const struct mapped_entry *e, struct err *err)
{
	CLEAN(clean_fd)
	int fd = openat(e->to, e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return mapped_fail(err, "create", e);
	return fill_file(m, e, fd, err);
}

/* Symlinks and FIFOs. */
static int make_node(struct mapped_maker *m, const struct mapped_entry *e, struct err *err)
{
	const struct timespec times[2] = { e->st.st_atim, e->st.st_mtim };
	char target[PATH_MAX];
	ssize_t n;

	if (S_ISLNK(e->st.st_mode)) {
		n = readlinkat(e->from, e->name, target, sizeof(target) - 1);
		if (n < 0)
			return mapped_fail(err, "read", e);
		target[n] = '\0';
		if (symlinkat(target, e->to, e->name) < 0)
			return mapped_fail(err, "create", e);
	} else if (mknodat(e->to, e->name, e->st.st_mode & (S_IFMT | 07777), e->st.st_rdev) < 0) {
		return mapped_fail(err, "create", e);
	}
	if (fchownat(e->to, e->name, uid_of(m, &e->st), gid_of(m, &e->st), AT_SYMLINK_NOFOLLOW) < 0)
		return mapped_fail(err, "set the owner of", e);
	if (!S_ISLNK(e->st.st_mode) && fchmodat(e->to, e->name, e->st.st_mode & 07777, 0) < 0)
		return mapped_fail(err, "set the mode of", e);
	if (utimensat(e->to, e->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return mapped_fail(err, "set the time of", e);
	return 0;
}

int mapped_make(struct mapped_maker *m, const struct mapped_entry *e, struct err *err)
{
	char inode[24];

	if (e->st.st_nlink < 2)
		return S_ISREG(e->st.st_mode) ? make_file(m, e, err) : make_node(m, e, err);
	snprintf(inode, sizeof(inode), "%llx", (unsigned long long)e->st.st_ino);
	if (linkat(m->links, inode, e->to, e->name, 0) == 0)
		return 0;
	/* With as many names as a file can have, EMLINK, it becomes several files. */
	if (errno != ENOENT && errno != EMLINK)
		return mapped_fail(err, "link", e);
	if ((S_ISREG(e->st.st_mode) ? make_file(m, e, err) : make_node(m, e, err)) < 0)
		return -1;
	if (linkat(e->to, e->name, m->links, inode, 0) < 0 && errno != EMLINK && errno != EEXIST)
		return mapped_fail(err, "link", e);
	return 0;
}

int mapped_dress(struct mapped_maker *m, const struct mapped_entry *e, int fd, struct err *err)
{
	bool ignored = false;

	if (fchown(fd, uid_of(m, &e->st), gid_of(m, &e->st)) < 0)
		return mapped_fail(err, "set the owner of", e);
	if (fchmod(fd, e->st.st_mode & 07777) < 0)
		return mapped_fail(err, "set the mode of", e);
	return copy_xattrs(m, e, fd, &ignored, err);
}
