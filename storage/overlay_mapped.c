/*
 * The driver for containers whose IDs are mapped otherwise than the store's (storage/mapped.h). It
 * is mounted in the store's user namespace: the container's own may have no ID for the caller, to
 * whom the store belongs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/mapped.h"
#include "storage/overlay_mapped.h"
#include "storage/rootfs.h"

/* What is mounted, opened in this mount namespace. */
struct parts {
	int store, home;
	int tree;
	int data; /* that the tree leads to; -1: it has it all */
	int upper, work;
};
#define PARTS_INIT { -1, -1, -1, -1, -1, -1 }

static void parts_done(struct parts *p)
{
	int *const fds[] = { &p->store, &p->home, &p->tree, &p->data, &p->upper, &p->work };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		clean_fd(fds[i]);
}

static int open_dir(int at, const char *name, int *ret_fd, struct err *err)
{
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(err, "cannot open '%s' of the store", name);
	*ret_fd = fd;
	return 0;
}

static int open_parts(const struct rootfs *r, struct parts *p, struct err *err)
{
	CLEAN(clean_free) char *home = xasprintf("containers/%s", r->container);
	enum mapped_how how;

	if (open_dir(AT_FDCWD, r->store->root, &p->store, err) < 0 ||
	    open_dir(p->store, home, &p->home, err) < 0 ||
	    open_dir(p->home, "upper", &p->upper, err) < 0 ||
	    open_dir(p->home, "work", &p->work, err) < 0 ||
	    mapped_open(p->store, r->image, r->mapping, &p->tree, &how, err) < 0)
		return -1;
	return how == MAPPED_META ? open_dir(p->store, "layers", &p->data, err) : 0;
}

static int set_path(int fs, const char *key, int fd)
{
	char path[FD_PATH_MAX];

	return fsconfig(fs, FSCONFIG_SET_STRING, key, fd_path(fd, path), 0);
}

