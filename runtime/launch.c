#include "runtime/launch.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "runtime/child.h"
#include "runtime/sync.h"
#include "runtime/userns.h"

static pid_t clone_child(enum network_mode network, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
			 CLONE_NEWCGROUP | (network == NETWORK_HOST ? 0 : CLONE_NEWNET) | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* The parent's mirror of the child's steps (runtime/child.c), up to the execution. */
static int lead(const struct launch *l, int sock, struct launched *child, int *ret_exit_code,
		struct err *err)
{
	CLEAN(clean_fd) int frames = -1;

	if (id_map_write(l->ids, child->pid, err) < 0 ||
	    sync_send(sock, SYNC_ID_MAPS, -1, err) < 0)
		return -1;
	if (l->spec->network == NETWORK_PRIVATE) {
		if (sync_expect(sock, SYNC_NETWORK, &frames, ret_exit_code, err) < 0 ||
		    l->network_start(l->arg, frames, err) < 0)
			return -1;
	}
	if (l->started(l->arg, child->pid, err) < 0)
		return -1;
	if (l->spec->tty && sync_expect(sock, SYNC_TERMINAL, &child->terminal, ret_exit_code, err) < 0)
		return -1;
	return sync_expect(sock, SYNC_EXEC, NULL, ret_exit_code, err);
}

int launch(const struct launch *l, struct launched *ret, int *ret_exit_code, struct err *err)
{
	struct launched child = { .pidfd = -1, .terminal = -1 };
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;

	*ret_exit_code = 125;
	if (sync_pair(&ours, &theirs, err) < 0)
		return -1;
	child.pid = clone_child(l->spec->network, &child.pidfd);
	if (child.pid < 0)
		return namespaces_refused(err);
	if (child.pid == 0) {
		close(fd_take(&ours));
		child_main(l, theirs);
	}
	close(fd_take(&theirs));
	if (lead(l, ours, &child, ret_exit_code, err) < 0) {
		pidfd_send_signal(child.pidfd, SIGKILL, NULL, 0);
		proc_reap(child.pid);
		clean_fd(&child.pidfd);
		clean_fd(&child.terminal);
		return -1;
	}
	*ret = child;
	return 0;
}
