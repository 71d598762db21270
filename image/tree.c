#include "image/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "base/str.h"
#include "image/skeleton.h"
#include "image/layer_path.h"
#include "image/tree_dir.h"
#include "storage/stack.h"

int tree_init(struct tree *t, int root, bool single_id, bool keeps, struct err *err)
{
	*t = (struct tree){ .root = root, .single_id = single_id, .keeps = keeps };
	tree_dirs_init(t);
	if (keeps)
		return 0;
	/* The group and the setgid bit that a host's directory may have handed down end here. */
	if ((!single_id && fchown(root, 0, 0) < 0) || fchmod(root, 0755) < 0)
		return tree_err(err, "prepare", "/");
	return 0;
}

int tree_done(struct tree *t, struct err *err)
{
	int result = t->open ? tree_dirs_leave(t, err) : 0;

	free(t->open);
	t->open = NULL;
	return result;
}

static int find_parent(struct tree *t, const char *path, struct tree_dir **ret, struct err *err)
{
	if (!*path) {
		tree_corrupt(err, "/", "can only be a directory");
		return -1;
	}
	if (tree_dir_find(t, path, path_parent_len(path), ret, err) < 0)
		return -1;
	(*ret)->touched = true;
	return 0;
}

/*
 * Removes what an earlier entry put at path, to make way for another one; the skeleton keeps what
 * it may need. Directories may be open, and are left behind with it; *parent is looked up anew.
 */
static int clear_way(struct tree *t, const char *path, struct tree_dir **parent, struct err *err)
{
	struct stat st;

	if (t->skeleton &&
	    fstatat((*parent)->fd, path_base(path), &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode) &&
		    (tree_dirs_leave(t, err) < 0 || find_parent(t, path, parent, err) < 0))
			return -1;
		if (skeleton_shadow(t->skeleton, path, (*parent)->fd, path_base(path)))
			return 0;
	}
	if (unlinkat((*parent)->fd, path_base(path), 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return tree_err(err, "replace", path);
	if (tree_dirs_leave(t, err) < 0 || find_parent(t, path, parent, err) < 0)
		return -1;
	return tree_remove_at((*parent)->fd, path_base(path), err);
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
		"'%.200s' belongs to %lld:%lld, which is beyond your range of subordinate IDs",
		safe, (long long)m->uid, (long long)m->gid);
	return err_hint(err, "give yourself a larger range in /etc/subuid and /etc/subgid, or pull "
			     "with --userns=single");
}

/* As the owner of all can't set them. A number that is none is root's. */
static struct owner owner_of(const struct tree_meta *m)
{
	return (struct owner){
		.uid = id_valid(m->uid) ? (uint32_t)m->uid : 0,
		.gid = id_valid(m->gid) ? (uint32_t)m->gid : 0,
	};
}

/* Where it can't be recorded, it is root's. */
static int record_owner(int fd, const char *path, const struct tree_meta *m, struct err *err)
{
	if (owner_write(fd, owner_of(m)) == 0 || errno == ENOTSUP || errno == EPERM)
		return 0;
	return tree_err(err, "record the owner of", path);
}

static int list_owner(const struct tree *t, int dirfd, const char *path, const struct tree_meta *m,
		      struct err *err)
{
	struct owner_entry e;

	if (owner_identify(dirfd, path_base(path), &e) < 0)
		return tree_err(err, "look at", path);
	e.owner = owner_of(m);
	skeleton_list_owner(t->skeleton, &e);
	return 0;
}

/*
 * Sets the owner of an open file, or of dirfd/name where fd is -1. What we make is root's already,
 * unless its directory gives it another group.
 */
static int set_owner(const struct tree *t, int dirfd, const char *path, bool inherited,
		     const struct tree_meta *m, struct err *err)
{
	if (m->uid == 0 && m->gid == 0 && (!inherited || t->single_id))
		return 0;
	if (t->single_id)
		return t->skeleton ? list_owner(t, dirfd, path, m, err) : 0;
	if (!id_valid(m->uid) || !id_valid(m->gid))
		return owner_err(err, path, m);
	if (fchownat(dirfd, path_base(path), (uid_t)m->uid, (gid_t)m->gid, AT_SYMLINK_NOFOLLOW) ==
	    0)
		return 0;
	return errno == EINVAL ? owner_err(err, path, m) : tree_err(err, "set the owner of", path);
}

static int set_owner_fd(const struct tree *t, int fd, const char *path, bool inherited,
			const struct tree_meta *m, struct err *err)
{
	if (m->uid == 0 && m->gid == 0 && !inherited)
		return 0;
	if (t->single_id)
		return t->skeleton || t->keeps ? record_owner(fd, path, m, err) : 0;
	if (!id_valid(m->uid) || !id_valid(m->gid))
		return owner_err(err, path, m);
	if (fchown(fd, (uid_t)m->uid, (gid_t)m->gid) == 0)
		return 0;
	return errno == EINVAL ? owner_err(err, path, m) : tree_err(err, "set the owner of", path);
}

