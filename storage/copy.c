/*
 * Theory of operation
 *
 * Where overlayfs can't write (in a container whose own root is an overlay, on file systems without
 * user extended attributes or file types in directories) a container gets all files of its layers
 * for its own: containers/<id>/root. The layers are walked as one tree (storage/stack.h), so that
 * each file is copied once and none in vain, and time and memory are linear in what there is.
 *
 * The copy is made when the tree is wanted first, by root of the container's user namespace, whose
 * the owners are; in tmp/, synced, and renamed into place. Who dies over it leaves a stage for the
 * sweep.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/copy_file.h"
#include "base/file.h"
#include "base/owner.h"
#include "storage/owners.h"
#include "storage/rootfs.h"
#include "storage/stack.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Where a file of several names was copied to first. */
struct twin {
	ino_t inode;
	dev_t device;
	char *path; /* in the copy; NULL: an empty place */
};

struct copying {
	struct copier files;
	int top; /* the copy's root */
	struct buf path; /* in the copy: "" or "usr/" */
	struct twin *twins; /* by inode; a power of two of places, half empty */
	size_t places, used;
	struct owner_list owners; /* of what has no attributes, by inodes of the layers (base/owner.h) */
	int owners_fd;		  /* the container's list, to append to; -1 */
};

static void clean_copying(struct copying *c)
{
	for (size_t i = 0; i < c->places; i++)
		free(c->twins[i].path);
	free(c->twins);
	owner_list_done(&c->owners);
	clean_fd(&c->owners_fd);
	buf_done(&c->path);
	copier_done(&c->files);
}

static struct twin *find_place(struct twin *twins, size_t places, ino_t inode, dev_t device)
{
	size_t i = (size_t)((uint64_t)inode * 0x9e3779b97f4a7c15u >> 20) & (places - 1);

	while (twins[i].path && (twins[i].inode != inode || twins[i].device != device))
		i = (i + 1) & (places - 1);
	return &twins[i];
}

static void make_room(struct copying *c)
{
	const size_t places = c->places ? 2 * c->places : 1024;
	struct twin *twins;

	if (2 * c->used < c->places)
		return;
	twins = xcalloc(places, sizeof(*twins));
	for (size_t i = 0; i < c->places; i++)
		if (c->twins[i].path)
			*find_place(twins, places, c->twins[i].inode, c->twins[i].device) =
				c->twins[i];
	free(c->twins);
	c->twins = twins;
	c->places = places;
}

/* The name that the file has in the copy already; else NULL, and this will be it. */
static const char *twin_of(struct copying *c, const struct stat *st, const char *name)
{
	struct twin *t;

	if (st->st_nlink < 2)
		return NULL;
	make_room(c);
	t = find_place(c->twins, c->places, st->st_ino, st->st_dev);
	if (t->path)
		return t->path;
	*t = (struct twin){ st->st_ino, st->st_dev, xasprintf("%s%s", buf_str(&c->path), name) };
	c->used++;
	return NULL;
}

/*
 * What was recorded of a symlink goes with the copy. A full disk is told of by what is copied next.
 */
static void copy_owner(const struct copying *c, int from, int into, const char *name)
{
	struct owner_entry there;
	struct owner owner;
	char line[OWNER_LINE_MAX];

	if (!c->owners.n || owner_identify(from, name, &there) < 0 ||
	    !owner_list_find(&c->owners, &there, &owner) || owner_identify(into, name, &there) < 0)
		return;
	there.owner = owner;
	write_all(c->owners_fd, line, owner_print(&there, line), NULL);
}

static int copy_tree(struct copying *c, const struct stack *from, int into, struct err *err);

static int copy_directory(struct copying *c, const struct stack *from, const char *name, int into,
			  struct err *err)
{
	CLEAN(stack_done) struct stack in = { 0 };
	CLEAN(clean_fd) int fd = -1;
	const size_t len = c->path.len;
	int result;

