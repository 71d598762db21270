/*
 * What of /proc and /sys a container does not see, or sees but can't write to: the union of what
 * docker and podman hide, but for what the caller wants to be seen; and what else the caller hides.
 *
 * What is hidden under /proc and /sys is reached through the descriptor of the procfs or sysfs that
 * was just made: an image whose /proc is something else can't lead the masks astray
 * (CVE-2019-19921, CVE-2025-31133, CVE-2025-52881).
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/child.h"
#include "runtime/masks.h"
#include "runtime/mount.h"

static const char *const hidden_proc[] = {
	"acpi",		 "asound",     "interrupts",  "kcore", "keys",
	"latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi",
};
static const char *const hidden_sys[] = {
	"firmware",
	"fs/selinux",
	"dev/block",
	"devices/virtual/powercap",
};
static const char *const read_only_proc[] = { "bus", "fs", "irq", "sys", "sysrq-trigger" };

/* Covers a file with /dev/null, a directory with an empty one. */
static int cover_with_nothing(struct child *c, int target, int *empty, struct err *err)
{
	CLEAN(clean_fd) int cover = -1;
	struct stat st;

	if (fstat(target, &st) < 0)
		return err_sys(err, "fstat(2)");
	if (!S_ISDIR(st.st_mode)) {
		if (mount_clone(c->dev, "null", 0, &cover, err) < 0)
			return -1;
		return mount_attach(cover, target, "", err);
	}
	if (*empty >= 0) {
		if (mount_clone(*empty, "", 0, &cover, err) < 0)
			return -1;
		return mount_attach(cover, target, "", err);
	}
	if (mount_new("tmpfs", (const char *const[]){ "size=4k", "mode=555", NULL },
		      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		      empty, err) < 0)
		return -1;
	return mount_attach(*empty, target, "", err);
}

/* Is the path, below /proc or /sys, not to be hidden? */
static bool is_unmasked(const struct container_spec *spec, const char *mount, const char *path)
{
	CLEAN(clean_free) char *full = xasprintf("%s/%s", mount, path);

	if (spec->privileged)
		return true;
	for (size_t i = 0; i < spec->unmasked.n; i++)
		if (streq(spec->unmasked.v[i], "ALL") ||
		    fnmatch(spec->unmasked.v[i], full, FNM_PATHNAME) == 0)
			return true;
	return false;
}

/* A path that this kernel has not is passed over. */
static int mask(struct child *c, int under, const char *mount, const char *path, int *empty,
		struct err *err)
{
	CLEAN(clean_fd) int target = -1;

	if (is_unmasked(c->spec, mount, path))
		return 0;
	target = openat(under, path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (target < 0)
		return errno == ENOENT ? 0 : err_sys(err, "'%s/%s'", mount, path);
	return cover_with_nothing(c, target, empty, err);
}

static int make_read_only(int under, const char *path, struct err *err)
{
	CLEAN(clean_fd) int mnt = -1;

	if (faccessat(under, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (mount_clone(under, path, MOUNT_ATTR_RDONLY, &mnt, err) < 0)
		return -1;
	return mount_attach(mnt, under, path, err);
}

int mask_paths(struct child *c, struct err *err)
{
	CLEAN(clean_fd) int empty = -1;

	for (size_t i = 0; i < ARRAY_SIZE(hidden_proc); i++)
		if (mask(c, c->proc, "/proc", hidden_proc[i], &empty, err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(hidden_sys); i++)
		if (mask(c, c->sys, "/sys", hidden_sys[i], &empty, err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(read_only_proc); i++)
		if (!is_unmasked(c->spec, "/proc", read_only_proc[i]) &&
		    make_read_only(c->proc, read_only_proc[i], err) < 0)
			return -1;
	return 0;
}

/* As in a chroot: a symlink of the image's leads to what is in the image. */
int mask_own_paths(struct child *c, struct err *err)
{
	CLEAN(clean_fd) int empty = -1;

	for (size_t i = 0; i < c->spec->masked.n; i++) {
		const char *path = c->spec->masked.v[i];
		CLEAN(clean_fd)
		int target = open_resolved(c->root, path, O_PATH, 0, RESOLVE_IN_ROOT);

		if (target < 0 && errno == ENOENT)
			continue;
		if (target < 0)
			return err_sys(err, "'%s'", path);
		if (cover_with_nothing(c, target, &empty, err) < 0)
			return err_wrap(err, "'%s'", path);
	}
	return 0;
}

static void list(const struct container_spec *spec, const char *mount, const char *const *paths,
		 size_t n, struct strv *ret)
{
	for (size_t i = 0; i < n; i++)
		if (!is_unmasked(spec, mount, paths[i]))
			strv_addf(ret, "%s/%s", mount, paths[i]);
}

void mask_lists(const struct container_spec *spec, struct strv *ret_hidden,
		struct strv *ret_read_only)
{
	list(spec, "/proc", hidden_proc, ARRAY_SIZE(hidden_proc), ret_hidden);
	list(spec, "/sys", hidden_sys, ARRAY_SIZE(hidden_sys), ret_hidden);
	for (size_t i = 0; i < spec->masked.n; i++)
		strv_add(ret_hidden, spec->masked.v[i]);
	list(spec, "/proc", read_only_proc, ARRAY_SIZE(read_only_proc), ret_read_only);
}