static int set_time(int dirfd, const char *path, const struct tree_meta *m, struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, m->mtime };

	if (utimensat(dirfd, path_base(path), times, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_err(err, "set the time of", path);
	return 0;
}

/* The root itself, made by whoever gave it to us. */
static int set_root(struct tree *t, const struct tree_meta *m, int *ret_fd, struct err *err)
{
	struct tree_dir *d;

	if (tree_dir_find(t, "", 0, &d, err) < 0 || set_owner_fd(t, d->fd, "", true, m, err) < 0)
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
	const char *base = path_base(path);
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
	fd = openat(parent->fd, base, OPEN_DIR);
	if (fd < 0) {
		hidden = tree_is_whiteout(parent->fd, base);
		if (clear_way(t, path, &parent, err) < 0)
			return -1;
		made = mkdirat(parent->fd, base, m->mode & 0777) == 0;
		fd = made ? openat(parent->fd, base, OPEN_DIR) : -1;
	}
	if (fd < 0)
		return tree_err(err, "create", path);
	if (hidden && tree_set_opaque(fd, path, err) < 0) {
		close(fd);
		return -1;
	}
	if (set_owner_fd(t, fd, path, !made || parent->setgid, m, err) < 0) {
		close(fd);
		return -1;
	}
	/* Chown takes setuid and setgid away, a setgid parent gives it: the mode is last. */
	if ((!made || parent->setgid || (m->mode & 07000)) && fchmod(fd, m->mode) < 0) {
		tree_err(err, "set the mode of", path);
		close(fd);
		return -1;
	}
	if (tree_dir_enter(t, path, strlen(path), fd, &d, err) < 0)
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
	fd = openat(parent->fd, path_base(path), flags, m->mode & 0777);
	if (fd < 0 && errno == EEXIST) {
		if (clear_way(t, path, &parent, err) < 0)
			return -1;
		fd = openat(parent->fd, path_base(path), flags, m->mode & 0777);
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
		return tree_corrupt(err, path, "is a symlink to nothing");
	if (find_parent(t, path, &parent, err) < 0)
		return -1;
	if (symlinkat(target, parent->fd, path_base(path)) < 0) {
		if (errno != EEXIST)
			return tree_err(err, "create", path);
		if (clear_way(t, path, &parent, err) < 0)
			return -1;
		if (symlinkat(target, parent->fd, path_base(path)) < 0)
			return tree_err(err, "create", path);
	}
	if (set_owner(t, parent->fd, path, parent->setgid, m, err) < 0)
		return -1;
	return set_time(parent->fd, path, m, err);
}

/* The directory that a hardlink's target is in, which must be there already. */
static int open_target_parent(const struct tree *t, const char *target, struct err *err)
{
	size_t len = path_parent_len(target);
	CLEAN(clean_free) char *dir = len ? xstrndup(target, len) : xstrdup(".");
	int fd = open_resolved(t->root, dir, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return tree_corrupt(err, target, "is linked to, but is not in the layer");
	return fd < 0 ? tree_err(err, "open", dir) : fd;
}

int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *err)
{
	const char *base = path_base(path), *target_base = path_base(target);
	CLEAN(clean_fd) int from = -1;
	struct tree_dir *parent;
	struct stat st, old;

	if (!*target)
		return tree_corrupt(err, path, "is a hardlink to the root");
	from = open_target_parent(t, target, err);
	if (from < 0)
		return -1;
	if (fstatat(from, target_base, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISCHR(st.st_mode))
		return tree_corrupt(err, target, "is linked to, but is not in the layer");
	if (S_ISDIR(st.st_mode))
		return tree_corrupt(err, target, "is a directory, yet is linked to");
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

static int make_fifo(struct tree *t, const char *path, mode_t mode, struct tree_dir **ret_parent,
		     struct err *err)
{
	if (find_parent(t, path, ret_parent, err) < 0)
		return -1;
	if (mknodat((*ret_parent)->fd, path_base(path), mode, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return tree_err(err, "create", path);
	if (clear_way(t, path, ret_parent, err) < 0)
		return -1;
	if (mknodat((*ret_parent)->fd, path_base(path), mode, 0) < 0)
		return tree_err(err, "create", path);
	return 0;
}

int tree_fifo(struct tree *t, const char *path, const struct tree_meta *m, struct err *err)
{
	struct tree_dir *parent;

	if (make_fifo(t, path, S_IFIFO | (m->mode & 0777), &parent, err) < 0 ||
	    set_owner(t, parent->fd, path, parent->setgid, m, err) < 0)
		return -1;
	return set_time(parent->fd, path, m, err);
}

/*
 * A whiteout hides what is below, not what this layer has at the same place (OCI image
 * specification, layer.md, "Whiteouts"): a file stays as it is, a directory becomes opaque.
 */
int tree_whiteout(struct tree *t, const char *path, struct err *err)
{
	CLEAN(clean_free) char *mark = NULL;
	struct tree_dir *parent;
	struct stat st;

	if (find_parent(t, path, &parent, err) < 0)
		return -1;
	if (fstatat(parent->fd, path_base(path), &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? tree_opaque(t, path, err) : 0;
	if (mknodat(parent->fd, path_base(path), S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EPERM && errno != ENOTSUP)
		return tree_err(err, "create", path);
	/* overlayfs has no whiteouts of others' making. */
	mark = xasprintf(MARK_PREFIX "%s", path_base(path));
	return tree_mark(parent->fd, mark, path, err);
}

int tree_opaque(struct tree *t, const char *path, struct err *err)
{
	struct tree_dir *d;

	if (tree_dir_find(t, path, strlen(path), &d, err) < 0)
		return -1;
	d->touched = true;
	return tree_set_opaque(d->fd, path, err);
}
