/*
 * The cages of supervisors: what one that is not ours any more could do. Each attempt runs in a child
 * that has confined itself beside a container; and, as the control, in one that has not, where it has
 * to come off.
 */
#ifndef TESTS_UNIT_CAGE_SCENE_H
#define TESTS_UNIT_CAGE_SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "tests/unit/namespaces.h"
#include "tests/unit/test.h"

/* The root of a user and a network namespace, in an empty one: as a container's first process. */
struct contained {
	pid_t pid;
	int pidfd;
};

static struct contained one, another;
static pid_t ours; /* the test's own, as one of the user's */
static char *secret; /* in the environment */
static const char memory[] = "lunch";

static inline bool leave_root(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("cage", "/tmp", "tmpfs", 0, NULL) == 0 && chdir("/tmp") == 0 &&
	       syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
	       chdir("/") == 0;
}

static inline _Noreturn void be_contained(int ready)
{
	CLEAN(clean_free) char *uids = xasprintf("0 %u 1\n", geteuid());
	CLEAN(clean_free) char *gids = xasprintf("0 %u 1\n", getegid());

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    !write_proc("/proc/self/setgroups", "deny") ||
	    !write_proc("/proc/self/uid_map", uids) || !write_proc("/proc/self/gid_map", gids) ||
	    !leave_root())
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(ready, "x", 1);
	for (;;)
		pause();
}

static inline bool contained_init(struct contained *c)
{
	int ready[2];
	bool made;
	char x;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return false;
	c->pid = fork();
	if (c->pid == 0)
		be_contained(ready[1]);
	close(ready[1]);
	made = read(ready[0], &x, 1) == 1;
	close(ready[0]);
	c->pidfd = pidfd_open(c->pid, 0);
	return made && c->pidfd >= 0;
}

static inline void contained_done(struct contained *c)
{
	kill(c->pid, SIGKILL);
	close(c->pidfd);
	proc_reap(c->pid);
}

/* A file of /proc, which is the working directory of who is confined. */
static inline int open_proc(pid_t pid, const char *what)
{
	CLEAN(clean_free) char *path = xasprintf("/proc/%d/%s", (int)pid, what);
	int fd = open(path + strlen("/proc/"), O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC);
}

static inline bool see_descriptors_of(pid_t pid)
{
	CLEAN(clean_free) char *path = xasprintf("/proc/%d/fd/0", (int)pid);
	char to[8];

	return readlinkat(AT_FDCWD, path + strlen("/proc/"), to, sizeof(to)) > 0 ||
	       readlinkat(AT_FDCWD, path, to, sizeof(to)) > 0;
}

static inline bool read_from(pid_t pid)
{
	char to[sizeof(memory)];
	const struct iovec local = { to, sizeof(to) }, remote = { (void *)memory, sizeof(to) };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(to);
}

/* --- Files --- */