static int configure(int fs, const struct parts *p, bool view, bool temporary)
{
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", "overlay", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    (view && set_path(fs, "lowerdir+", p->upper) < 0) || set_path(fs, "lowerdir+", p->tree) < 0)
		return -1;
	if (p->data >= 0 && set_path(fs, "datadir+", p->data) < 0)
		return -1;
	if (!view &&
	    (set_path(fs, "upperdir", p->upper) < 0 || set_path(fs, "workdir", p->work) < 0))
		return -1;
	if (temporary && !view && fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return -1;
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* On top of the work directory, which nobody else has to see. */
static int attach(const struct parts *p, bool view, bool temporary, int *ret_root, struct err *err)
{
	CLEAN(clean_fd) int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	CLEAN(clean_fd) int mnt = -1;

	if (fs < 0 || configure(fs, p, view, temporary) < 0)
		return err_sys(err, "overlayfs");
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | (view ? MOUNT_ATTR_RDONLY : 0));
	if (mnt < 0 || move_mount(mnt, "", p->home, "work", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(err, "overlayfs");
	*ret_root = openat(mnt, ".", (view ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC);
	return *ret_root < 0 ? err_sys(err, "opening it") : 0;
}

/* Before Linux 6.7 directories are in one string; nothing leads to data there. */
static int attach_by_string(const struct parts *p, bool view, bool temporary, int *ret_root,
			    struct err *err)
{
	CLEAN(buf_done) struct buf options = { 0 };
	char path[FD_PATH_MAX], target[FD_PATH_MAX];

	buf_adds(&options, "userxattr,lowerdir=");
	if (view)
		buf_addf(&options, "%s:", fd_path(p->upper, path));
	buf_adds(&options, fd_path(p->tree, path));
	if (!view) {
		buf_addf(&options, ",upperdir=%s", fd_path(p->upper, path));
		buf_addf(&options, ",workdir=%s%s", fd_path(p->work, path),
			 temporary ? ",volatile" : "");
	}
	if (mount("overlay", fd_path(p->work, target), "overlay", MS_NODEV | (view ? MS_RDONLY : 0),
		  options.data) < 0)
		return err_sys(err, "overlayfs");
	*ret_root = openat(p->home, "work", (view ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC);
	return *ret_root < 0 ? err_sys(err, "opening it") : 0;
}

static int mount_parts(const struct parts *p, bool view, bool temporary, int *ret_root,
		       struct err *err)
{
	if (p->data < 0)
		return attach_by_string(p, view, temporary, ret_root, err);
	if (attach(p, view, temporary, ret_root, err) < 0) {
		err_hint(err, "the image's files were given other owners by a kernel that could do more than "
			      "this one (Linux 6.16): they are in 'mapped' of the store, and can be removed");
		return -1;
	}
	return 0;
}

/* The root directory is the writable layer's own: it gets what the tree's has. */
static int dress_root(const struct parts *p, struct err *err)
{
	struct stat st;
	char path[FD_PATH_MAX];

	if (fstat(p->tree, &st) < 0)
		return err_sys(err, "cannot look at the image's root");
	if (fchownat(p->home, "upper", st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    chmod(fd_path(p->upper, path), st.st_mode & 07777) < 0)
		return err_sys(err, "cannot give the writable layer its owner");
	return 0;
}

static int mount_mapped(const struct rootfs *r, int *ret_root, struct err *err)
{
	CLEAN(parts_done) struct parts p = PARTS_INIT;

	if (open_parts(r, &p, err) < 0 || dress_root(&p, err) < 0)
		return -1;
	return mount_parts(&p, false, r->temporary, ret_root, err);
}

static int view_mapped(const struct rootfs *r, int *ret_root, struct err *err)
{
	CLEAN(parts_done) struct parts p = PARTS_INIT;

	if (open_parts(r, &p, err) < 0)
		return -1;
	/* One that was never mounted has a writable layer as it was made. */
	if (faccessat(p.work, "work", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && dress_root(&p, err) < 0)
		return -1;
	return mount_parts(&p, true, false, ret_root, err);
}

static int prepare_mapped(const struct rootfs *r, struct err *err)
{
	return rootfs_overlay.prepare(r, err);
}

const struct rootfs_driver rootfs_mapped = {
	.name = "overlay",
	.prepare = prepare_mapped,
	.mount = mount_mapped,
	.view = view_mapped,
};

/* --- Can this kernel? --- */

static const char probe_text[] = "content";

static int make_probe(int dir)
{
	static const char *const dirs[] = { "meta", "data", "upper", "work" };
	CLEAN(clean_fd) int meta = -1;
	CLEAN(clean_fd) int data = -1;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(dir, dirs[i], 0700) < 0)
			return -1;
	data = openat(dir, "data/file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	meta = openat(dir, "meta/name", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (data < 0 || meta < 0 || write_all(data, probe_text, sizeof(probe_text), NULL) < 0 ||
	    ftruncate(meta, sizeof(probe_text)) < 0 ||
	    fsetxattr(meta, "user.overlay.redirect", "/file", 5, 0) < 0 ||
	    fsetxattr(meta, "user.overlay.metacopy", "", 0, 0) < 0)
		return -1;
	return 0;
}

static bool reads_through(int dir)
{
	CLEAN(parts_done) struct parts p = PARTS_INIT;
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_fd) int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	CLEAN(clean_fd) int mnt = -1;

	if (fs < 0 || open_dir(dir, "meta", &p.tree, NULL) < 0 ||
	    open_dir(dir, "data", &p.data, NULL) < 0 || open_dir(dir, "upper", &p.upper, NULL) < 0 ||
	    open_dir(dir, "work", &p.work, NULL) < 0 || configure(fs, &p, false, false) < 0)
		return false;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mnt >= 0 && file_read_at(mnt, "name", sizeof(probe_text), &text, NULL) == 0 &&
	       text.len == sizeof(probe_text) && memcmp(text.data, probe_text, text.len) == 0;
}

bool overlay_mapped_works(const struct store *s)
{
	CLEAN(clean_free) char *path = NULL;
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int lock = -1;
	CLEAN(clean_fd) int here = -1;
	char name[STAGE_NAME_MAX];
	bool works;

	if (store_stage(s, name, &dir, &lock, NULL) < 0)
		return false;
	path = xasprintf("%s/tmp/%s", s->root, name);
	works = make_probe(dir) == 0 && open_dir(AT_FDCWD, path, &here, NULL) == 0 &&
		reads_through(here);
	store_unstage(s, name);
	return works;
}
