/*
 * The cage of --network fast's supervisor: what one that is not ours any more could do. Each attempt runs
 * in a child that has confined itself beside a container; and, as the control, in one that has not, where
 * it has to come off.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "net/fast_confine.h"
#include "net/fast_parts.h"
#include "tests/unit/namespaces.h"
#include "tests/unit/test.h"

/* A process that is the root of a user and a network namespace, as a container's first one is. */
struct contained {
	pid_t pid;
	int pidfd;
};

static struct contained one, another;
static pid_t ours; /* the test's own, as one of the user's */
static char *secret; /* in the environment */
static const char memory[] = "lunch";

static _Noreturn void be_contained(int ready)
{
	CLEAN(clean_free) char *uids = xasprintf("0 %u 1\n", geteuid());
	CLEAN(clean_free) char *gids = xasprintf("0 %u 1\n", getegid());

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    !write_proc("/proc/self/setgroups", "deny") || !write_proc("/proc/self/uid_map", uids) ||
	    !write_proc("/proc/self/gid_map", gids))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(ready, "x", 1);
	for (;;)
		pause();
}

static bool contained_init(struct contained *c)
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

static void contained_done(struct contained *c)
{
	kill(c->pid, SIGKILL);
	close(c->pidfd);
	proc_reap(c->pid);
}

