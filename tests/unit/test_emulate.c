/* Users where the kernel has one ID: runtime/emulate*.c, by calls that say or ask who a process is. */
#include <grp.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/emulate_scene.h"

static void *set_by_kernel_call(void *arg)
{
	*(long *)arg = syscall(SYS_setresuid, 33, 33, 33);
	return NULL;
}

static int become_another(void)
{
	const gid_t groups[] = {7, 4, 5};
	gid_t got[8];
	uid_t r, e, s;
	pthread_t thread;
	long result = -1;

	WANT(getuid() == 0 && getgroups(8, got) == 1 && got[0] == 0);
	WANT(setgroups(3, groups) == 0 && getgroups(0, NULL) == 3 && getgroups(8, got) == 3);
	WANT(got[0] == 4 && got[1] == 5 && got[2] == 7);
	WANT_ERROR(getgroups(2, got), EINVAL);
	WANT_ERROR(syscall(SYS_setgroups, 65537, groups), EINVAL);
	WANT_ERROR(syscall(SYS_setgroups, -1, groups), EINVAL);
	WANT(setfsuid(5) == 0 && setfsuid(0) == 5 && setfsgid(6) == 0 && setfsgid(NONE) == 6);
	WANT(setresgid(1, 2, 3) == 0 && getgid() == 1 && getegid() == 2);
	WANT(seteuid(5) == 0 && geteuid() == 5 && seteuid(0) == 0);
	/* Of a thread alone: all are one process to us. */
	WANT(pthread_create(&thread, NULL, set_by_kernel_call, &result) == 0 &&
	     pthread_join(thread, NULL) == 0 && result == 0);
	WANT(getresuid(&r, &e, &s) == 0 && r == 33 && e == 33 && s == 33);
	WANT_ERROR(setuid(0), EPERM);
	WANT_ERROR(setgroups(0, NULL), EPERM);
	WANT_ERROR(setgid(9), EPERM);
	WANT(setgid(3) == 0 && getegid() == 3);
	return 0;
}

TEST(a_process_becomes_another_and_stays_it)
{
	CHECK_EMULATED(become_another);
}

static int outlive(void)
{
	int ends[2];
	uid_t seen = NONE;

	WANT(pipe(ends) == 0);
	if (fork() == 0) {
		const pid_t parent = getpid();

		syscall(SYS_setuid, 1234);
		if (fork() == 0) {
			/* The parent is gone before the first call. */
			while (getppid() == parent)
				poll(NULL, 0, 1);
			seen = getuid();
			if (write(ends[1], &seen, sizeof(seen)) < 0)
				_exit(1);
		}
		_exit(0);
	}
	WANT(read(ends[0], &seen, sizeof(seen)) == sizeof(seen) && seen == 1234 && getuid() == 0);
	return 0;
}

TEST(a_child_is_who_its_parent_was_when_it_was_made)
{
	CHECK_EMULATED(outlive);
}

static int storm(void)
{
	int bad = 0, status;

	for (uid_t round = 0; round < 10; round++) {
		for (uid_t i = 1; i <= 50; i++) {
			if (fork() == 0) {
				if (setuid(1000 * round + i) < 0 || fork() == 0)
					_exit(getuid() != 1000 * round + i);
				wait(&status);
				_exit(status || getuid() != 1000 * round + i || setuid(0) == 0);
			}
		}
		while (wait(&status) > 0)
			bad += status != 0;
	}
	WANT(bad == 0 && getuid() == 0);
	return 0;
}

TEST(hundreds_at_once_are_each_their_own)
{
	CHECK_EMULATED(storm);
}

TEST(a_supervisor_that_is_killed_forgets_nobody)
{
	CHECK(emulated(storm, 20) == 0);
}

static int exhaust(void)
{
	int ready[2], over[2];
	char byte = 0;
	uid_t i;

	WANT(pipe(ready) == 0 && pipe(over) == 0);
	if (fork() == 0) {
		close(over[1]);
		if (setresuid(42, 42, 42) < 0 || write(ready[1], &byte, 1) != 1)
			_exit(1);
		while (read(over[0], &byte, 1) > 0)
			;
		_exit(getuid() != 42);
	}
	WANT(read(ready[0], &byte, 1) == 1);
	for (i = 100; setresuid(i, 0, 0) == 0 && i < 1000000; i++)
		;
	WANT(errno == EAGAIN && i > 4000);
	WANT(setresuid(100, 0, 0) == 0 && getuid() == 100);
	close(over[1]);
	WANT(wait((int *)&i) > 0 && i == 0);
	return 0;
}

