/*
 * Theory of operation
 *
 * overlayfs takes its directories as one string of at most a page, with ':' and ',' for separators.
 * Layers are therefore opened first and named as /proc/self/fd/N: short, so that 200 of them fit
 * (and where there are more, N alone does, from that directory), free of separators whatever the
 * store is called, and silent about it, for what the container reads in /proc/mounts is this
 * string. They are opened through the path of the store once more because overlayfs takes
 * directories of the mount namespace it is mounted in, and descriptors that the parent opened
 * belong to the host's.
 *
 * userxattr keeps overlayfs's own marks in user.overlay.*, the ones an unprivileged user may set.
 * volatile spares the syncfs(2) of the whole disk at unmount where the tree is to be deleted
 * anyway.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/layer.h"
#include "storage/rootfs.h"

#define OPTIONS_MAX 4095 /* a page, less the NUL */
#define LAYERS_MAX  499	 /* the kernel takes 500, of which one is the base, or the container's own */
#define FD_DIR	    "/proc/self/fd"

static int open_dir_at(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	*ret_fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? err_sys(err, "cannot open '%s' of the store", name) : 0;
}

static bool comes_again(const struct strv *layers, size_t at)
{
	for (size_t i = at + 1; i < layers->n; i++)
		if (streq(layers->v[i], layers->v[at]))
			return true;
	return false;
}

/* "/proc/self/fd/N:" for each layer, the topmost first, as overlayfs wants them. */
static int add_layers(const struct store *s, const struct strv *layers, struct buf *options,
		      struct stat *ret_top, struct err *err)
{
	char path[FD_PATH_MAX];
	int fd; /* left open for mount(2); close-on-exec */

	for (size_t i = layers->n; i-- > 0;) {
		/*
		 * A layer may come twice; overlayfs takes it once, and the topmost is what counts.
		 */
		if (comes_again(layers, i))
			continue;
		if (layer_open(s, layers->v[i], &fd, err) < 0)
			return -1;
		if (i == layers->n - 1 && fstat(fd, ret_top) < 0)
			return err_sys(err, "cannot look at layer %.19s", layers->v[i]);
		buf_addf(options, "%s:", fd_path(fd, path));
	}
	return 0;
}

static int add_base(int dir, struct buf *options, struct err *err)
{
	char path[FD_PATH_MAX];
	int fd; /* as above */

	if (open_dir_at(dir, "../../base", &fd, err) < 0)
		return -1;
	buf_adds(options, fd_path(fd, path));
	return 0;
}

/* Takes out what all the paths have in front, where that is not needed: for who is in FD_DIR. */
static void shorten(struct buf *options)
{
	const size_t len = strlen(FD_DIR "/");
	char *to = options->data;

	for (const char *p = options->data; *p;) {
		if (starts_with(p, FD_DIR "/"))
			p += len;
		else
			*to++ = *p++;
	}
	*to = '\0';
	options->len = (size_t)(to - options->data);
}

static int mount_from_here(const char *target, unsigned long flags, const struct buf *options)
{
	return mount("overlay", target, "overlay", MS_NODEV | flags, options->data);
}

static int mount_layers(const struct rootfs *r, const char *target, unsigned long flags,
			struct buf *options, struct err *err)
{
	CLEAN(clean_fd) int cwd = -1;
	int result, sys;

	if (r->layers->n > LAYERS_MAX) {
		err_set(err, ERR_UNSUPPORTED, "the image has too many layers (%zu)", r->layers->n);
		return err_hint(err, "overlayfs takes %d; containers made with --storage-driver copy have no "
				     "limit", LAYERS_MAX);
	}
	if (options->len <= OPTIONS_MAX)
		return mount_from_here(target, flags, options) < 0 ? err_sys(err, "overlayfs") : 0;
	cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd < 0 || chdir(FD_DIR) < 0)
		return err_sys(err, "cannot go to '" FD_DIR "'");
	shorten(options);
	result = mount_from_here(target, flags, options);
	sys = errno;
	if (fchdir(cwd) < 0)
		return err_sys(err, "cannot come back from '" FD_DIR "'");
	errno = sys;
	return result < 0 ? err_sys(err, "overlayfs") : 0;
}

