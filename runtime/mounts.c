/*
 * The mounts that every container has: its root, /proc, /sys, /dev. What hides parts of them is in
 * masks.c.
 *
 * Each file system is made detached (fsopen(2), fsmount(2)) and then moved to a descriptor of its
 * place, so that no path is looked up twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/child.h"
#include "runtime/mount.h"
#include "runtime/root.h"

/* What the host mounts from now on is seen by nobody here, but where a volume is to show it. */
int privatise_mounts(struct child *c, struct err *err)
{
	for (size_t i = 0; i < c->spec->n_mounts; i++)
		if (c->spec->mounts[i].propagation != PROPAGATION_PRIVATE)
			c->slave = true;
	if (mount(NULL, "/", NULL, MS_REC | (c->slave ? MS_SLAVE : MS_PRIVATE), NULL) < 0)
		return err_sys(err, "mount(2)");
	return 0;
}

static int mount_proc(struct child *c, struct err *err)
{
	const uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	CLEAN(clean_fd) int target = -1;

	if (root_open_plain_dir(c->root, "proc", &target, err) < 0)
		return -1;
	/* That of the host's processes is the host's to mount; ours is a view of it. */
	if (c->spec->ns[NS_PID].mode == NS_HOST) {
		if (mount_clone(AT_FDCWD, "/proc", attrs, &c->proc, err) < 0)
			return -1;
	} else if (mount_new("proc", NULL, attrs, &c->proc, err) < 0) {
		if (err->sys == EPERM)
			err_hint(err,
				 "the host's /proc has parts hidden, as in a container: the kernel "
				 "allows no new procfs beside it; a container of tiffin's or "
				 "podman's shows it whole with --security-opt unmask=ALL, or "
				 "--privileged");
		return -1;
	}
	return mount_attach(c->proc, target, "", err);
}

/*
 * A sysfs of its own shows the network namespace's devices. It can be had only where we own that
 * namespace, and where the host's own /sys is whole; else the host's is shown.
 */
static int mount_sys(struct child *c, struct err *err)
{
	const uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			       (c->spec->privileged ? 0 : MOUNT_ATTR_RDONLY);
	CLEAN(clean_fd) int target = -1;
	CLEAN(clean_fd) int cgroup = -1;
	struct err why = { 0 };

	if (root_open_plain_dir(c->root, "sys", &target, err) < 0)
		return -1;
	if (c->spec->network == NETWORK_HOST ||
	    mount_new("sysfs", NULL, attrs, &c->sys, &why) < 0) {
		if (mount_clone(AT_FDCWD, "/sys", attrs, &c->sys, err) < 0)
			return -1;
		return mount_attach(c->sys, target, "", err);
	}
	if (mount_attach(c->sys, target, "", err) < 0)
		return -1;
	/* Where the kernel's cgroups are all of version 1 there is nothing of our own to show. */
	if ((c->spec->ns[NS_CGROUP].mode == NS_HOST ?
		     mount_clone(AT_FDCWD, "/sys/fs/cgroup", attrs, &cgroup, NULL) :
		     mount_new("cgroup2", NULL, attrs, &cgroup, NULL)) == 0)
		mount_attach(cgroup, c->sys, "fs/cgroup", NULL);
	return 0;
}

static int make_devices(struct child *c, struct err *err)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		CLEAN(clean_free) char *path = xasprintf("/dev/%s", nodes[i]);
		CLEAN(clean_fd) int node = -1;
		int fd = openat(c->dev, nodes[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0)
			return err_sys(err, "'%s'", path);
		close(fd);
		if (mount_clone(AT_FDCWD, path, 0, &node, err) < 0 ||
		    mount_attach(node, c->dev, nodes[i], err) < 0)
			return -1;
	}
	return 0;
}

static int make_links(struct child *c, struct err *err)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },     { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
		{ "pts/ptmx", "ptmx" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i][0], c->dev, links[i][1]) < 0)
			return err_sys(err, "'/dev/%s'", links[i][1]);
	return 0;
}

/* One of the file systems under /dev, whose directory is made first. */
static int mount_under_dev(struct child *c, const char *name, const char *type,
			   const char *const options[], uint64_t attrs, struct err *err)
{
	CLEAN(clean_fd) int mnt = -1;

	if (mkdirat(c->dev, name, 0755) < 0)
		return err_sys(err, "'/dev/%s'", name);
	if (mount_new(type, options, attrs | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &mnt, err) < 0)
		return -1;
	return mount_attach(mnt, c->dev, name, err);
}

/* A copy of what the host has there; a host without it has nothing to share. */
static int bind_under_dev(struct child *c, const char *name, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("/dev/%s", name);
	CLEAN(clean_fd) int mnt = -1;
	struct err why = { 0 };

	if (mkdirat(c->dev, name, 0755) < 0)
		return err_sys(err, "'%s'", path);
	if (mount_clone(AT_FDCWD, path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
			&mnt, &why) < 0)
		return 0;
	return mount_attach(mnt, c->dev, name, err);
}

