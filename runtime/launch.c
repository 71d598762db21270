#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "runtime/child.h"
#include "runtime/limits.h"
#include "runtime/sync.h"
#include "runtime/userns.h"

static pid_t clone_raw(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

/* A container's namespaces; the network is the host's where it is to be. */
static uint64_t namespaces_of(const struct container_spec *spec)
{
	return CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
	       CLONE_NEWCGROUP | (spec->network == NETWORK_HOST ? 0 : CLONE_NEWNET);
}

/* The child in new namespaces. Runs child_main in it. */
static int clone_child(const struct launch *l, const int socks[2], struct launched *child,
		       struct err *err)
{
	struct clone_args args = {
		.flags = namespaces_of(l->spec) | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&child->pidfd,
		.exit_signal = SIGCHLD,
	};

	child->pid = clone_raw(&args);
	if (child->pid == 0) {
		close(socks[0]); /* or our end would never be seen to close */
		child_main(l, socks[1]);
	}
	return child->pid < 0 ? namespaces_refused(err) : 0;
}

/*
 * The helper between: only a child born after setns(2) is in the PID namespace, and CLONE_PARENT
 * makes it our caller's all the same. Neither is dumpable: the container's root could else open our
 * program through /proc/PID/exe, and write to it once nobody executes it any more (CVE-2019-5736).
 */
static _Noreturn void clone_from_inside(const struct launch *l, const int socks[2], int report)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	struct err why = { 0 };
	pid_t pid = -1;

	close(socks[0]);
	/* While /proc is the host's, and lets us: in there we are not dumpable. */
	if (oom_score_apply(&l->spec->limits, &why) < 0) {
		err_wrap(&why, "cannot set the OOM score");
		sync_fail(socks[1], 125, &why);
		_exit(0);
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	    setns(l->join, (int)namespaces_of(l->spec)) == 0)
		pid = clone_raw(&args);
	if (pid == 0)
		child_main(l, socks[1]);
	/* The number is the one on the host: our own PID namespace is still that. */
	if (pid < 0 || write(report, &pid, sizeof(pid)) != (ssize_t)sizeof(pid)) {
		err_sys(&why, "cannot enter the container's namespaces");
		sync_fail(socks[1], 125, &why);
	}
	_exit(0);
}

/* The child in the namespaces of l->join, all of them at once. */
static int clone_into(const struct launch *l, const int socks[2], struct launched *child,
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
		clone_from_inside(l, socks, theirs);
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

/*
 * The parent's mirror of the child's steps (runtime/child.c), up to the execution: first what a new
 * container needs, then what every child goes through.
 */
static int lead(const struct launch *l, int sock, struct launched *child, int *ret_exit_code,
		struct err *err)
{
	CLEAN(clean_fd) int frames = -1;

	if (l->join < 0) {
		if (id_map_write(l->ids, child->pid, err) < 0 ||
		    sync_send(sock, SYNC_ID_MAPS, -1, err) < 0)
			return -1;
		if (l->spec->network == NETWORK_PRIVATE &&
		    (sync_expect(sock, SYNC_NETWORK, &frames, ret_exit_code, err) < 0 ||
		     l->network_start(l->arg, frames, err) < 0))
			return -1;
		if (l->started(l->arg, child->pid, err) < 0)
			return -1;
	}
	if (l->spec->tty && sync_expect(sock, SYNC_TERMINAL, &child->terminal, ret_exit_code, err) < 0)
		return -1;
	return sync_expect(sock, SYNC_EXEC, NULL, ret_exit_code, err);
}

static void give_up(struct launched *child)
{
	if (child->pidfd >= 0)
		pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
	if (child->pid > 0)
		proc_reap(child->pid);
	clean_fd(&child->pidfd);
	clean_fd(&child->terminal);
}

int launch(const struct launch *l, struct launched *ret, int *ret_exit_code, struct err *err)
{
	struct launched child = { .pidfd = -1, .terminal = -1 };
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	int socks[2];

	*ret_exit_code = 125;
	if (sync_pair(&ours, &theirs, err) < 0)
		return -1;
	socks[0] = ours;
	socks[1] = theirs;
	if ((l->join < 0 ? clone_child(l, socks, &child, err) : clone_into(l, socks, &child, err)) < 0)
		return -1;
	close(fd_take(&theirs));
	if (lead(l, ours, &child, ret_exit_code, err) < 0) {
		give_up(&child);
		return -1;
	}
	if (child.pidfd < 0) {
		give_up(&child);
		return err_set(err, ERR_SYSTEM, "the container has ended meanwhile");
	}
	*ret = child;
	return 0;
}