static inline bool read_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static inline bool read_above(void)
{
	return open("../../../../../../etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static inline bool read_by_own_root(void)
{
	return open_proc(getpid(), "root/etc/passwd") >= 0;
}

static inline bool read_by_anothers_root(void)
{
	return open_proc(ours, "root/etc/passwd") >= 0;
}

static inline bool write_in_proc(void)
{
	return open("self/comm", O_WRONLY | O_CLOEXEC) >= 0 ||
	       open("/proc/self/comm", O_WRONLY | O_CLOEXEC) >= 0;
}

static inline bool make_directory(void)
{
	char path[] = "/tmp/test-fast.XXXXXX";

	return mkdtemp(path) && rmdir(path) == 0;
}

static inline bool find_the_environment(void)
{
	return secret[0] != '\0';
}

/* --- Processes, the user's and another container's --- */

static inline bool see_descriptors_of_ours(void)
{
	return see_descriptors_of(ours);
}

static inline bool read_environment(void)
{
	return open_proc(ours, "environ") >= 0;
}

static inline bool get_a_descriptor_of_ours(void)
{
	return pidfd_getfd(pidfd_open(ours, 0), 0, 0) >= 0;
}

static inline bool read_memory_of_ours(void)
{
	return read_from(ours);
}

static inline bool see_descriptors_of_another(void)
{
	return see_descriptors_of(another.pid);
}

static inline bool get_a_descriptor_of_another(void)
{
	return pidfd_getfd(another.pidfd, 0, 0) >= 0;
}

static inline bool enter_another(void)
{
	return setns(another.pidfd, CLONE_NEWUSER) == 0;
}

static inline bool kill_ours(void)
{
	return kill(ours, 0) == 0;
}

static inline bool signal_by_pidfd(void)
{
	return pidfd_send_signal(one.pidfd, 0, NULL, 0) == 0;
}

static inline bool be_traced(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static inline bool execute(void)
{
	char *const argv[] = { (char *)"true", NULL };

	execv("/bin/true", argv);
	return false; /* what it executed ends with 0, which is success */
}

/* --- The kernel --- */

static inline bool make_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static inline bool clone_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

/*
 * None of these succeeds for everybody: how it fails tells who refused it. A process that is ended
 * fails.
 */
static inline bool mount_something(void)
{
	return mount("x", "/", "no such type", 0, NULL) == 0 || errno != ENOSYS;
}

static inline bool use_io_uring(void)
{
	return syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) >= 0 || errno != EINVAL;
}

static inline bool use_keys(void)
{
	return syscall(SYS_keyctl, 0, -3, 1) >= 0 || errno != EINVAL;
}

static inline bool control_a_terminal(void)
{
	return ioctl(0, 0x5412 /* TIOCSTI */, "x") == 0 || errno != EINVAL;
}

static inline bool dump_core(void)
{
	struct rlimit r = { 0, 0 };

	return getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_max != 0;
}

/* --- The network --- */

static inline bool use_unix_sockets(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static inline bool use_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static inline bool use_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0;
}

struct attempt {
	const char *name;
	bool (*attempt)(void);
};

static const struct attempt attempts[] = {
	{ "read a file", read_file },
	{ "read a file above", read_above },
	{ "read a file by its root", read_by_own_root },
	{ "read a file by another's root", read_by_anothers_root },
	{ "write in /proc", write_in_proc },
	{ "make a directory", make_directory },
	{ "find the environment", find_the_environment },
	{ "see the user's descriptors", see_descriptors_of_ours },
	{ "read the user's environment", read_environment },
	{ "get a descriptor of the user's", get_a_descriptor_of_ours },
	{ "read the user's memory", read_memory_of_ours },
	{ "see another container's descriptors", see_descriptors_of_another },
	{ "get a descriptor of another container's", get_a_descriptor_of_another },
	{ "enter another container", enter_another },
	{ "kill", kill_ours },
	{ "kill by a pidfd", signal_by_pidfd },
	{ "be traced", be_traced },
	{ "execute", execute },
	{ "make a namespace", make_namespace },
	{ "clone a namespace", clone_namespace },
	{ "mount", mount_something },
	{ "use io_uring", use_io_uring },
	{ "use keys", use_keys },
	{ "type into a terminal", control_a_terminal },
	{ "dump core", dump_core },
	{ "use Unix sockets", use_unix_sockets },
	{ "use netlink", use_netlink },
	{ "use UDP", use_udp },
};

/* Does it come off, in a cage or (NULL) without? -1 where that can't be built. */
static inline int comes_off(bool (*attempt)(void), int (*confine)(struct err *err))
{
	struct err err = { 0 };
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (confine && confine(&err) < 0)
			_exit(2);
		_exit(attempt() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? 0 : -1;
	return WEXITSTATUS(status) > 1 ? -1 : WEXITSTATUS(status) == 0;
}

/* Each of them does, or each of them does not. */
static inline void check_attempts(const struct attempt *v, size_t n,
				  int (*confine)(struct err *err), int want)
{
	for (size_t i = 0; i < n; i++) {
		/* sudo takes it from everybody. */
		if (want && v[i].attempt == dump_core && !dump_core()) {
			printf("# skipped: we may not %s either\n", v[i].name);
			continue;
		}
		CHECK_STR(comes_off(v[i].attempt, confine) == want ? "" : v[i].name, "");
	}
}

/* How a child ends that makes a call which is on nobody's list. */
static inline int signal_of_a_strange_call(int (*confine)(struct err *err))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (confine(NULL) == 0)
			sync();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* False: there are no user namespaces for us. */
static inline bool cage_scene_begin(void)
{
	ours = getpid();
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where Yama has to be asked, for the control */
	setenv("TEST_CAGE_SECRET", "x", 1);
	secret = getenv("TEST_CAGE_SECRET");
	return contained_init(&one) && contained_init(&another);
}

static inline void cage_scene_end(void)
{
	contained_done(&one);
	contained_done(&another);
}

#endif
