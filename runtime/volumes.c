/*
 * What the user mounts into the container: directories and files of the host, tmpfs; and the three
 * files under /etc that are the container's own rather than the image's.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "runtime/child.h"
#include "runtime/mount.h"
#include "runtime/root.h"

static uint64_t attributes(const struct mount_spec *m)
{
	return (m->read_only ? MOUNT_ATTR_RDONLY : 0) | (m->no_exec ? MOUNT_ATTR_NOEXEC : 0) |
	       (m->no_suid ? MOUNT_ATTR_NOSUID : 0) | (m->no_dev ? MOUNT_ATTR_NODEV : 0);
}

static int bind(struct child *c, const char *source, const char *target, uint64_t attrs,
		struct err *err)
{
	CLEAN(clean_fd) int mnt = -1;
	CLEAN(clean_fd) int at = -1;
	struct stat st;

	/* The kind is asked of what was opened, not of the path once more. */
	if (mount_clone(AT_FDCWD, source, attrs, &mnt, err) < 0)
		return -1;
	if (fstat(mnt, &st) < 0)
		return err_sys(err, "'%s'", source);
	if (root_open_target(c->root, target, S_ISDIR(st.st_mode) ? TARGET_DIR : TARGET_FILE, &at,
			     err) < 0)
		return -1;
	return mount_attach(mnt, at, "", err);
}

static int mount_tmpfs(struct child *c, const struct mount_spec *m, struct err *err)
{
	CLEAN(strv_done) struct strv options = { 0 };
	CLEAN(clean_free) char *text = xstrdup(m->source ? m->source : "");
	CLEAN(clean_fd) int mnt = -1;
	CLEAN(clean_fd) int at = -1;
	char *option, *rest;

	for (option = strtok_r(text, ",", &rest); option; option = strtok_r(NULL, ",", &rest))
		strv_add(&options, option);
	if (mount_new("tmpfs", (const char *const *)options.v, attributes(m), &mnt, err) < 0 ||
	    root_open_target(c->root, m->target, TARGET_DIR, &at, err) < 0)
		return -1;
	return mount_attach(mnt, at, "", err);
}

static int bind_etc(struct child *c, struct err *err)
{
	static const char *const files[] = { "hosts", "hostname", "resolv.conf" };

	if (!c->spec->etc_dir)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (c->spec->no_hosts && streq(files[i], "hosts"))
			continue;
		CLEAN(clean_free) char *source = xasprintf("%s/%s", c->spec->etc_dir, files[i]);
		CLEAN(clean_free) char *target = xasprintf("/etc/%s", files[i]);

		if (bind(c, source, target, 0, err) < 0)
			return err_wrap(err, "on '%s'", target);
	}
	return 0;
}

int bind_volumes(struct child *c, struct err *err)
{
	if (bind_etc(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->spec->n_mounts; i++) {
		const struct mount_spec *m = &c->spec->mounts[i];

		if (m->kind == MOUNT_TMPFS ? mount_tmpfs(c, m, err) < 0 :
					     bind(c, m->source, m->target, attributes(m), err) < 0)
			return err_wrap(err, "on '%s'", m->target);
	}
	return 0;
}
