/*
 * What the user mounts into the container: directories and files of the host, volumes, images,
 * tmpfs; and the three files under /etc that are the container's own rather than the image's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/tree_copy.h"
#include "runtime/child.h"
#include "runtime/mount.h"
#include "runtime/root.h"
#include "runtime/volumes.h"

static const char *const etc_files[] = { "hosts", "hostname", "resolv.conf" };

static uint64_t attributes(const struct mount_spec *m)
{
	return (m->read_only ? MOUNT_ATTR_RDONLY : 0) | (m->no_exec ? MOUNT_ATTR_NOEXEC : 0) |
	       (m->no_suid ? MOUNT_ATTR_NOSUID : 0) | (m->no_dev ? MOUNT_ATTR_NODEV : 0);
}

/* Those that the store has to be asked about. */
int open_sources(struct child *c, struct err *err)
{
	for (size_t i = 0; i < c->spec->n_mounts; i++) {
		const struct mount_spec *m = &c->spec->mounts[i];

		if ((m->kind != MOUNT_VOLUME && m->kind != MOUNT_IMAGE && !m->overlay) ||
		    (c->opened && c->opened[i] >= 0))
			continue;
		if (!c->sources) {
			c->sources = xcalloc(c->spec->n_mounts, sizeof(*c->sources));
			for (size_t k = 0; k < c->spec->n_mounts; k++)
				c->sources[k] = -1;
		}
		if (c->launch->open_source(c->launch->arg, i, c->root, &c->sources[i], err) < 0)
			return err_wrap(err, "'%s'", m->target);
	}
	return 0;
}

/* Until the user is known. By a descriptor of its own: the mount may be read-only. */
static int note_chown(struct child *c, int dirfd, const char *path, struct err *err)
{
	int fd = openat(dirfd, *path ? path : ".", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "'%s'", path);
	c->chowns = xrealloc(c->chowns, (c->n_chowns + 1) * sizeof(*c->chowns));
	c->chowns[c->n_chowns++] = fd;
	return 0;
}

static int attach(struct child *c, int mnt, const char *target, struct err *err)
{
	CLEAN(clean_fd) int at = -1;
	struct stat st;

	/* The kind is asked of what was opened, not of the path once more. */
	if (fstat(mnt, &st) < 0)
		return err_sys(err, "'%s'", target);
	if (root_open_target(c->root, target, S_ISDIR(st.st_mode) ? TARGET_DIR : TARGET_FILE, &at,
			     err) < 0)
		return -1;
	return mount_attach(mnt, at, "", err);
}

/* Nothing here is shared with the host any more: see privatise_mounts. */
static int propagate(const struct child *c, const struct mount_spec *m, int mnt, struct err *err)
{
	static const uint64_t kinds[] = {
		[PROPAGATION_PRIVATE] = MS_PRIVATE,
		[PROPAGATION_SLAVE] = MS_SLAVE,
		[PROPAGATION_SHARED] = MS_SHARED,
	};
	const bool spread = m->spread || m->propagation == PROPAGATION_PRIVATE;

	if (!c->slave)
		return 0;
	return mount_propagate(mnt, kinds[m->propagation], spread, err);
}

/* --- Opened early --- */

static void make_room(struct child *c)
{
	const size_t n = c->spec->n_mounts + ARRAY_SIZE(etc_files);

	if (c->opened)
		return;
	c->opened = xcalloc(n, sizeof(*c->opened));
	for (size_t i = 0; i < n; i++)
		c->opened[i] = -1;
}

static bool take_opened(struct child *c, size_t n, int *ret_mnt)
{
	if (!c->opened || c->opened[n] < 0)
		return false;
	*ret_mnt = fd_take(&c->opened[n]);
	return true;
}

