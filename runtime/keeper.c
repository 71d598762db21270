#include "runtime/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/proc.h"

/* What a process in the middle of a system call may take to die, before it is given up. */
#define DYING_MS 2000

enum { PROCESS, MONITOR, MOUNTS, DESCRIPTORS };

/* Kills the process if it is in the mount namespace. */
static bool kill_member(pid_t pid, const struct stat *mounts)
{
	CLEAN(clean_fd) int pidfd = pidfd_open(pid, 0);
	char path[40];
	struct stat st;

	/* Looked at after it was opened: who has the number now can't be killed for who had it. */
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	if (pidfd < 0 || stat(path, &st) < 0 || st.st_ino != mounts->st_ino ||
	    st.st_dev != mounts->st_dev)
		return false;
	return pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0 && pidfd_wait(pidfd, DYING_MS) == 0;
}

/* Until none is found: one may be born while another dies. */
static void kill_members(int mount_ns)
{
	struct stat mounts;
	bool found = true;

	if (fstat(mount_ns, &mounts) < 0)
		return;
	while (found) {
		CLEAN(clean_dir) DIR *dir = opendir("/proc");
		struct dirent *e;

		found = false;
		while (dir && (e = readdir(dir))) {
			long pid = strtol(e->d_name, NULL, 10);

			if (pid > 0 && kill_member((pid_t)pid, &mounts))
				found = true;
		}
	}
}

static _Noreturn void keep(bool has_mounts)
{
	struct pollfd p[] = { { .fd = PROCESS, .events = POLLIN }, { .fd = MONITOR, .events = POLLIN } };

	int wait_ms = MEMORY_SETTLED_MS, n;

	while ((n = poll(p, ARRAY_SIZE(p), wait_ms)) == 0 || (n < 0 && errno == EINTR)) {
		if (n == 0) {
			memory_let_go();
			wait_ms = -1;
		}
	}
	pidfd_send_signal(PROCESS, SIGKILL, NULL, 0);
	if (has_mounts)
		kill_members(MOUNTS);
	_exit(0);
}

/* Nothing but these three, by their numbers: the locks and pipes are the monitor's. */
static int place(int pidfd, int monitor, int mount_ns)
{
	int high[DESCRIPTORS] = { -1, -1, -1 };
	const int given[DESCRIPTORS] = { pidfd, monitor, mount_ns };

	for (int i = 0; i < DESCRIPTORS; i++)
		if (given[i] >= 0 && (high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, DESCRIPTORS)) < 0)
			return -1;
	for (int i = 0; i < DESCRIPTORS; i++)
		if (high[i] >= 0 && dup2(high[i], i) < 0)
			return -1;
	return (int)syscall(SYS_close_range, mount_ns < 0 ? MOUNTS : DESCRIPTORS, ~0u, 0u);
}

int keeper_start(int pidfd, int mount_ns, void (*in_keeper)(void *arg), void *arg, pid_t *ret_pid,
		 struct err *err)
{
	CLEAN(clean_fd) int monitor = pidfd_open(getpid(), 0);
	sigset_t all;
	pid_t pid;

	if (monitor < 0)
		return err_sys(err, "cannot open the monitor's pidfd");
	pid = fork();
	if (pid < 0)
		return err_sys(err, "cannot make the container's keeper");
	if (pid == 0) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		prctl(PR_SET_NAME, "tiffin-keeper");
		if (in_keeper)
			in_keeper(arg);
		if (place(pidfd, monitor, mount_ns) < 0)
			_exit(1);
		keep(mount_ns >= 0);
	}
	*ret_pid = pid;
	return 0;
}
