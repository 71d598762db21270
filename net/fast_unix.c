#include "net/fast_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

/* A listener's full backlog holds a child up. */
#define CHILDREN_MAX 64
#define GROUPS_MAX   64

struct caller {
	pid_t process;
	unsigned int uid[3], gid[3];
	gid_t groups[GROUPS_MAX];
	size_t n_groups;
	unsigned long long caps;
};

static void read_groups(const char *text, struct caller *ret)
{
	int used;

	while (ret->n_groups < GROUPS_MAX && sscanf(text, "%u%n", &ret->groups[ret->n_groups], &used) == 1) {
		ret->n_groups++;
		text += used;
	}
}

/* proc(5) shows IDs as the user namespace of who opens it has them. */
static int read_caller(pid_t of, struct caller *ret)
{
	char path[40], line[512];

	snprintf(path, sizeof(path), "%d/status", (int)of);
	*ret = (struct caller){ .process = 0 };
	{
		CLEAN(clean_file) FILE *f = fopen(path, "re");

		while (f && fgets(line, sizeof(line), f)) {
			if (starts_with(line, "Tgid:"))
				ret->process = atoi(line + strlen("Tgid:"));
			sscanf(line, "Uid: %u %u %u", &ret->uid[0], &ret->uid[1], &ret->uid[2]);
			sscanf(line, "Gid: %u %u %u", &ret->gid[0], &ret->gid[1], &ret->gid[2]);
			sscanf(line, "CapEff: %llx", &ret->caps);
			if (starts_with(line, "Groups:"))
				read_groups(line + strlen("Groups:"), ret);
		}
	}
	return ret->process > 0 ? 0 : -1;
}

/* Of those that we have got: all, or few where we are in the container already. */
static int limit_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct ours[2];

	if (syscall(SYS_capget, &header, ours) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		ours[i].permitted &= (uint32_t)(caps >> (32 * i));
		ours[i].effective = ours[i].permitted;
		ours[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &header, ours);
}

static int become(const struct caller *c)
{

	/* Where one ID is mapped, the groups are the caller's anyway: user_namespaces(7). */
	if (setgroups(c->n_groups, c->groups) < 0 && errno != EPERM)
		return -1;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
	    setresgid(c->gid[0], c->gid[1], c->gid[2]) < 0 ||
	    setresuid(c->uid[0], c->uid[1], c->uid[2]) < 0)
		return -1;
	/* A change of user forgets it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -1;
	return limit_caps(c->caps);
}

static int open_of(pid_t pid, const char *what)
{
	char path[40];

	snprintf(path, sizeof(path), "%d/%s", (int)pid, what);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The caller's namespaces, root and directory, and then the caller. */
static int go_there(pid_t of)
{
	struct caller c;
	int root = open_of(of, "root"), cwd = open_of(of, "cwd"), pidfd;
	bool there;

	if (root < 0 || cwd < 0 || read_caller(of, &c) < 0)
		return -1;
	pidfd = pidfd_open(c.process, 0);
	if (pidfd < 0)
		return -1;
	/* As one who emulates users is. */
	there = setns(pidfd, CLONE_NEWUSER) < 0 && errno == EINVAL;
	if (read_caller(of, &c) < 0 || (!there && setns(pidfd, CLONE_NEWNS) < 0) || fchdir(root) < 0 ||
	    chroot(".") < 0 || fchdir(cwd) < 0)
		return -1;
	return become(&c);
}

static bool is_over(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > end->tv_sec || (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec);
}

/*
 * A listener's queue may be full for ever, its caller long gone: we look up every second, and when its
 * SO_SNDTIMEO is over, which the kernel counts anew each time.
 */
static int connect_for(const struct notification *n, int sock, const struct sockaddr *a, socklen_t len)
{
	struct itimerval each = { .it_interval.tv_sec = 1 };
	struct timeval limit = { 0 };
	socklen_t size = sizeof(limit);
	struct timespec end;

	getsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, &size);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += limit.tv_usec * 1000;
	end.tv_sec += limit.tv_sec + end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	each.it_value.tv_sec = !limit.tv_usec;
	each.it_value.tv_usec = limit.tv_usec;
	setitimer(ITIMER_REAL, &each, NULL);
	while (connect(sock, a, len) < 0) {
		if (errno != EINTR || !notify_valid(n))
			return errno;
		if ((limit.tv_sec || limit.tv_usec) && is_over(&end))
			return EAGAIN;
	}
	return 0;
}

static _Noreturn void connect_there(const struct notification *n, int sock, const struct sockaddr *a,
				    socklen_t len)
{
	const int keep[] = { sock, n->listener };
	int error = EACCES;

	/* We may wait for long, and are not to hold what others have closed. */
	close_all_but(0, keep, ARRAY_SIZE(keep));
	if (go_there(n->pid) == 0 && notify_valid(n))
		error = connect_for(n, sock, a, len);
	close(sock);
	if (error)
		notify_fail(n, error);
	else
		notify_return(n, 0);
	_exit(0);
}

struct child {
	pid_t pid;
	int pidfd;
	struct notification call;
};

/* One that was ended has not answered. It is not reaped yet: where users are emulated, it is asked who it is. */
static void on_end(struct notify_loop *loop, uint32_t events, void *arg)
{
	struct child *c = arg;
	siginfo_t how = { .si_code = CLD_KILLED };

	(void)events;
	notify_loop_forget(loop, c->pidfd);
	close(c->pidfd);
	waitid(P_PID, (id_t)c->pid, &how, WEXITED | WNOHANG | WNOWAIT);
	if (how.si_code != CLD_EXITED && notify_valid(&c->call))
		notify_fail(&c->call, EIO);
	free(c);
}

static bool has_room(int *children)
{
	while (*children > 0 && waitpid(-1, NULL, WNOHANG) > 0)
		(*children)--;
	return *children < CHILDREN_MAX;
}

void fast_unix_connect(struct notify_loop *loop, const struct notification *n, int sock,
		       const struct sockaddr *a, socklen_t len, int *children)
{
	struct child *c;
	int pidfd = -1;
	pid_t pid = -1;

	/* As fork(2), with a descriptor of the child. */
	if (has_room(children))
		pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	if (pid == 0)
		connect_there(n, sock, a, len);
	if (pid < 0) {
		notify_fail(n, EAGAIN);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct child){ pid, pidfd, *n };
	(*children)++;
	notify_loop_watch(loop, pidfd, EPOLLIN, on_end, c);
}
