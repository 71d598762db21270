/*
 * Theory of operation
 *
 * A supervisor reads what a hostile container says, with its user's rights, in the host's network
 * namespace. It is to look at the container's processes (ptrace(2), "access mode checking"), and so can't
 * have a user namespace of its own, as tiffin-net has, nor Landlock, which would keep it from them. But it
 * can have the container's: there it has all capabilities, over what is the container's, and none over
 * the host's, nor over the user's own processes, which are not of that namespace any more than those of
 * other containers are. Its network namespace stays the host's, which is none of the container's.
 *
 * Of files it needs /proc, to see whose sockets are whose; so that is its root.
 */
#include "net/fast_confine.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/withdraw.h"
#include "net/fast.h"

static int enter_namespaces(int init, struct err *err)
{
	if (setns(init, CLONE_NEWUSER) < 0)
		return err_sys(err, "cannot enter the container's user namespace");
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_sys(err, "cannot create mount, IPC and UTS namespaces");
	return 0;
}

static int have_proc_alone(int init, struct err *err)
{
	struct mount_attr inert = { .attr_set = MOUNT_ATTR_RDONLY };

	(void)init;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "cannot make mounts private");
	/* What is mounted within hides something, and goes along. */
	if (mount("/proc", "/proc", NULL, MS_BIND | MS_REC, NULL) < 0 || chdir("/proc") < 0)
		return err_sys(err, "cannot have a /proc of our own");
	/* Stacked, the old root on top of the new one: see net/confine.c. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, "cannot leave the host's root");
	if (mount_setattr(AT_FDCWD, ".", AT_RECURSIVE, &inert, sizeof(inert)) < 0)
		return err_sys(err, "cannot make the root read-only");
	return 0;
}

static int withdraw(int init, struct err *err)
{
	(void)init;
	return process_withdraw(err);
}

static int filter(int init, struct err *err)
{
	const struct filter_list lists[] = { fast_filter, notify_filter, filter_basics };

	(void)init;
	return filter_install(lists, ARRAY_SIZE(lists), err);
}

static const struct {
	const char *what;
	int (*run)(int init, struct err *err);
} stages[] = {
	{ "enter namespaces", enter_namespaces },
	{ "withdraw", withdraw },			/* credentials have changed for the last time */
	{ "keep no files but /proc", have_proc_alone }, /* needs CAP_SYS_ADMIN of the new namespaces */
	{ "filter system calls", filter },		 /* last: it forbids all of the above */
};

int fast_confine(int init, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i].run(init, err) < 0)
			return err_wrap(err, "cannot confine the supervisor: cannot %s", stages[i].what);
	return 0;
}
