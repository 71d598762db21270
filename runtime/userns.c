#include "runtime/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "runtime/sync.h"

static bool sysctl_is(const char *path, const char *value)
{
	CLEAN(clean_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return streq(text, value);
}

int namespaces_refused(struct err *err)
{
	/* ENOSPC and EUSERS are about limits on namespaces (clone(2)), not about disks or users. */
	const char *why = errno == ENOSPC || errno == EUSERS ? "there are as many as are allowed" :
							       strerror(errno);

	err_set(err, ERR_DENIED, "cannot create a user namespace: %s", why);
	if (sysctl_is("/proc/sys/user/max_user_namespaces", "0"))
		return err_hint(err, "user namespaces are switched off here: "
				     "'sysctl user.max_user_namespaces=15000' as root allows them");
	if (sysctl_is("/proc/sys/kernel/unprivileged_userns_clone", "0"))
		return err_hint(err,
				"'sysctl kernel.unprivileged_userns_clone=1' as root allows them");
	if (sysctl_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
		return err_hint(err,
				"AppArmor forbids them here: 'sysctl "
				"kernel.apparmor_restrict_unprivileged_userns=0' as root allows "
				"them");
	return err_hint(err, "the kernel, or the container or sandbox that this runs in, forbids "
			     "user namespaces; a container of tiffin's or podman's allows them "
			     "with --privileged");
}

static pid_t clone_userns(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Child: waits for its IDs, and becomes root. */
static int become_root(const struct id_map *map, int sock, struct err *err)
{
	const uid_t uid = id_map_root(map);
	const gid_t gid = id_map_root_group(map);

	if (sync_expect(sock, SYNC_ID_MAPS, NULL, NULL, err) < 0)
		return -1;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_sys(err, "cannot become root of a user namespace");
	return 0;
}

/*
 * Parent: makes a child in a new user namespace. Returns as fork(2) does; *ret_sock is each side's.
 */
static pid_t userns_child(const struct id_map *map, int *ret_sock, struct err *err)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	struct err why = { 0 };
	pid_t pid;

	if (sync_pair(&ours, &theirs, err) < 0)
		return -1;
	pid = clone_userns();
	if (pid < 0)
		return namespaces_refused(err);
	if (pid == 0) {
		close(fd_take(&ours));
		if (become_root(map, theirs, &why) < 0) {
			sync_fail(theirs, 125, &why);
			_exit(125);
		}
		*ret_sock = fd_take(&theirs);
		return 0;
	}
	close(fd_take(&theirs));
	if (id_map_write(map, pid, err) < 0 || sync_send(ours, SYNC_ID_MAPS, -1, err) < 0) {
		kill(pid, SIGKILL);
		proc_reap(pid);
		return -1;
	}
	*ret_sock = fd_take(&ours);
	return pid;
}

/*
 * Gives the descriptors their numbers, first out of each other's way. Theirs are left open across
 * the exec; every other one is close-on-exec.
 */
static int place_fds(const struct fd_map *fds, struct err *err)
{
	int lifted[16];
	size_t n = 0;

	for (; fds && fds[n].ours >= 0 && n < ARRAY_SIZE(lifted); n++) {
		lifted[n] = fcntl(fds[n].ours, F_DUPFD_CLOEXEC, 64);
		if (lifted[n] < 0)
			return err_sys(err, "cannot pass on a descriptor");
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(lifted[i], fds[i].theirs) < 0)
			return err_sys(err, "cannot pass on a descriptor");
	return 0;
}

int userns_spawn(const struct id_map *map, const char *const argv[], const struct fd_map *fds,
		 pid_t *ret_pid, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	pid_t pid = userns_child(map, &sock, err);

	if (pid < 0)
		return -1;
	if (pid == 0) {
		struct err why = { 0 };
		int kept = fcntl(sock, F_DUPFD_CLOEXEC, 64);

		if (kept >= 0 && place_fds(fds, &why) == 0) {
			execvp(argv[0], (char *const *)argv);
			err_sys(&why, "cannot execute '%s'", argv[0]);
		}
		sync_fail(kept, 125, &why);
		_exit(125);
	}
	if (sync_expect(sock, SYNC_EXEC, NULL, NULL, err) < 0) {
		proc_reap(pid);
		return -1;
	}
	*ret_pid = pid;
	return 0;
}

int userns_call(const struct id_map *map, int (*work)(void *arg), void *arg, int *ret_value,
		struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	pid_t pid = userns_child(map, &sock, err);

	if (pid < 0)
		return -1;
	if (pid == 0)
		_exit(work(arg) & 0xff);
	*ret_value = proc_reap(pid);
	return 0;
}

static int open_in_child(int (*work)(void *arg, int *ret_fd, struct err *err), void *arg, int sock,
			 struct err *err)
{
	CLEAN(clean_fd) int fd = -1;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "cannot make a mount namespace");
	if (work(arg, &fd, err) < 0)
		return -1;
	return sync_send(sock, SYNC_TREE, fd, err);
}

int userns_open(const struct id_map *map, int (*work)(void *arg, int *ret_fd, struct err *err),
		void *arg, int *ret_fd, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	pid_t pid = userns_child(map, &sock, err);
	int result;

	if (pid < 0)
		return -1;
	if (pid == 0) {
		struct err why = { 0 };

		if (open_in_child(work, arg, sock, &why) < 0)
			sync_fail(sock, 125, &why);
		_exit(0);
	}
	result = sync_expect(sock, SYNC_TREE, ret_fd, NULL, err);
	proc_reap(pid);
	return result;
}
