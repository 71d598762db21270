#include "image/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define OPAQUE "user.overlay.opaque"
#define DEPTHS 16 /* of which the last directory used is kept open */

/*
 * A directory that is open. Archives are written depth first, so that the parent of the next entry is
 * nearly always the last directory of its depth: one openat2 a directory, not one an entry.
 */
struct tree_dir {
	char *path; /* NULL: none */
	int fd;
	bool setgid;  /* gives its group to what is made in it */
	bool touched; /* its modification time is to be set when it is left */
	struct timespec mtime;
};

int tree_err(struct err *err, const char *verb, const char *path)
{
	int sys = errno;
	CLEAN(clean_free) char *safe = str_printable(path);

	errno = sys;
	return err_sys(err, "cannot %s '%.200s'", verb, safe);
}

static int corrupt(struct err *err, const char *path, const char *why)
{
	CLEAN(clean_free) char *safe = str_printable(path);

	return err_set(err, ERR_CORRUPT, "'%.200s' %s", safe, why);
}

static size_t depth_of(const char *path, size_t len)
{
	size_t depth = len > 0;

	for (size_t i = 0; i < len; i++)
		depth += path[i] == '/';
	return depth;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static size_t parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
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

static int leave_all(struct tree *t, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < DEPTHS; i++)
		if (leave(&t->open[i], result == 0 ? err : NULL) < 0)
			result = -1;
	return result;
}

/* Takes over fd, which is the directory at path. */
static int enter(struct tree *t, const char *path, size_t len, int fd, struct tree_dir **ret,
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

int tree_init(struct tree *t, int root, bool single_id, struct err *err)
{
	*t = (struct tree){ .root = root, .single_id = single_id };
	t->open = xcalloc(DEPTHS, sizeof(*t->open));
	for (size_t i = 0; i < DEPTHS; i++)
		t->open[i].fd = -1;
	/* The group and the setgid bit that a host's directory may have handed down end here. */
	if ((!single_id && fchown(root, 0, 0) < 0) || fchmod(root, 0755) < 0)
		return tree_err(err, "prepare", "/");
	return 0;
}

int tree_done(struct tree *t, struct err *err)
{
	int result = t->open ? leave_all(t, err) : 0;

	free(t->open);
	t->open = NULL;
	return result;
}

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

/* Is dirfd/name a whiteout of ours? Layers have no devices of their own: those are skipped. */
static bool is_whiteout(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode);
}

static int set_opaque(int fd, const char *path, struct err *err)
{
	if (fsetxattr(fd, OPAQUE, "y", 1, 0) == 0)
		return 0;
	tree_err(err, "mark as opaque", path);
	if (errno == ENOTSUP)
		err_hint(err, "the file system of the store has no user extended attributes; "
			      "name a directory on another with --root or TIFFIN_ROOT");
	return -1;
}

static int find_dir(struct tree *t, const char *path, size_t len, struct tree_dir **ret,
		    struct err *err);

/*
 * Makes the directory path[0..len) that no entry has made. Where the layer hides it and fills it
 * anew (".wh.x", then "x/y"), it is a new one, and opaque.
 */
static int make_implicit(struct tree *t, const char *path, struct err *err)
{
	const char *base = base_of(path);
	struct tree_dir *parent;
	CLEAN(clean_fd) int fd = -1;
	bool hidden;

	if (find_dir(t, path, parent_len(path), &parent, err) < 0)
		return -1;
	hidden = is_whiteout(parent->fd, base);
	if (hidden && unlinkat(parent->fd, base, 0) < 0)
		return tree_err(err, "replace", path);
	if (mkdirat(parent->fd, base, 0755) < 0)
		return errno == EEXIST ? corrupt(err, path, "is not a directory, yet has entries") :
					 tree_err(err, "create", path);
	parent->touched = true;
	fd = openat(parent->fd, base, OPEN_DIR | O_CLOEXEC);
	if (fd < 0)
		return tree_err(err, "open", path);
	if (parent->setgid && !t->single_id && (fchown(fd, 0, 0) < 0 || fchmod(fd, 0755) < 0))
		return tree_err(err, "set the owner of", path);
	return hidden ? set_opaque(fd, path, err) : 0;
}