/* The root directory is the writable layer's own: it gets what the topmost layer's has. */
static int copy_attributes(int dir, const struct stat *from, struct err *err)
{
	struct stat st;

	if (fstatat(dir, "upper", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "cannot look at the writable layer");
	if ((st.st_uid != from->st_uid || st.st_gid != from->st_gid) &&
	    fchownat(dir, "upper", from->st_uid, from->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "cannot give the writable layer its owner");
	if ((st.st_mode & 07777) != (from->st_mode & 07777) &&
	    fchmodat(dir, "upper", from->st_mode & 07777, 0) < 0)
		return err_sys(err, "cannot give the writable layer its mode");
	return 0;
}

/* Has overlayfs never been mounted there? It makes a directory in the one it works in. */
static bool is_fresh(int dir)
{
	return faccessat(dir, "work/work", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int mount_overlay(const struct rootfs *r, int *ret_root, struct err *err)
{
	CLEAN(clean_free) char *home = NULL;
	CLEAN(clean_free) char *target = NULL;
	CLEAN(buf_done) struct buf options = { 0 };
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int upper = -1;
	CLEAN(clean_fd) int work = -1;
	struct stat top = { .st_mode = 0755 };
	char path[FD_PATH_MAX];
	struct store here = *r->store;
	int root;

	home = xasprintf("%s/containers/%s", here.root, r->container);
	/* On top of the work directory, which nobody else has to see. */
	target = xasprintf("%s/work", home);
	if (open_dir_at(AT_FDCWD, home, &dir, err) < 0 ||
	    open_dir_at(dir, "../../layers", &here.layers, err) < 0 ||
	    open_dir_at(dir, "upper", &upper, err) < 0 ||
	    open_dir_at(dir, "work", &work, err) < 0)
		return -1;
	buf_adds(&options, "userxattr,lowerdir=");
	if (add_layers(&here, r->layers, &options, &top, err) < 0 ||
	    add_base(dir, &options, err) < 0 ||
	    (r->layers->n && is_fresh(dir) && copy_attributes(dir, &top, err) < 0))
		return -1;
	buf_addf(&options, ",upperdir=%s", fd_path(upper, path));
	buf_addf(&options, ",workdir=%s%s", fd_path(work, path), r->temporary ? ",volatile" : "");
	if (mount_layers(r, target, 0, &options, err) < 0)
		return err_hint(err, "it takes Linux 5.11 or newer, and a store on a file system that "
				     "overlayfs can write to (not NFS, nor another overlay): containers made "
				     "with --storage-driver copy need none of that");
	root = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, "opening it");
	*ret_root = root;
	return 0;
}

/*
 * The writable layer is the topmost of the lower ones here: whiteouts and opaque directories mean
 * the same in it, and the running container's own mount is not in our way, nor we in its. The
 * places below all layers, which mounts are made on, are nobody's files, and left out where that is
 * possible (overlayfs wants two directories).
 */
static int view_overlay(const struct rootfs *r, int *ret_root, struct err *err)
{
	CLEAN(clean_free) char *home = xasprintf("%s/containers/%s", r->store->root, r->container);
	CLEAN(clean_free) char *target = xasprintf("%s/work", home);
	CLEAN(buf_done) struct buf options = { 0 };
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int upper = -1;
	struct store here = *r->store;
	char path[FD_PATH_MAX];
	struct stat top;
	int root;

	if (open_dir_at(AT_FDCWD, home, &dir, err) < 0 ||
	    open_dir_at(dir, "../../layers", &here.layers, err) < 0 ||
	    open_dir_at(dir, "upper", &upper, err) < 0)
		return -1;
	buf_addf(&options, "userxattr,lowerdir=%s:", fd_path(upper, path));
	if (add_layers(&here, r->layers, &options, &top, err) < 0 ||
	    (!r->layers->n && add_base(dir, &options, err) < 0) ||
	    (r->layers->n && is_fresh(dir) && copy_attributes(dir, &top, err) < 0))
		return -1;
	if (options.data[options.len - 1] == ':')
		options.data[--options.len] = '\0';
	if (mount_layers(r, target, MS_RDONLY, &options, err) < 0)
		return -1;
	root = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, "opening it");
	*ret_root = root;
	return 0;
}

static int prepare_overlay(const struct rootfs *r, struct err *err)
{
	return rootfs_ensure_base(r->store, err);
}

/* -1 as *ret_fd: the container has not been started, and changed nothing. */
static int open_upper(const struct rootfs *r, int *ret_fd, struct err *err)
{
	CLEAN(clean_fd) int dir = -1;
	int fd;

	if (open_dir_at(r->store->containers, r->container, &dir, err) < 0)
		return -1;
	fd = is_fresh(dir) ? -1 :
			     openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && !is_fresh(dir))
		return err_sys(err, "cannot open the writable layer");
	*ret_fd = fd;
	return 0;
}

static int changes_overlay(const struct rootfs *r, change_visitor *visit, void *arg,
			   struct err *err)
{
	CLEAN(stack_done) struct stack below = { 0 };
	CLEAN(clean_fd) int upper = -1;

	if (open_upper(r, &upper, err) < 0 ||
	    stack_add_layers(&below, r->store, r->layers, r->layers->n, err) < 0)
		return -1;
	return upper < 0 ? 0 : changes_of_layer(upper, &below, visit, arg, err);
}

static int stack_overlay(const struct rootfs *r, struct stack *ret, struct err *err)
{
	int upper;

	if (open_upper(r, &upper, err) < 0)
		return -1;
	if (upper >= 0)
		stack_add_own(ret, upper);
	return stack_add_layers(ret, r->store, r->layers, r->layers->n, err);
}

const struct rootfs_driver rootfs_overlay = {
	.name = "overlay",
	.prepare = prepare_overlay,
	.mount = mount_overlay,
	.view = view_overlay,
	.changes = changes_overlay,
	.stack = stack_overlay,
};