/* What processes share memory and messages by: of whom they share the IPC namespace with. */
static int mount_ipc(struct child *c, struct err *err)
{
	CLEAN(clean_free) char *size = xasprintf("size=%lld", (long long)c->spec->shm_size);
	const char *const shm_options[] = { "mode=1777", size, NULL };
	enum ns_mode mode = c->spec->ns[NS_IPC].mode;

	if (mode == NS_HOST)
		return bind_under_dev(c, "shm", err) < 0 ? -1 : bind_under_dev(c, "mqueue", err);
	if (mount_under_dev(c, "mqueue", "mqueue", NULL, MOUNT_ATTR_NODEV, err) < 0)
		return -1;
	if (mode == NS_NONE)
		return 0;
	if (c->shm < 0)
		return mount_under_dev(c, "shm", "tmpfs", shm_options, MOUNT_ATTR_NODEV, err);
	if (mkdirat(c->dev, "shm", 0755) < 0)
		return err_sys(err, "'/dev/shm'");
	return mount_attach(c->shm, c->dev, "shm", err);
}

static int mount_dev(struct child *c, struct err *err)
{
	static const char *const dev_options[] = { "mode=755", "size=64m", NULL };
	/* Group 5 is tty everywhere; it takes a map that has it. */
	const struct id_map *ids = c->launch->ids;
	const char *const gid = id_map_has(ids, id_map_root(ids), 5) ? "gid=5" : NULL;
	const char *const pts_options[] = { "newinstance", "ptmxmode=0666", "mode=0620", gid,
					    NULL };
	const uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	CLEAN(clean_fd) int target = -1;

	if (root_open_plain_dir(c->root, "dev", &target, err) < 0 ||
	    mount_new("tmpfs", dev_options, attrs, &c->dev, err) < 0 ||
	    mount_attach(c->dev, target, "", err) < 0)
		return -1;
	if (make_devices(c, err) < 0 || make_links(c, err) < 0)
		return -1;
	if (mount_under_dev(c, "pts", "devpts", pts_options, 0, err) < 0)
		return -1;
	return mount_ipc(c, err);
}

int mount_system(struct child *c, struct err *err)
{
	if (mount_proc(c, err) < 0 || mount_sys(c, err) < 0 || mount_dev(c, err) < 0)
		return -1;
	return 0;
}

/* A kernel that has not got it, or will not have it set, works without. */
static void set_sysctl(struct child *c, const char *name, const char *value)
{
	CLEAN(clean_fd) int fd = openat(c->proc, name, O_WRONLY | O_CLOEXEC);
	ssize_t ignored = fd < 0 ? 0 : write(fd, value, strlen(value));

	(void)ignored;
}

/* Those that were asked for must be set. */
static int set_own_sysctls(struct child *c, struct err *err)
{
	CLEAN(clean_fd) int sys = -1;

	if (c->spec->sysctls.n)
		sys = openat(c->proc, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	for (size_t i = 0; i < c->spec->sysctls.n; i++) {
		const char *text = c->spec->sysctls.v[i], *eq = strchr(text, '=');
		CLEAN(clean_free) char *name = xstrndup(text, eq ? (size_t)(eq - text) : 0);
		CLEAN(clean_fd)
		int fd = open_resolved(sys, name, O_WRONLY, 0,
				       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

		if (fd < 0 || !eq || write_all(fd, eq + 1, strlen(eq + 1), NULL) < 0)
			return err_sys(err, "'%s'", text);
	}
	return 0;
}

/* All groups are between these two, as the kernel counts, which is as the host does. */
static void spell_groups(const struct id_map *ids, char *ret, size_t size)
{
	const struct id_range *first = &ids->gids[0], *last = first;

	for (const struct id_range *r = ids->gids; r < ids->gids + ids->n_gids; r++) {
		first = r->outside < first->outside ? r : first;
		last = r->outside > last->outside ? r : last;
	}
	snprintf(ret, size, "%u %u", first->inside, last->inside + last->count - 1);
}

/* Of the container's own network namespace: every port and ping are everybody's. */
int set_sysctls(struct child *c, struct err *err)
{
	char groups[32];

	if (c->spec->ns[NS_NETWORK].mode != NS_OWN)
		return set_own_sysctls(c, err);
	/* A group that is not mapped can't be named. */
	spell_groups(c->launch->ids, groups, sizeof(groups));
	set_sysctl(c, "sys/net/ipv4/ip_unprivileged_port_start", "0");
	set_sysctl(c, "sys/net/ipv4/ping_group_range", groups);
	return set_own_sysctls(c, err);
}

int enter_root(struct child *c, struct err *err)
{
	if (c->spec->read_only && mount_restrict(c->root, MOUNT_ATTR_RDONLY, false, err) < 0)
		return -1;
	/*
	 * pivot_root(".", ".") puts the old root on top of the new one at the same place, where it
	 * is unmounted without a directory to put it in: pivot_root(2), NOTES.
	 */
	if (fchdir(c->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, "pivot_root");
	return 0;
}
