/* What the kernel is asked for: namespaces, mounts, confinement. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/doctor.h"
#include "runtime/userns.h"

/* --- Namespaces --- */

static int make_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

/* Where an LSM takes its capabilities away, it is made and is of no use. */
static int use_user_namespace(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0;
}

static void mend_user_namespaces(int error, struct finding *f)
{
	if (doctor_sysctl("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		finding_mend(f, "sudo sysctl -w kernel.unprivileged_userns_clone=1");
	else if (doctor_sysctl("/proc/sys/user/max_user_namespaces") == 0 || error == ENOSPC)
		finding_mend(f, "sudo sysctl -w user.max_user_namespaces=15000");
	else if (doctor_sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		finding_mend(f, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
	else
		finding_mend(f,
			     "in a container: start that with --privileged, or without its seccomp "
			     "filter (--security-opt seccomp=unconfined)");
}

static void probe_user_namespace(struct tiffin *t, struct finding *f)
{
	int error = doctor_try(make_user_namespace);

	(void)t;
	if (error == 0)
		error = doctor_try(use_user_namespace);
	if (error == 0) {
		finding_ok(f, "an ordinary user can make them, and mounts in them");
		return;
	}
	finding_bad(f, FINDING_BROKEN, "can't be made or used: %s", strerror(error));
	finding_follows(f, "nothing runs: a container is one");
	mend_user_namespaces(error, f);
}

static int make_namespaces(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		       CLONE_NEWUTS | CLONE_NEWCGROUP) < 0 ?
		       errno :
		       0;
}

static void probe_namespaces(struct tiffin *t, struct finding *f)
{
	int error = doctor_try(make_namespaces);

	(void)t;
	if (error == 0) {
		finding_ok(f, "mount, PID, network, IPC, UTS and cgroup");
		return;
	}
	finding_bad(f, FINDING_BROKEN, "not all can be made: %s", strerror(error));
	finding_follows(f, "nothing runs: each container has one of each kind");
	if (error == ENOSPC)
		finding_mend(f,
			     "sudo sysctl -w user.max_net_namespaces=15000 "
			     "user.max_mnt_namespaces=15000 user.max_pid_namespaces=15000");
}

static int do_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void probe_ids(struct tiffin *t, struct finding *f)
{
	const struct id_map *ids = &t->ids;
	unsigned long n = 0;
	struct err err = { .kind = ERR_NONE };
	int value;

	for (size_t i = 0; i < ids->n_uids; i++)
		n += ids->uids[i].count;
	if (!ids->single && userns_call(ids, do_nothing, NULL, &value, &err) == 0) {
		finding_ok(f, "%lu users and as many groups are mapped", n);
		return;
	}
	finding_bad(f, FINDING_LIMITED, "%s", ids->single ? ids->why_single : err.text);
	finding_follows(f,
			"containers have root and no other user: images whose files have several "
			"owners lose them, and programs that change their user fail");
	if (ids->single && strstr(ids->why_single, "not installed"))
		finding_mend(f, "sudo apt-get install uidmap");
	else if (ids->single)
		finding_mend(f,
			     "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
			     "\"$(id -un)\"");
	else
		finding_mend(f, "sudo chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap");
}

/* --- System calls --- */

static int make_calls(void)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int fd = pidfd_open(getpid(), 0), mnt;

	if (fd < 0 || pidfd_send_signal(fd, 0, NULL, 0) < 0)
		return errno;
	if (syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how)) < 0)
		return errno;
	if (syscall(SYS_close_range, 500u, 501u, 0u) < 0 ||
	    unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	mnt = (int)syscall(SYS_open_tree, AT_FDCWD, "/",
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (mnt < 0 || syscall(SYS_mount_setattr, mnt, "", AT_EMPTY_PATH | AT_RECURSIVE,
			       &(struct mount_attr){ .attr_set = MOUNT_ATTR_NOSUID },
			       sizeof(struct mount_attr)) < 0)
		return errno;
	return 0;
}

static void probe_calls(struct tiffin *t, struct finding *f)
{
	int error = doctor_try(make_calls);

	(void)t;
	if (error == 0) {
		finding_ok(f, "pidfds, openat2, mount_setattr: there");
		return;
	}
	finding_bad(f, FINDING_BROKEN, "pidfds, openat2 or mount_setattr: %s", strerror(error));
	finding_follows(f, error == ENOSYS ? "nothing runs: this is a kernel older than 5.12" :
					     "nothing runs: a filter of an outer container forbids "
					     "them");
}

/* --- Confinement --- */

static int filter_with(unsigned int flags)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0 ? errno : 0;
}

static int filter(void)
{
	return filter_with(0);
}

static int filter_and_listen(void)
{
	return filter_with(SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static void probe_seccomp(struct tiffin *t, struct finding *f)
{
	int error = doctor_try(filter);

	(void)t;
	if (error) {
		finding_bad(f, FINDING_BROKEN, "no filter can be installed: %s", strerror(error));
		finding_follows(f,
				"nothing runs, but with --security-opt seccomp=unconfined and "
				"--network host");
		return;
	}
	error = doctor_try(filter_and_listen);
	if (error == 0) {
		finding_ok(f, "filters, and listeners to what they catch");
		return;
	}
	finding_bad(f, FINDING_LIMITED,
		    "filters, but no listeners to what they catch: %s", strerror(error));
	finding_follows(f,
			"no other process can answer a container's system calls: another listener "
			"is there already, as in a container whose engine has one");
}

static int restrict_self(void)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? errno : 0;
}

static void probe_landlock(struct tiffin *t, struct finding *f)
{
	int error = doctor_try(restrict_self);

	(void)t;
	if (error == 0) {
		finding_ok(f, "there");
		return;
	}
	finding_bad(f, FINDING_LIMITED, "not to be had: %s", strerror(error));
	finding_follows(f,
			"what reads registries and archives is confined by read-only mounts and "
			"its filter alone");
	if (error == EOPNOTSUPP)
		finding_mend(f, "boot with landlock in the kernel's parameter lsm=");
}

const struct probe doctor_kernel[] = {
	{ "user namespaces", probe_user_namespace },
	{ "other namespaces", probe_namespaces },
	{ "subordinate IDs", probe_ids },
	{ "system calls", probe_calls },
	{ "seccomp", probe_seccomp },
	{ "Landlock", probe_landlock },
	{ NULL, NULL },
};
