#include "storage/overlay_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/layer.h"

#define OPTIONS_MAX 4095 /* a page, less the NUL */

/* Directories of this mount's, made where they are missing. */
struct places {
	int home; /* containers/<id>/overlays/<n> */
	int upper, work, target;
};

static void places_done(struct places *p)
{
	clean_fd(&p->home);
	clean_fd(&p->upper);
	clean_fd(&p->work);
	clean_fd(&p->target);
}

static int open_place(int dirfd, const char *name, int *ret, struct err *err)
{
	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "cannot create '%s'", name);
	*ret = openat(dirfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret < 0 ? err_sys(err, "cannot open '%s'", name) : 0;
}

/*
 * overlayfs takes directories of the mount namespace that it is mounted in: all are opened by path.
 */
static int open_places(const struct overlay_mount *o, struct places *p, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/containers/%s", o->store->root, o->container);
	CLEAN(clean_fd) int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEAN(clean_fd) int all = -1;
	char name[24];

	if (dir < 0)
		return err_sys(err, "cannot open container %.12s", o->container);
	snprintf(name, sizeof(name), "%zu", o->number);
	if (open_place(dir, "overlays", &all, err) < 0 ||
	    open_place(all, name, &p->home, err) < 0 ||
	    open_place(p->home, "target", &p->target, err) < 0)
		return -1;
	if (o->read_only || o->upper)
		return 0;
	/* Of the run before. */
	if (tree_remove_at(p->home, "upper", err) < 0 || tree_remove_at(p->home, "work", err) < 0)
		return -1;
	return open_place(p->home, "upper", &p->upper, err) < 0 ? -1 :
								  open_place(p->home, "work", &p->work, err);
}

static int open_own(const struct overlay_mount *o, struct places *p, struct err *err)
{
	if (!o->upper)
		return 0;
	p->upper = open(o->upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->upper < 0)
		return err_sys(err, "upperdir '%s'", o->upper);
	p->work = open(o->work, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return p->work < 0 ? err_sys(err, "workdir '%s'", o->work) : 0;
}

/* A layer may come twice; overlayfs takes it once, and the topmost is what counts. */
static bool comes_again(const struct strv *layers, size_t at)
{
	for (size_t i = at + 1; i < layers->n; i++)
		if (streq(layers->v[i], layers->v[at]))
			return true;
	return false;
}

/* Left open for mount(2); close-on-exec. The number of them. */
static int add_layers(const struct overlay_mount *o, struct buf *options, struct stat *ret_top,
		      struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/layers", o->store->root);
	struct store here = *o->store;
	CLEAN(clean_fd) int layers = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	char text[FD_PATH_MAX];
	int n = 0, fd;

	if (layers < 0)
		return err_sys(err, "cannot open '%s'", path);
	here.layers = layers;
	for (size_t i = o->layers->n; i-- > 0;) {
		if (comes_again(o->layers, i))
			continue;
		if (layer_open(&here, o->layers->v[i], &fd, err) < 0)
			return -1;
		if (i == o->layers->n - 1 && fstat(fd, ret_top) < 0)
			return err_sys(err, "cannot look at layer %.19s", o->layers->v[i]);
		buf_addf(options, "%s%s", n++ ? ":" : "", fd_path(fd, text));
	}
	return n;
}

static int add_lower(const struct overlay_mount *o, struct places *p, struct buf *options,
		     struct stat *ret_top, struct err *err)
{
	char text[FD_PATH_MAX];
	int n = 1;

	if (o->lower >= 0) {
		buf_adds(options, fd_path(o->lower, text));
		return fstat(o->lower, ret_top) < 0 ? err_sys(err, "what lies below") : 0;
	}
	n = add_layers(o, options, ret_top, err);
	/* Without an upper one overlayfs wants two. */
	if (n == 1 && o->read_only) {
		if (open_place(p->home, "nothing", &p->work, err) < 0)
			return -1;
		buf_addf(options, ":%s", fd_path(p->work, text));
	}
	return n < 0 ? -1 : 0;
}

/* The topmost directory is the writable layer's own. */
static int copy_attributes(const struct overlay_mount *o, const struct places *p,
			   const struct stat *st, struct err *err)
{
	if (o->upper)
		return 0;
	/* An owner that is not mapped can't be had. */
	if (fchownat(p->home, "upper", st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EINVAL)
		return err_sys(err, "cannot give the writable layer its owner");
	if (fchmodat(p->home, "upper", st->st_mode & 07777, 0) < 0)
		return err_sys(err, "cannot give the writable layer its mode");
	return 0;
}

static int attach(const struct overlay_mount *o, const struct places *p, const char *options,
		  int *ret_root, struct err *err)
{
	const unsigned long flags = MS_NODEV | MS_NOSUID | (o->read_only ? MS_RDONLY : 0);
	char text[FD_PATH_MAX];

	if (strlen(options) > OPTIONS_MAX)
		return err_set(err, ERR_UNSUPPORTED, "the image has too many layers");
	if (mount("overlay", fd_path(p->target, text), "overlay", flags, options) < 0) {
		err_sys(err, "overlayfs");
		return err_hint(err, "it takes a directory beneath which nothing else is mounted, and a store "
				     "on a file system that overlayfs can write to (not NFS, nor another "
				     "overlay)");
	}
	*ret_root = openat(p->home, "target", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_root < 0 ? err_sys(err, "opening it") : 0;
}

int overlay_mount(const struct overlay_mount *o, int *ret_root, struct err *err)
{
	CLEAN(places_done) struct places p = { -1, -1, -1, -1 };
	CLEAN(buf_done) struct buf options = { 0 };
	struct stat top = { .st_mode = 0755 };
	char text[FD_PATH_MAX];

	buf_adds(&options, "userxattr,lowerdir=");
	if (open_places(o, &p, err) < 0 || open_own(o, &p, err) < 0 ||
	    add_lower(o, &p, &options, &top, err) < 0)
		return -1;
	if (!o->read_only) {
		if (copy_attributes(o, &p, &top, err) < 0)
			return -1;
		buf_addf(&options, ",upperdir=%s", fd_path(p.upper, text));
		/* What is dropped at the end need not reach the disk. */
		buf_addf(&options, ",workdir=%s%s", fd_path(p.work, text),
			 o->upper ? "" : ",volatile");
	}
	return attach(o, &p, buf_str(&options), ret_root, err);
}

void overlay_mount_drop(const struct store *s, int dir, char ret_trash[STAGE_NAME_MAX])
{
	if (faccessat(dir, "overlays", F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
	    store_trash(s, dir, "overlays", ret_trash, NULL) < 0)
		ret_trash[0] = '\0';
}
