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
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Tokens and passwords are often there. What is not in this process can't be got out of it. */
static int forget_environment(int init, struct err *err)
{
	static char *none[] = { NULL };

	(void)init, (void)err;
	for (char **entry = environ; *entry; entry++)
		explicit_bzero(*entry, strlen(*entry));
	environ = none;
	return 0;
}

static int limit_resources(int init, struct err *err)
{
	const struct rlimit none = { 0, 0 };

	(void)init;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(err, "cannot limit core files");
	return 0;
}

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

static int set_attributes(int init, struct err *err)
{
	(void)init;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "cannot become non-dumpable");
	return 0;
}

static int filter(int init, struct err *err)
{
	(void)init;
	return fast_filter_calls(err);
}

static const struct {
	const char *what;
	int (*run)(int init, struct err *err);
} stages[] = {
	{ "forget the environment", forget_environment },
	{ "limit resources", limit_resources },
	{ "enter namespaces", enter_namespaces },
	{ "keep no files but /proc", have_proc_alone }, /* needs CAP_SYS_ADMIN of the new namespaces */
	{ "set attributes", set_attributes },
	{ "filter system calls", filter },		 /* last: it forbids all of the above */
};

int fast_confine(int init, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i].run(init, err) < 0)
			return err_wrap(err, "cannot confine the supervisor: cannot %s", stages[i].what);
	return 0;
}