TEST(who_wants_too_many_identities_gets_no_more_and_others_keep_theirs)
{
	CHECK_EMULATED(exhaust);
}

static int look_at_limit(void)
{
	struct rlimit r;

	WANT(setresuid(33, 33, 33) == 0);
	WANT(getrlimit(RLIMIT_LOCKS, &r) == 0 && r.rlim_cur == RLIM_INFINITY);
	WANT(syscall(SYS_prlimit64, getpid(), RLIMIT_LOCKS, NULL, &r) == 0 &&
	     r.rlim_max == RLIM_INFINITY);
	r.rlim_cur = 5;
	WANT(setrlimit(RLIMIT_LOCKS, &r) == 0 && getuid() == 33);
	r.rlim_max = 1;
	WANT_ERROR(setrlimit(RLIMIT_LOCKS, &r), EINVAL);
	WANT(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY);
	return 0;
}

TEST(where_that_is_kept_nobody_sees_or_changes)
{
	CHECK_EMULATED(look_at_limit);
}

static int keep_capabilities(void)
{
	int status;

	WANT(prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(33, 33, 33) == 0);
	WANT(setresgid(5, 5, 5) == 0 && setgroups(0, NULL) == 0);
	if (fork() == 0) {
		execl("/usr/bin/perl", "perl", "-e", "$( = 6; exit($( == 6 ? 1 : 0)", NULL);
		_exit(2);
	}
	WANT(wait(&status) > 0 && status == 0);
	WANT(setresuid(34, 34, 34) == 0 && prctl(PR_SET_KEEPCAPS, 0) == 0 &&
	     setresuid(35, 35, 35) == 0);
	return 0;
}

TEST(capabilities_can_be_kept)
{
	CHECK_EMULATED(keep_capabilities);
}

static int talk(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "sock"};
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	struct ucred u;
	socklen_t len = sizeof(u);

	WANT(bind(server, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(server, 5) == 0);
	if (fork() == 0) {
		int sock = socket(AF_UNIX, SOCK_STREAM, 0);

		if (setgid(44) < 0 || setuid(33) < 0 ||
		    connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
			_exit(1);
		poll(NULL, 0, 60000);
		_exit(0);
	}
	client = accept(server, NULL, NULL);
	WANT(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && len == sizeof(u));
	WANT(u.uid == 33 && u.gid == 44 && u.pid > 0);
	WANT_ERROR(syscall(SYS_getsockopt, client, SOL_SOCKET, SO_PEERCRED, BAD_ADDRESS, &len),
		   EFAULT);
	WANT_ERROR(syscall(SYS_getsockopt, client, SOL_SOCKET, SO_PEERCRED, &u, BAD_ADDRESS),
		   EFAULT);
	WANT_ERROR(getsockopt(0, SOL_SOCKET, SO_PEERCRED, &u, &len), ENOTSOCK);
	WANT(kill(u.pid, SIGKILL) == 0 && wait(NULL) > 0);
	WANT(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && u.uid == 65534);
	return 0;
}

TEST(a_socket_tells_who_is_at_the_other_end)
{
	CHECK_EMULATED(talk);
}

int main(void)
{
	scene_begin();
	RUN(a_process_becomes_another_and_stays_it);
	RUN(a_child_is_who_its_parent_was_when_it_was_made);
	RUN(hundreds_at_once_are_each_their_own);
	RUN(a_supervisor_that_is_killed_forgets_nobody);
	RUN(who_wants_too_many_identities_gets_no_more_and_others_keep_theirs);
	RUN(where_that_is_kept_nobody_sees_or_changes);
	RUN(capabilities_can_be_kept);
	RUN(a_socket_tells_who_is_at_the_other_end);
	scene_end();
	return test_summary();
}