/* What can't be had now is tried once more when its turn comes, and then complained of. */
static void open_early(struct child *c, size_t n, bool alone, int dirfd, const char *path)
{
	if (c->opened[n] >= 0)
		return;
	if (alone)
		mount_clone_one(dirfd, path, 0, &c->opened[n], NULL);
	else
		mount_clone(dirfd, path, 0, &c->opened[n], NULL);
}

/*
 * A container whose root is not the caller reaches what the caller does by having it opened before
 * its IDs are mapped.
 */
int open_binds(struct child *c, struct err *err)
{
	const struct container_spec *spec = c->spec;

	if (!c->launch->mapping)
		return 0;
	make_room(c);
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (spec->mounts[i].kind == MOUNT_BIND && !spec->mounts[i].overlay)
			open_early(c, i, spec->mounts[i].alone, AT_FDCWD, spec->mounts[i].source);
	for (size_t i = 0; spec->etc_dir && i < ARRAY_SIZE(etc_files); i++) {
		CLEAN(clean_free) char *path = xasprintf("%s/%s", spec->etc_dir, etc_files[i]);

		open_early(c, spec->n_mounts + i, false, AT_FDCWD, path);
	}
	return open_init(c, err);
}

int open_volumes(const struct launch *l, int root, int **ret, struct err *err)
{
	struct child c = { .launch = l, .spec = l->spec, .root = root };

	if (open_sources(&c, err) < 0)
		return -1;
	for (size_t i = 0; c.sources && i < l->spec->n_mounts; i++) {
		make_room(&c);
		if (c.sources[i] >= 0)
			open_early(&c, i, l->spec->mounts[i].alone, c.sources[i], "");
	}
	*ret = c.opened;
	return 0;
}

/* path: "" for dirfd itself. */
static int bind(struct child *c, const struct mount_spec *m, int dirfd, const char *path,
		struct err *err)
{
	CLEAN(clean_fd) int mnt = -1;

	if (take_opened(c, (size_t)(m - c->spec->mounts), &mnt)) {
		dirfd = mnt;
		path = "";
		if (mount_restrict(mnt, attributes(m), !m->alone, err) < 0)
			return -1;
	} else if (m->alone ? mount_clone_one(dirfd, path, attributes(m), &mnt, err) < 0 :
		       mount_clone(dirfd, path, attributes(m), &mnt, err) < 0) {
		if (m->alone && err->sys == EINVAL)
			return err_set(err, ERR_UNSUPPORTED,
				       "other file systems are mounted beneath '%s', without which "
				       "the kernel does not let it be bound",
				       m->source ?: m->name);
		return -1;
	}
	if (propagate(c, m, mnt, err) < 0 || (m->chown && note_chown(c, dirfd, path, err) < 0))
		return -1;
	return attach(c, mnt, m->target, err);
}

/* The mode that was asked for comes before the image's. */
static int copy_up(struct child *c, const struct mount_spec *m, int mnt, struct err *err)
{
	const char *mode = strstr(m->source ?: "", "mode=");
	CLEAN(clean_fd) int at = -1;
	CLEAN(clean_fd) int from = -1;

	if (root_open_target(c->root, m->target, TARGET_DIR, &at, err) < 0)
		return -1;
	from = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0)
		return err_sys(err, "what the image has there");
	if (tree_copy(from, mnt, err) < 0)
		return -1;
	if (mode && fchmodat(mnt, ".", (mode_t)strtoul(mode + strlen("mode="), NULL, 8), 0) < 0)
		return err_sys(err, "its mode");
	return 0;
}

