#include "runtime/enter.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/sync.h"

#define PATIENCE INT64_C(10000000000) /* nanoseconds */

static bool is_our_namespace(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

struct entered {
	int pidfd;
	bool same; /* its user namespace is ours */
};

/*
 * The mount namespace's own root: the first process may have changed its own (chroot(2)). Opened by
 * a child that enters it for that, and does nothing else there.
 */
static int open_root(const void *arg, int *ret_root, struct err *err)
{
	const struct entered *e = arg;
	const int user = e->same ? 0 : CLONE_NEWUSER;

	if (setns(e->pidfd, CLONE_NEWNS | user) < 0 ||
	    (*ret_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(err, "cannot open the container's root");
	return 0;
}

/* Is it the host's root still? A container that is being started has not left it yet. */
static bool is_ours(int root)
{
	struct stat here, there;

	return stat("/", &here) < 0 || fstat(root, &there) < 0 ||
	       (here.st_dev == there.st_dev && here.st_ino == there.st_ino);
}

static int await_root(int pidfd, bool same, int *ret_root, struct err *err)
{
	const struct timespec moment = { .tv_nsec = 5000000 };
	const struct entered entered = { pidfd, same };
	const int64_t end = now_monotonic() + PATIENCE;

	for (; now_monotonic() < end; nanosleep(&moment, NULL)) {
		CLEAN(clean_fd) int root = -1;

		if (sync_fetch(open_root, &entered, &root, err) < 0)
			return -1;
		if (!is_ours(root)) {
			*ret_root = fd_take(&root);
			return 0;
		}
	}
	return err_set(err, ERR_BUSY, "the container has no root of its own as yet");
}

int enter_as_root(const struct proc_id *init, int *ret_root, struct err *err)
{
	CLEAN(clean_fd) int pidfd = proc_open(init);
	CLEAN(clean_fd) int root = -1;
	bool same;

	if (pidfd < 0)
		return err_set(err, ERR_BUSY, "the container has ended");
	/* The number is its own as long as it lives, which setns tells. */
	same = is_our_namespace(init->pid);
	if (await_root(pidfd, same, &root, err) < 0)
		return -1;
	if (!same && setns(pidfd, CLONE_NEWUSER) < 0)
		return err_sys(err, "cannot enter the container's user namespace");
	if (!same && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return err_sys(err, "cannot become the container's root");
	/* Nobody in it is to look into us. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(err, "prctl");
	*ret_root = fd_take(&root);
	return 0;
}
