#include "runtime/enter.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool is_our_namespace(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

int enter_as_root(const struct proc_id *init, int *ret_root, struct err *err)
{
	CLEAN(clean_fd) int pidfd = proc_open(init);
	CLEAN(clean_fd) int root = -1;
	char path[64];
	bool same;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)init->pid);
	root = pidfd < 0 ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	same = is_our_namespace(init->pid);
	/* Whose number it was is whose root it is, if it lives still. */
	if (pidfd < 0 || !proc_alive(init))
		return err_set(err, ERR_BUSY, "the container has ended");
	if (root < 0)
		return err_sys(err, "cannot open the container's root");
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