static int mount_tmpfs(struct child *c, const struct mount_spec *m, struct err *err)
{
	CLEAN(strv_done) struct strv options = { 0 };
	CLEAN(clean_free) char *text = xstrdup(m->source ? m->source : "");
	CLEAN(clean_fd) int mnt = -1;
	char *option, *rest;
	/* Read-only from when it has its content. */
	const uint64_t late = m->copy_up ? MOUNT_ATTR_RDONLY : 0;
	const uint64_t early = attributes(m) & ~late;

	for (option = strtok_r(text, ",", &rest); option; option = strtok_r(NULL, ",", &rest))
		strv_add(&options, option);
	if (mount_new("tmpfs", (const char *const *)options.v, early, &mnt, err) < 0 ||
	    (m->copy_up && copy_up(c, m, mnt, err) < 0) ||
	    (m->chown && note_chown(c, mnt, "", err) < 0))
		return -1;
	if ((attributes(m) & late) && mount_restrict(mnt, late, false, err) < 0)
		return -1;
	return attach(c, mnt, m->target, err);
}

static int bind_etc(struct child *c, struct err *err)
{
	if (!c->spec->etc_dir)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(etc_files); i++) {
		if (c->spec->no_hosts && streq(etc_files[i], "hosts"))
			continue;
		CLEAN(clean_free) char *source = xasprintf("%s/%s", c->spec->etc_dir, etc_files[i]);
		CLEAN(clean_free) char *target = xasprintf("/etc/%s", etc_files[i]);
		CLEAN(clean_fd) int mnt = -1;

		if ((!take_opened(c, c->spec->n_mounts + i, &mnt) &&
		     mount_clone(AT_FDCWD, source, 0, &mnt, err) < 0) ||
		    attach(c, mnt, target, err) < 0)
			return err_wrap(err, "on '%s'", target);
	}
	return 0;
}

static int mount_one(struct child *c, size_t i, struct err *err)
{
	const struct mount_spec *m = &c->spec->mounts[i];

	if (m->kind == MOUNT_TMPFS)
		return mount_tmpfs(c, m, err);
	if (c->sources && c->sources[i] >= 0)
		return bind(c, m, c->sources[i], "", err);
	return bind(c, m, AT_FDCWD, m->source, err);
}

int bind_volumes(struct child *c, struct err *err)
{
	bool etc_bound = false;

	/* Outer ones come first: the files under /etc behind /etc, before what covers them. */
	for (size_t i = 0; i < c->spec->n_mounts; i++) {
		const char *target = c->spec->mounts[i].target;

		if (!etc_bound && strcmp(target, "/etc") > 0) {
			if (bind_etc(c, err) < 0)
				return -1;
			etc_bound = true;
		}
		if (mount_one(c, i, err) < 0)
			return err_wrap(err, "on '%s'", target);
	}
	return etc_bound ? 0 : bind_etc(c, err);
}

/* What is there between the runs of a container. */
static bool stays(const struct mount_spec *m)
{
	return m->kind != MOUNT_TMPFS && !m->overlay && !starts_with(m->target, "/dev/");
}

static int attach_one(struct child *c, size_t i, struct err *err)
{
	struct mount_spec m = c->spec->mounts[i];
	struct err why = { 0 };

	/* That is for who runs in it. */
	m.chown = false;
	if ((c->sources[i] >= 0 ? bind(c, &m, c->sources[i], "", &why) :
				  bind(c, &m, AT_FDCWD, m.source, &why)) == 0 ||
	    why.kind == ERR_NOT_FOUND)
		return 0;
	if (err)
		*err = why;
	return err_wrap(err, "on '%s'", m.target);
}

int volumes_attach(int root, const struct container_spec *spec, volume_opener *open_source,
		   void *arg, struct err *err)
{
	CLEAN(clean_free) int *sources = xcalloc(spec->n_mounts + 1, sizeof(*sources));
	struct child c = { .root = root, .spec = spec, .sources = sources };
	int result = 0;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct mount_spec *m = &spec->mounts[i];

		sources[i] = -1;
		if (result == 0 && stays(m) && (m->kind == MOUNT_VOLUME || m->kind == MOUNT_IMAGE))
			result = open_source(arg, i, root, &sources[i], err);
	}
	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (result == 0 && stays(&spec->mounts[i]))
			result = attach_one(&c, i, err);
		clean_fd(&sources[i]);
	}
	return result;
}