	if (stack_enter(from, name, &in, err) < 0)
		return -1;
	if (mkdirat(into, name, 0700) < 0 || (fd = openat(into, name, OPEN_DIR)) < 0)
		return err_sys(err, "cannot make a directory of the copy");
	buf_adds(&c->path, name);
	buf_adds(&c->path, "/");
	result = copy_tree(c, &in, fd, err);
	c->path.data[len] = '\0';
	c->path.len = len;
	return result;
}

static int copy_entry(struct copying *c, const struct stack *from, const char *name, int into,
		      struct err *err)
{
	const char *twin;
	struct stat st;
	size_t part;
	int layer;

	if (!stack_find(from, name, &part, &st))
		return 0;
	layer = from->fds[part];
	if (S_ISDIR(st.st_mode))
		return copy_directory(c, from, name, into, err);
	twin = twin_of(c, &st, name);
	if (twin)
		return linkat(c->top, twin, into, name, 0) < 0 ?
			       err_sys(err, "cannot make a second name of a file") :
			       0;
	if (S_ISREG(st.st_mode))
		return copy_regular(&c->files, layer, into, name, &st, err);
	if (copy_node(layer, into, name, &st, err) < 0)
		return -1;
	copy_owner(c, layer, into, name);
	return 0;
}

static int copy_tree(struct copying *c, const struct stack *from, int into, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (stack_list(from, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (copy_entry(c, from, names.v[i], into, err) < 0)
			return -1;
	return copy_directory_attributes(&c->files, from->fds[0], into, err);
}

/* As many descriptors as we may have: one for each layer that has a directory, at each depth. */
static void raise_limit(struct rlimit *ret_before)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, ret_before) < 0)
		return;
	raised = *ret_before;
	raised.rlim_cur = raised.rlim_max;
	setrlimit(RLIMIT_NOFILE, &raised);
}

static void read_owners(const struct rootfs *r, struct copying *c)
{
	CLEAN(buf_done) struct buf text = { 0 };

	if (!r->store->single_id)
		return;
	owners_read(r->store, r->layers, NULL, &text);
	owner_list_parse(buf_str(&text), &c->owners);
	if (c->owners.n)
		c->owners_fd = owners_open(r->store, r->container);
}

static int fill_copy(const struct rootfs *r, int stage, struct err *err)
{
	CLEAN(stack_done) struct stack layers = { 0 };
	CLEAN(clean_copying) struct copying c = { .top = -1, .owners_fd = -1 };
	CLEAN(clean_fd) int top = -1;

	/* A setgid store would hand its group on. */
	if (mkdirat(stage, "root", 0700) < 0 || (top = openat(stage, "root", OPEN_DIR)) < 0 ||
	    fchown(top, 0, 0) < 0 || fchmod(top, 0700) < 0)
		return err_sys(err, "cannot make a directory for the copy");
	c.top = top;
	read_owners(r, &c);
	buf_adds(&c.path, "");
	if (stack_add_layers(&layers, r->store, r->layers, r->layers->n, err) < 0 ||
	    stack_add_base(&layers, r->store, err) < 0 || copy_tree(&c, &layers, top, err) < 0)
		return -1;
	/* Who writes into it must not find it half there after a power cut. */
	if (!r->temporary && syncfs(top) < 0)
		return err_sys(err, "cannot sync the copy");
	return 0;
}

static int make_copy(const struct rootfs *r, struct err *err)
{
	const struct store *s = r->store;
	CLEAN(clean_free) char *place = xasprintf("%s/root", r->container);
	CLEAN(clean_fd) int stage = -1;
	CLEAN(clean_fd) int lock = -1;
	char name[STAGE_NAME_MAX];
	struct rlimit before;
	int result = -1;

	if (rootfs_ensure_base(s, err) < 0 || store_stage(s, name, &stage, &lock, err) < 0)
		return -1;
	raise_limit(&before);
	if (fill_copy(r, stage, err) < 0)
		err_wrap(err, "cannot copy the image's files");
	/* Somebody else may have been quicker: his is as good. */
	else if (renameat(stage, "root", s->containers, place) < 0 && errno != EEXIST &&
		 errno != ENOTEMPTY)
		err_sys(err, "cannot put the copy into the container's directory");
	else
		result = 0;
	setrlimit(RLIMIT_NOFILE, &before);
	store_unstage(s, name);
	return result;
}

