/*
 * Theory of operation
 *
 * Where all namespaces are new, or the host's, one clone3(2) of the parent's does. To join others'
 * takes a helper between: only a child born after setns(2) is in the PID namespace, and
 * CLONE_PARENT makes it our caller's all the same. Where the container's IDs are mapped from the
 * store's, a helper in the store's user namespace bears it (runtime/between.h).
 *
 * Neither helper nor child is dumpable: the container's root could else open our program through
 * /proc/PID/exe, and write to it once nobody executes it any more (CVE-2019-5736), or walk through
 * /proc/PID/root to the host's files, which the child has in sight for most of its steps.
 */
#include "runtime/birth.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "runtime/between.h"
#include "runtime/child.h"
#include "runtime/limits.h"
#include "runtime/mount.h"
#include "runtime/sync.h"
#include "runtime/userns.h"

static pid_t clone_raw(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

bool birth_makes_user(const struct launch *l)
{
	return l->join < 0 && !l->donors && !l->mapping;
}

static int born_anew(const struct launch *l, const int socks[2], struct launched *child,
		     struct err *err)
{
	struct clone_args args = {
		.flags = ns_new_flags(l->spec->ns) | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&child->pidfd,
		.exit_signal = SIGCHLD,
	};

	child->pid = clone_raw(&args);
	if (child->pid == 0) {
		close(socks[0]); /* or our end would never be seen to close */
		child_main(l, socks[1], NULL);
	}
	return child->pid < 0 ? namespaces_refused(err) : 0;
}

/* A copy of the donor's /dev/shm, made in its mount namespace, where it alone can be had. */
static int copy_shm(const void *arg, int *ret_mnt, struct err *err)
{
	const struct launch *l = arg;
	CLEAN(clean_fd) int shm = -1;

	if (setns(l->donors[NS_IPC], CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return err_sys(err, "setns");
	shm = open_resolved(AT_FDCWD, "/dev/shm", O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
	if (shm < 0)
		return err_sys(err, "'/dev/shm'");
	return mount_clone(shm, "", 0, ret_mnt, err);
}

static int first_donor(const struct launch *l)
{
	int k = 0;

	while (k < NS_KINDS - 1 && l->donors[k] < 0)
		k++;
	return l->donors[k];
}

static int make_tree(const void *arg, int *ret_mnt, struct err *err)
{
	const struct launch *l = arg;

	return between_mount(l, first_donor(l), ret_mnt, err);
}

static int enter(const struct launch *l, struct handed *ret, struct err *err)
{
	/* While /proc is the host's, and lets us: in there we are not dumpable. */
	if (oom_score_apply(&l->spec->limits, err) < 0)
		return err_wrap(err, "the OOM score");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "PR_SET_DUMPABLE");
	if (l->join >= 0)
		return setns(l->join, (int)ns_join_flags(l->spec->ns)) < 0 ?
			       err_sys(err, "cannot enter the container's namespaces") :
			       0;
	if (l->donors[NS_IPC] >= 0 && sync_fetch(copy_shm, l, &ret->shm, err) < 0)
		return err_wrap(err, "shared memory");
	if (l->mapping && sync_fetch(make_tree, l, &ret->tree, err) < 0)
		return -1;
	return ns_enter(l->donors, err);
}

static _Noreturn void help(const struct launch *l, const int socks[2], int report)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	struct err why = { 0 };
	struct handed handed = HANDED_INIT;
	pid_t pid;

	close(socks[0]);
	if (enter(l, &handed, &why) < 0) {
		err_wrap(&why, "cannot prepare the container's process");
		sync_fail(socks[1], 125, &why);
		_exit(0);
	}
	if (l->join < 0)
		args.flags |= ns_new_flags(l->spec->ns);
	pid = clone_raw(&args);
	if (pid == 0)
		child_main(l, socks[1], &handed);
	/* The number is the one on the host: our own PID namespace is still that. */
	if (pid < 0 || write(report, &pid, sizeof(pid)) != (ssize_t)sizeof(pid)) {
		err_sys(&why, "cannot make a process in the container's namespaces");
		sync_fail(socks[1], 125, &why);
	}
	_exit(0);
}

static int born_inside(const struct launch *l, const int socks[2], struct launched *child,
		       struct err *err)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	int ends[2];
	pid_t helper;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	ours = ends[0];
	theirs = ends[1];
	helper = fork();
	if (helper == 0)
		help(l, socks, theirs);
	if (helper < 0)
		return err_sys(err, "cannot make a process for the container");
	close(fd_take(&theirs));
	/* Where no number comes, the sync socket says why. */
	if (read(ours, &child->pid, sizeof(child->pid)) != (ssize_t)sizeof(child->pid))
		child->pid = 0;
	proc_reap(helper);
	if (child->pid > 0)
		child->pidfd = pidfd_open(child->pid, 0);
	return 0;
}

int birth(const struct launch *l, const int socks[2], struct launched *ret, struct err *err)
{
	if (l->join < 0 && !l->donors)
		return l->mapping ? between_birth(l, socks, ret, err) :
				    born_anew(l, socks, ret, err);
	return born_inside(l, socks, ret, err);
}
