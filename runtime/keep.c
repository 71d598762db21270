#include "runtime/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "runtime/kernel.h"

/* What a process in the middle of a system call may take to die, before it is given up. */
#define DYING_MS 2000

static int await(struct pollfd *p, unsigned int n, int timeout_ms)
{
	const struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	long result;

	do
		result = kernel(SYS_ppoll, (long)p, n, timeout_ms < 0 ? 0 : (long)&timeout, 0);
	while (result == -EINTR);
	return (int)result;
}

static bool kill_process(int pidfd)
{
	return kernel(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0) == 0;
}

/* A process's ID; 0: the name of something else. */
static int process_of(const char *name)
{
	int n = 0;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the kernel wrote it */
	for (; *name >= '0' && *name <= '9' && n < 100000000; name++)
		n = 10 * n + (*name - '0');
	return *name ? 0 : n;
}

static bool is_in(int proc, const char *name, const struct stat *mounts)
{
	const char rest[] = "/ns/mnt";
	char path[32];
	struct stat st;
	unsigned int n = 0;

	while (*name && n < sizeof(path) - sizeof(rest))
		path[n++] = *name++;
	for (unsigned int i = 0; i < sizeof(rest); i++)
		path[n++] = rest[i];
	return kernel(SYS_newfstatat, proc, (long)path, (long)&st, 0) == 0 &&
	       st.st_ino == mounts->st_ino && st.st_dev == mounts->st_dev;
}

/* Kills the process if it is in the mount namespace. */
static bool kill_member(int proc, const char *name, const struct stat *mounts)
{
	const int pid = process_of(name);
	struct pollfd p = { .events = POLLIN };
	bool killed;

	if (!pid || (p.fd = (int)kernel(SYS_pidfd_open, pid, 0, 0, 0)) < 0)
		return false;
	/* Looked at after it was opened: who has the number now can't be killed for who had it. */
	killed = is_in(proc, name, mounts) && kill_process(p.fd) && await(&p, 1, DYING_MS) > 0;
	kernel(SYS_close, p.fd, 0, 0, 0);
	return killed;
}

static bool kill_those_of(int proc, const struct stat *mounts)
{
	_Alignas(struct dirent64) char entries[2048];
	bool found = false;
	long n;

	while ((n = kernel(SYS_getdents64, proc, (long)entries, sizeof(entries), 0)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *e = (const void *)(entries + at);

			if (kill_member(proc, e->d_name, mounts))
				found = true;
			at += e->d_reclen;
		}
	}
	return found;
}

/* Until none is found: one may be born while another dies. */
static void kill_members(const struct stat *mounts)
{
	bool found = true;

	while (found) {
		const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
		int proc = (int)kernel(SYS_openat, AT_FDCWD, (long)"/proc", flags, 0);

		if (proc < 0)
			return;
		found = kill_those_of(proc, mounts);
		kernel(SYS_close, proc, 0, 0, 0);
	}
}

bool keep(int timeout_ms)
{
	struct pollfd p[] = { { .fd = KEEP_PROCESS, .events = POLLIN },
			      { .fd = KEEP_MONITOR, .events = POLLIN } };
	struct stat mounts;

	if (await(p, 2, timeout_ms) == 0)
		return false;
	kill_process(KEEP_PROCESS);
	if (kernel(SYS_fstat, KEEP_MOUNTS, (long)&mounts, 0, 0) == 0)
		kill_members(&mounts);
	return true;
}