/*
 * A bind mount, with the restrictions that the store's own mount has, and more; by the paths that
 * they have in this mount namespace, not by descriptors from the host's.
 */
static int bind_copy(const struct rootfs *r, unsigned int more, int flags, int *ret_root,
		     struct err *err)
{
	CLEAN(clean_free)
	char *copy = xasprintf("%s/containers/%s/root", r->store->root, r->container);
	/* On top of the work directory, which nobody else has to see. */
	CLEAN(clean_free)
	char *target = xasprintf("%s/containers/%s/work", r->store->root, r->container);
	CLEAN(clean_fd) int root = -1;
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NODEV | more };

	if (faccessat(AT_FDCWD, copy, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && make_copy(r, err) < 0)
		return -1;
	if (mount(copy, target, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, "binding the container's files");
	root = open(target, flags | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, "opening it");
	if (syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
		return err_sys(err, "restricting it");
	*ret_root = fd_take(&root);
	return 0;
}

static int mount_copy(const struct rootfs *r, int *ret_root, struct err *err)
{
	struct statvfs v;

	if (fstatvfs(r->store->fd, &v) == 0 && (v.f_flag & ST_NOEXEC)) {
		err_set(err, ERR_UNSUPPORTED,
			"the store '%s' is on a file system from which nothing can "
			"be executed (noexec)",
			r->store->root);
		return err_hint(err, "name a directory on another with --root or TIFFIN_ROOT");
	}
	return bind_copy(r, 0, O_PATH, ret_root, err);
}

static int view_copy(const struct rootfs *r, int *ret_root, struct err *err)
{
	return bind_copy(r, MOUNT_ATTR_RDONLY, O_RDONLY, ret_root, err);
}

static int prepare_copy(const struct rootfs *r, struct err *err)
{
	return rootfs_ensure_base(r->store, err);
}

/* *ret_fd is -1 where it was never started, nor looked at. */
static int open_own(const struct rootfs *r, int *ret_fd, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/root", r->container);
	int fd = openat(r->store->containers, path, OPEN_DIR);

	if (fd < 0 && errno != ENOENT)
		return err_sys(err, "cannot open the container's files");
	*ret_fd = fd;
	return 0;
}

/* The places for mounts are in the copy, too, and no change. */
static int changes_copy(const struct rootfs *r, change_visitor *visit, void *arg, struct err *err)
{
	CLEAN(stack_done) struct stack now = { 0 };
	CLEAN(stack_done) struct stack before = { 0 };
	int fd;

	if (open_own(r, &fd, err) < 0)
		return -1;
	if (fd < 0)
		return 0;
	stack_add_own(&now, fd);
	if (stack_add_layers(&before, r->store, r->layers, r->layers->n, err) < 0 ||
	    stack_add_base(&before, r->store, err) < 0)
		return -1;
	return changes_between(&now, &before, visit, arg, err);
}

static int stack_copy(const struct rootfs *r, struct stack *ret, struct err *err)
{
	int fd;

	if (open_own(r, &fd, err) < 0)
		return -1;
	if (fd < 0)
		return stack_add_layers(ret, r->store, r->layers, r->layers->n, err);
	stack_add_own(ret, fd);
	return 0;
}

const struct rootfs_driver rootfs_copy = {
	.name = "copy",
	.prepare = prepare_copy,
	.mount = mount_copy,
	.view = view_copy,
	.changes = changes_copy,
	.stack = stack_copy,
};
