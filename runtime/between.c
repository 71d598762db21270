#include "runtime/between.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "runtime/child.h"
#include "runtime/limits.h"
#include "runtime/mount.h"
#include "runtime/sync.h"
#include "runtime/userns.h"

/* Attached to nothing, so that it can be handed on to another mount namespace. */
static int mount_tree(const struct launch *l, int *ret_root, int *ret_tree, struct err *err)
{
	CLEAN(clean_fd) int root = -1;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "cannot make a mount namespace");
	if (l->mount_root(l->arg, &root, err) < 0)
		return err_wrap(err, "cannot mount the root");
	if (mount_clone(root, "", 0, ret_tree, err) < 0)
		return -1;
	*ret_root = fd_take(&root);
	return 0;
}

struct between {
	const struct launch *launch;
	const int *socks;
	int report; /* takes the number of the container's process */
};

/*
 * Root of the store's user namespace. It stays dumpable, or its child's maps could not be written.
 */
static int bear(const struct between *b, struct err *err)
{
	const struct launch *l = b->launch;
	struct clone_args args = { .flags = CLONE_PARENT | ns_new_flags(l->spec->ns) };
	struct handed handed = HANDED_INIT;
	CLEAN(clean_fd) int root = -1;
	pid_t pid;

	if (oom_score_apply(&l->spec->limits, err) < 0)
		return err_wrap(err, "the OOM score");
	if (mount_tree(l, &root, &handed.tree, err) < 0)
		return -1;
	if (open_volumes(l, root, &handed.opened, err) < 0)
		return err_wrap(err, "cannot prepare volumes");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child_main(l, b->socks[1], &handed);
	if (pid < 0)
		return namespaces_refused(err);
	/* One that gets no maps ends when its socket does. */
	if (id_mapping_write(l->mapping, l->ids, pid, err) < 0)
		return -1;
	if (write(b->report, &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		return err_sys(err, "cannot tell of the container's process");
	return 0;
}

static int in_between(void *arg)
{
	const struct between *b = arg;
	struct err why = { 0 };

	close(b->socks[0]);
	if (bear(b, &why) < 0)
		sync_fail(b->socks[1], 125, &why);
	return 0;
}

int between_birth(const struct launch *l, const int socks[2], struct launched *ret, struct err *err)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	struct between b = { .launch = l, .socks = socks };
	int ends[2], ignored;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "cannot make a pipe");
	ours = ends[0];
	b.report = theirs = ends[1];
	if (userns_call(l->outer, in_between, &b, &ignored, err) < 0)
		return -1;
	/* Where no number has come, the sync socket says why. */
	if (read(ours, &ret->pid, sizeof(ret->pid)) != (ssize_t)sizeof(ret->pid))
		ret->pid = 0;
	if (ret->pid > 0)
		ret->pidfd = pidfd_open(ret->pid, 0);
	return 0;
}

/* --- Another container's --- */

static pid_t number_of(int pidfd)
{
	char path[48];
	CLEAN(clean_file) FILE *f = NULL;
	char line[128];
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	return pid > 0 ? pid : 0;
}

int between_mount(const struct launch *l, int donor, int *ret_tree, struct err *err)
{
	CLEAN(clean_fd) int inner = -1;
	CLEAN(clean_fd) int outer = -1;
	CLEAN(clean_fd) int root = -1;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)number_of(donor));
	inner = open(path, O_RDONLY | O_CLOEXEC);
	if (inner < 0)
		return err_sys(err, "'%s'", path);
	/*
	 * The number may have become another's before it was opened, but not with the pidfd's still
	 * alive.
	 */
	if (pidfd_send_signal(donor, 0, NULL, 0) < 0)
		return err_set(err, ERR_BUSY,
			       "the container whose user namespace is joined has ended");
	outer = ioctl(inner, NS_GET_PARENT);
	if (outer < 0 || setns(outer, CLONE_NEWUSER) < 0)
		return err_sys(err, "cannot enter the user namespace above the container's");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err, "cannot become root of a user namespace");
	return mount_tree(l, &root, ret_tree, err);
}
