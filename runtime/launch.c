#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "runtime/birth.h"
#include "runtime/execute.h"
#include "runtime/keeper.h"
#include "runtime/sync.h"

static bool shares_pids(const struct container_spec *spec)
{
	return spec->ns[NS_PID].mode == NS_HOST || spec->ns[NS_PID].mode == NS_CONTAINER;
}

static int start_keeper(const struct launch *l, int sock, struct launched *child,
			int *ret_exit_code, struct err *err)
{
	CLEAN(clean_fd) int mounts = -1;

	if (shares_pids(l->spec) && sync_expect(sock, SYNC_MOUNTS, &mounts, ret_exit_code, err) < 0)
		return -1;
	/* One that was not born says why on the socket. */
	if (child->pidfd < 0)
		return 0;
	return keeper_start(child->pidfd, mounts, l->keeper_title, l->arg, &child->keeper, err);
}

/*
 * The parent's mirror of the child's steps (runtime/child.c), up to their end: first what a new
 * container needs, then what every child goes through.
 */
static int lead(const struct launch *l, int sock, struct launched *child, int *ret_exit_code,
		struct err *err)
{
	CLEAN(clean_fd) int frames = -1;

	if (l->join < 0) {
		if (start_keeper(l, sock, child, ret_exit_code, err) < 0)
			return -1;
		if ((birth_makes_user(l) && id_map_write(l->ids, child->pid, err) < 0) ||
		    (l->spec->network == NETWORK_PASTA &&
		     l->network_start(l->arg, child->pid, -1, err) < 0) ||
		    sync_send(sock, SYNC_ID_MAPS, -1, err) < 0)
			return -1;
		if (l->spec->network == NETWORK_PRIVATE &&
		    (sync_expect(sock, SYNC_NETWORK, &frames, ret_exit_code, err) < 0 ||
		     l->network_start(l->arg, child->pid, frames, err) < 0))
			return -1;
		if (l->started(l->arg, child->pid, err) < 0)
			return -1;
	}
	if (l->spec->tty &&
	    sync_expect(sock, SYNC_TERMINAL, &child->terminal, ret_exit_code, err) < 0)
		return -1;
	return 0;
}

static int supervise(int sock, struct launched *child, int *ret_exit_code, struct err *err)
{
	int listener = -1;

	if (sync_expect(sock, SYNC_CALLS, &listener, ret_exit_code, err) < 0)
		return -1;
	/* It may be that calls can't be supervised here. */
	return listener < 0 ? 0 : supervisor_start(child->supervision, listener, child->pidfd,
						   child->joins, &child->supervisor, err);
}

/* Until there is something to read; the child may be waiting for a supervisor meanwhile. */
static void await_news(int fd, struct launched *child)
{
	for (;;) {
		struct pollfd p[1 + SUPERVISOR_POLLS] = { { .fd = fd, .events = POLLIN } };

		launched_polls(child, &p[1]);
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents)
			return;
		launched_answer(child, &p[1]);
	}
}

/* From there on: until the container's program is executed. */
static int follow(int sock, int report, struct launched *child, int *ret_exit_code, struct err *err)
{
	if (child->supervision && supervise(sock, child, ret_exit_code, err) < 0)
		return -1;
	await_news(sock, child);
	if (sync_expect(sock, SYNC_EXEC, NULL, ret_exit_code, err) < 0)
		return -1;
	await_news(report, child);
	return execute_await(report, child->program, ret_exit_code, err);
}

void launched_polls(const struct launched *child, struct pollfd ret[SUPERVISOR_POLLS])
{
	supervisor_polls(child->supervision, &child->supervisor, ret);
}

void launched_answer(struct launched *child, const struct pollfd polled[SUPERVISOR_POLLS])
{
	if (polled[0].revents || polled[1].revents)
		supervisor_again(child->supervision, child->pidfd, child->joins,
				 &child->supervisor);
}

void launched_sweep(const struct container_spec *spec, struct launched *child)
{
	if (shares_pids(spec))
		launched_done(child);
	else
		supervisor_finish(child->supervision, &child->supervisor);
}

void launched_done(struct launched *child)
{
	if (child->keeper > 0)
		proc_reap(child->keeper);
	child->keeper = 0;
	supervisor_done(&child->supervisor);
}

static void give_up(struct launched *child)
{
	if (child->pidfd >= 0)
		pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
	if (child->pid > 0)
		proc_reap(child->pid);
	launched_done(child);
	clean_fd(&child->pidfd);
	clean_fd(&child->terminal);
	clean_fd(&child->sync);
	clean_fd(&child->heard);
}

/* Nobody inside can be given pipes of ours: everybody there may open them, as /dev/stdout. */
static void open_pipes(const struct launch *l)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(l->stdio) && !l->spec->tty; i++)
		if (fstat(l->stdio[i], &st) == 0 && S_ISFIFO(st.st_mode))
			fchmod(l->stdio[i], 0666);
}

int launch(const struct launch *l, struct launched *ret, int *ret_exit_code, struct err *err)
{
	struct launched child = LAUNCHED_INIT;
	struct launch own = *l;
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	CLEAN(clean_fd) int program = -1;
	CLEAN(clean_fd) int heard = -1;
	CLEAN(clean_fd) int report = -1;
	int socks[2], ends[2];

	*ret_exit_code = 125;
	if (execute_prepare(&program, err) < 0 || sync_pair(&ours, &theirs, err) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	heard = ends[0];
	report = ends[1];
	child.program = l->spec->args.v[0];
	child.supervision = l->supervision;
	child.joins = l->join >= 0 || l->donors;
	own.program = program;
	own.report = report;
	own.stranger = !id_map_has_caller(l->ids);
	if (own.stranger)
		open_pipes(l);
	socks[0] = ours;
	socks[1] = theirs;
	if (birth(&own, socks, &child, err) < 0)
		return -1;
	close(fd_take(&theirs));
	close(fd_take(&report));
	if (lead(&own, ours, &child, ret_exit_code, err) < 0 ||
	    (!l->hold && follow(ours, heard, &child, ret_exit_code, err) < 0)) {
		give_up(&child);
		return -1;
	}
	if (child.pidfd < 0) {
		give_up(&child);
		return err_set(err, ERR_SYSTEM, "the container has ended meanwhile");
	}
	if (l->hold) {
		child.sync = fd_take(&ours);
		child.heard = fd_take(&heard);
	}
	*ret = child;
	return 0;
}

int launch_go(struct launched *child, int *ret_exit_code, struct err *err)
{
	CLEAN(clean_fd) int sock = fd_take(&child->sync);
	CLEAN(clean_fd) int heard = fd_take(&child->heard);

	*ret_exit_code = 125;
	if (sync_send(sock, SYNC_GO, -1, err) == 0 &&
	    follow(sock, heard, child, ret_exit_code, err) == 0)
		return 0;
	give_up(child);
	return -1;
}