/* The directory path[0..len), opened, and made where there is none. */
static int find_dir(struct tree *t, const char *path, size_t len, struct tree_dir **ret,
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
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && len) {
		if (make_implicit(t, dir, err) < 0)
			return -1;
		fd = open_resolved(t->root, dir, O_RDONLY | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
	}
	if (fd < 0)
		return errno == ELOOP || errno == ENOENT || errno == ENOTDIR ?
			       corrupt(err, dir, "is not a directory, yet has entries") :
			       tree_err(err, "open", dir);
	return enter(t, path, len, fd, ret, err);
}

static int find_parent(struct tree *t, const char *path, struct tree_dir **ret, struct err *err)
{
	if (!*path)
		return corrupt(err, "/", "can only be a directory");
	if (find_dir(t, path, parent_len(path), ret, err) < 0)
		return -1;
	(*ret)->touched = true;
	return 0;
}

/*
 * Removes what an earlier entry put at path, to make way for one of another kind. Directories may
 * be open, and are left behind with it; *parent is looked up anew.
 */
static int clear_way(struct tree *t, const char *path, struct tree_dir **parent, struct err *err)
{
	if (unlinkat((*parent)->fd, base_of(path), 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return tree_err(err, "replace", path);
	if (leave_all(t, err) < 0 || find_parent(t, path, parent, err) < 0)
		return -1;
	return tree_remove_at((*parent)->fd, base_of(path), err);
}

/* IDs are numbers of 32 bits, of which the last means "leave it". */
static bool id_valid(int64_t id)
{
	return id >= 0 && id < UINT32_MAX;
}

static int owner_err(struct err *err, const char *path, const struct tree_meta *m)
{
	CLEAN(clean_free) char *safe = str_printable(path);

	err_set(err, ERR_DENIED,
		"'%.200s' belongs to %lld:%lld, which is beyond your range of subordinate IDs", safe,
		(long long)m->uid, (long long)m->gid);
	return err_hint(err, "give yourself a larger range in /etc/subuid and /etc/subgid, or pull "
			     "with --userns=single");
}

/*
 * Sets the owner of an open file, or of dirfd/name where fd is -1. What we make is root's already,
 * unless its directory gives it another group.
 */
static int set_owner(const struct tree *t, int dirfd, const char *path, bool inherited,
		     const struct tree_meta *m, struct err *err)
{
	if (t->single_id || (m->uid == 0 && m->gid == 0 && !inherited))
		return 0;
	if (!id_valid(m->uid) || !id_valid(m->gid))
		return owner_err(err, path, m);
	if (fchownat(dirfd, base_of(path), (uid_t)m->uid, (gid_t)m->gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == EINVAL ? owner_err(err, path, m) : tree_err(err, "set the owner of", path);
}

static int set_owner_fd(const struct tree *t, int fd, const char *path, bool inherited,
			const struct tree_meta *m, struct err *err)
{
	if (t->single_id || (m->uid == 0 && m->gid == 0 && !inherited))
		return 0;
	if (!id_valid(m->uid) || !id_valid(m->gid))
		return owner_err(err, path, m);
	if (fchown(fd, (uid_t)m->uid, (gid_t)m->gid) == 0)
		return 0;
	return errno == EINVAL ? owner_err(err, path, m) : tree_err(err, "set the owner of", path);
}

static int set_time(int dirfd, const char *path, const struct tree_meta *m, struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, m->mtime };

	if (utimensat(dirfd, base_of(path), times, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_err(err, "set the time of", path);
	return 0;
}

/* The root itself, made by whoever gave it to us. */
static int set_root(struct tree *t, const struct tree_meta *m, int *ret_fd, struct err *err)
{
	struct tree_dir *d;

	if (find_dir(t, "", 0, &d, err) < 0 || set_owner_fd(t, d->fd, "", true, m, err) < 0)
		return -1;
	if (fchmod(d->fd, m->mode) < 0)
		return tree_err(err, "set the mode of", "/");
	d->mtime = m->mtime;
	d->touched = true;
	d->setgid = m->mode & S_ISGID;
	*ret_fd = d->fd;
	return 0;
}

int tree_directory(struct tree *t, const char *path, const struct tree_meta *m, int *ret_fd,
		   struct err *err)
{
	const char *base = base_of(path);
	struct tree_dir *parent, *d;
	bool hidden = false, made;
	int fd;

	if (!*path)
		return set_root(t, m, ret_fd, err);
	if (find_parent(t, path, &parent, err) < 0)
		return -1;
	made = mkdirat(parent->fd, base, m->mode & 0777) == 0;
	if (!made && errno != EEXIST)
		return tree_err(err, "create", path);
	fd = openat(parent->fd, base, OPEN_DIR | O_CLOEXEC);
	if (fd < 0) {
		hidden = is_whiteout(parent->fd, base);
		if (clear_way(t, path, &parent, err) < 0)
			return -1;
		made = mkdirat(parent->fd, base, m->mode & 0777) == 0;
		fd = made ? openat(parent->fd, base, OPEN_DIR | O_CLOEXEC) : -1;
	}
	if (fd < 0)
		return tree_err(err, "create", path);
	if (hidden && set_opaque(fd, path, err) < 0) {
		close(fd);
		return -1;
	}
	if (set_owner_fd(t, fd, path, !made || parent->setgid, m, err) < 0) {
		close(fd);
		return -1;
	}
	/* Chown takes setuid and setgid away, a setgid parent gives it: the mode comes after both. */
	if ((!made || parent->setgid || (m->mode & 07000)) && fchmod(fd, m->mode) < 0) {
		tree_err(err, "set the mode of", path);
		close(fd);
		return -1;
	}
	/* The slot of its depth may hold the very same directory, whose old time is not to be set. */
	if (enter(t, path, strlen(path), fd, &d, err) < 0)
		return -1;
	d->mtime = m->mtime;
	d->touched = true;
	*ret_fd = fd;
	return 0;
}

int tree_file(struct tree *t, const char *path, const struct tree_meta *m, int *ret_fd,
	      struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	struct tree_dir *parent;
	int fd;

	if (find_parent(t, path, &parent, err) < 0)
		return -1;
	fd = openat(parent->fd, base_of(path), flags, m->mode & 0777);
	if (fd < 0 && errno == EEXIST) {
		if (clear_way(t, path, &parent, err) < 0)
			return -1;
		fd = openat(parent->fd, base_of(path), flags, m->mode & 0777);
	}
	if (fd < 0)
		return tree_err(err, "create", path);
	if (set_owner_fd(t, fd, path, parent->setgid, m, err) < 0) {
		close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

/* After the content: writing takes setuid, setgid and the time away. */
int tree_finish_file(struct tree *t, int fd, const char *path, const struct tree_meta *m,
		     struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, m->mtime };

	(void)t;
	if ((m->mode & 07000) && fchmod(fd, m->mode) < 0)
		return tree_err(err, "set the mode of", path);
	if (futimens(fd, times) < 0)
		return tree_err(err, "set the time of", path);
	return 0;
}

int tree_symlink(struct tree *t, const char *path, const char *target, const struct tree_meta *m,
		 struct err *err)
{
	struct tree_dir *parent;

	if (!*target)
		return corrupt(err, path, "is a symlink to nothing");
	if (find_parent(t, path, &parent, err) < 0)
		return -1;
	if (symlinkat(target, parent->fd, base_of(path)) < 0) {
		if (errno != EEXIST)
			return tree_err(err, "create", path);
		if (clear_way(t, path, &parent, err) < 0)
			return -1;
		if (symlinkat(target, parent->fd, base_of(path)) < 0)
			return tree_err(err, "create", path);
	}
	if (set_owner(t, parent->fd, path, parent->setgid, m, err) < 0)
		return -1;
	return set_time(parent->fd, path, m, err);
}

/* The directory that a hardlink's target is in, which must be there already. */
static int open_target_parent(const struct tree *t, const char *target, struct err *err)
{
	CLEAN(clean_free)
	char *dir = parent_len(target) ? xstrndup(target, parent_len(target)) : xstrdup(".");
	int fd = open_resolved(t->root, dir, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return corrupt(err, target, "is linked to, but is not in the layer");
	return fd < 0 ? tree_err(err, "open", dir) : fd;
}

int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *err)
{
	const char *base = base_of(path), *target_base = base_of(target);
	CLEAN(clean_fd) int from = -1;
	struct tree_dir *parent;
	struct stat st, old;

	if (!*target)
		return corrupt(err, path, "is a hardlink to the root");
	from = open_target_parent(t, target, err);
	if (from < 0)
		return -1;
	if (fstatat(from, target_base, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISCHR(st.st_mode))
		return corrupt(err, target, "is linked to, but is not in the layer");
	if (S_ISDIR(st.st_mode))
		return corrupt(err, target, "is a directory, yet is linked to");
	if (find_parent(t, path, &parent, err) < 0)
		return -1;
	if (linkat(from, target_base, parent->fd, base, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return tree_err(err, "create", path);
	/* A link to itself must not remove itself first. */
	if (fstatat(parent->fd, base, &old, AT_SYMLINK_NOFOLLOW) == 0 && old.st_ino == st.st_ino)
		return 0;
	if (clear_way(t, path, &parent, err) < 0)
		return -1;
	if (linkat(from, target_base, parent->fd, base, 0) < 0)
		return tree_err(err, "create", path);
	return 0;
}

static int make_node(struct tree *t, const char *path, mode_t mode, struct tree_dir **ret_parent,
		     struct err *err)
{
	if (find_parent(t, path, ret_parent, err) < 0)
		return -1;
	if (mknodat((*ret_parent)->fd, base_of(path), mode, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST)
		return tree_err(err, "create", path);
	if (clear_way(t, path, ret_parent, err) < 0)
		return -1;
	if (mknodat((*ret_parent)->fd, base_of(path), mode, makedev(0, 0)) < 0)
		return tree_err(err, "create", path);
	return 0;
}

int tree_fifo(struct tree *t, const char *path, const struct tree_meta *m, struct err *err)
{
	struct tree_dir *parent;

	if (make_node(t, path, S_IFIFO | (m->mode & 0777), &parent, err) < 0 ||
	    set_owner(t, parent->fd, path, parent->setgid, m, err) < 0)
		return -1;
	return set_time(parent->fd, path, m, err);
}

/*
 * A whiteout hides what is below, not what this layer has at the same place (OCI image specification,
 * layer.md, "Whiteouts"): a file stays as it is, a directory becomes opaque.
 */
int tree_whiteout(struct tree *t, const char *path, struct err *err)
{
	struct tree_dir *parent;
	struct stat st;

	if (find_parent(t, path, &parent, err) < 0)
		return -1;
	if (fstatat(parent->fd, base_of(path), &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? tree_opaque(t, path, err) : 0;
	return make_node(t, path, S_IFCHR, &parent, err);
}

int tree_opaque(struct tree *t, const char *path, struct err *err)
{
	struct tree_dir *d;

	if (find_dir(t, path, strlen(path), &d, err) < 0)
		return -1;
	return set_opaque(d->fd, path, err);
}