/* A file of /proc, which is the root of who is confined. */
static int open_proc(pid_t pid, const char *what)
{
	CLEAN(clean_free) char *path = xasprintf("/proc/%d/%s", (int)pid, what);
	int fd = open(path + strlen("/proc"), O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : open(path, O_RDONLY | O_CLOEXEC);
}

static bool see_descriptors_of(pid_t pid)
{
	CLEAN(clean_free) char *path = xasprintf("/proc/%d/fd/0", (int)pid);
	char to[8];

	return readlinkat(AT_FDCWD, path + strlen("/proc"), to, sizeof(to)) > 0 || readlinkat(AT_FDCWD, path, to, sizeof(to)) > 0;
}

/* --- What a supervisor needs --- */

static bool see_descriptors(void)
{
	return see_descriptors_of(one.pid) && open_proc(one.pid, "fd") >= 0 && open_proc(one.pid, "fdinfo/0") >= 0 &&
	       open_proc(one.pid, "status") >= 0 && open_proc(one.pid, "net/if_inet6") >= 0;
}

static bool get_a_descriptor(void)
{
	return pidfd_getfd(one.pidfd, 0, 0) >= 0;
}

static bool read_from(pid_t pid)
{
	char to[sizeof(memory)];
	const struct iovec local = { to, sizeof(to) }, remote = { (void *)memory, sizeof(to) };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(to);
}

static bool read_memory(void)
{
	return read_from(one.pid);
}

static bool make_sockets(void)
{
	struct fast f = { .options = { .init = one.pidfd, .n_spare = 4 } };
	int own = fast_socket_new(AF_INET);

	return own >= 0 && fast_socket_new(AF_INET6) >= 0 && fast_spares_make(&f) == 0 &&
	       fast_socket_namespace(f.spare[0].v[0]) != fast_socket_namespace(own);
}

/* --- What it does not: files --- */

static bool read_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool read_above(void)
{
	return open("../../../../../../etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool read_by_own_root(void)
{
	return open_proc(getpid(), "root/etc/passwd") >= 0;
}

static bool read_by_anothers_root(void)
{
	return open_proc(ours, "root/etc/passwd") >= 0;
}

static bool write_in_proc(void)
{
	return open("/proc/self/comm", O_WRONLY | O_CLOEXEC) >= 0 ||
	       open("/self/comm", O_WRONLY | O_CLOEXEC) >= 0;
}

static bool make_directory(void)
{
	char path[] = "/tmp/test-fast.XXXXXX";

	return mkdtemp(path) && rmdir(path) == 0;
}

static bool find_the_environment(void)
{
	return secret[0] != '\0';
}

/* --- Processes, the user's and another container's --- */

static bool see_descriptors_of_ours(void)
{
	return see_descriptors_of(ours);
}

static bool read_environment(void)
{
	return open_proc(ours, "environ") >= 0;
}

static bool get_a_descriptor_of_ours(void)
{
	return pidfd_getfd(pidfd_open(ours, 0), 0, 0) >= 0;
}

static bool read_memory_of_ours(void)
{
	return read_from(ours);
}

static bool see_descriptors_of_another(void)
{
	return see_descriptors_of(another.pid);
}

static bool get_a_descriptor_of_another(void)
{
	return pidfd_getfd(another.pidfd, 0, 0) >= 0;
}

static bool enter_another(void)
{
	return setns(another.pidfd, CLONE_NEWUSER) == 0;
}

static bool kill_ours(void)
{
	return kill(ours, 0) == 0;
}

static bool signal_by_pidfd(void)
{
	return pidfd_send_signal(one.pidfd, 0, NULL, 0) == 0;
}

static bool be_traced(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool execute(void)
{
	char *const argv[] = { (char *)"true", NULL };

	execv("/bin/true", argv);
	return false; /* what it executed ends with 0, which is success */
}

/* --- The kernel --- */

static bool make_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static bool clone_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

/* None of these succeeds for everybody: how it fails tells who refused it. A process that is ended fails. */
static bool mount_something(void)
{
	return mount("x", "/", "no such type", 0, NULL) == 0 || errno != ENOSYS;
}

static bool use_io_uring(void)
{
	return syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) >= 0 || errno != EINVAL;
}

static bool use_keys(void)
{
	return syscall(SYS_keyctl, 0, -3, 1) >= 0 || errno != EINVAL;
}

static bool control_a_terminal(void)
{
	return ioctl(0, 0x5412 /* TIOCSTI */, "x") == 0 || errno != EINVAL;
}

static bool dump_core(void)
{
	struct rlimit r = { 0, 0 };

	return getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_max != 0;
}

/* --- The network --- */

static bool use_unix_sockets(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool use_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static bool use_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0;
}

static const struct {
	const char *name;
	bool (*attempt)(void);
} needs[] = {
	{ "see descriptors", see_descriptors },
	{ "get a descriptor", get_a_descriptor },
	{ "read memory", read_memory },
	{ "make sockets", make_sockets },
}, attempts[] = {
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

/* Does it come off? -1 where the cage can't be built. */
static int comes_off(bool (*attempt)(void), bool confined)
{
	struct err err = { 0 };
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (confined && fast_confine(one.pidfd, &err) < 0)
			_exit(2);
		_exit(attempt() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? 0 : -1;
	return WEXITSTATUS(status) > 1 ? -1 : WEXITSTATUS(status) == 0;
}

TEST(a_confined_supervisor_can_do_its_work)
{
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		CHECK_STR(comes_off(needs[i].attempt, true) == 1 ? "" : needs[i].name, "");
}

TEST(and_nothing_else)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		CHECK_STR(comes_off(attempts[i].attempt, true) == 0 ? "" : attempts[i].name, "");
}

TEST(which_it_could_without)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		/* sudo takes it from everybody. */
		if (attempts[i].attempt == dump_core && !dump_core()) {
			printf("# skipped: we may not %s either\n", attempts[i].name);
			continue;
		}
		CHECK_STR(comes_off(attempts[i].attempt, false) == 1 ? "" : attempts[i].name, "");
	}
}

static bool call_what_is_not_on_the_list(void)
{
	sync();
	return true;
}

TEST(a_call_that_is_not_on_the_list_ends_it)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fast_confine(one.pidfd, NULL) < 0 || call_what_is_not_on_the_list());
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

int main(void)
{
	ours = getpid();
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where Yama has to be asked, for the control */
	setenv("TEST_FAST_SECRET", "x", 1);
	secret = getenv("TEST_FAST_SECRET");
	if (!contained_init(&one) || !contained_init(&another)) {
		printf("# skipped: no user namespaces for us\n");
		return test_summary();
	}
	RUN(a_confined_supervisor_can_do_its_work);
	RUN(and_nothing_else);
	RUN(which_it_could_without);
	RUN(a_call_that_is_not_on_the_list_ends_it);
	contained_done(&one);
	contained_done(&another);
	return test_summary();
}
