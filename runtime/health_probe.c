/*
 * Theory of operation
 *
 * A probe is an exec of its own: a process between, forked off the monitor, launches the test in
 * the container's namespaces, collects what it writes, and kills it when its time is over. The
 * monitor, meanwhile, goes on with its container; the result comes over a pipe, in one piece.
 *
 * The process between ends with the monitor, and the test with it. It keeps nothing that the
 * monitor has open: the container's lock and clients must not wait for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/health.h"
#include "runtime/launch.h"

/* How long after the first process the test may be stopped. */
#define PAUSING_NS 100000000

struct probed {
	struct launched test;
	pid_t init; /* the container's first process */
};

/* Reads once; what is beyond the most that is kept is read and forgotten. False: the end. */
static bool collect(int fd, struct health_result *r)
{
	char data[4096];
	ssize_t n = read(fd, data, sizeof(data));
	size_t room = sizeof(r->output) - r->len;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n > 0) {
		memcpy(r->output + r->len, data, (size_t)n < room ? (size_t)n : room);
		r->len += (size_t)n < room ? (size_t)n : room;
	}
	return n > 0;
}

static bool is_stopped(pid_t pid)
{
	uint64_t start;
	char state;

	return proc_read_stat(pid, &start, &state) == 0 && state == 'T';
}

/*
 * The test's time is over. But where its container is paused, or being paused, it is not: the test
 * has its whole time again once it goes on. Returns until when, or -1.
 */
static int64_t next_deadline(const struct probed *t, int64_t timeout)
{
	siginfo_t news;

	if (!is_stopped(t->init))
		return -1;
	if (!is_stopped(t->test.pid))
		return now_monotonic() + PAUSING_NS;
	waitid(P_PID, (id_t)t->test.pid, &news, WCONTINUED | WEXITED | WNOWAIT);
	return now_monotonic() + timeout;
}

/* Until the test has ended: 0, or -1 where its time was over before. */
static int follow(struct probed *t, int output, int64_t timeout, struct health_result *r)
{
	int64_t deadline = now_monotonic() + timeout;

	for (;;) {
		int64_t left = (deadline - now_monotonic()) / 1000000;
		struct pollfd p[2 + SUPERVISOR_POLLS] = {
			{ .fd = t->test.pidfd, .events = POLLIN },
			{ .fd = output, .events = POLLIN },
		};

		launched_polls(&t->test, &p[2]);

		if (left < 0 && (deadline = next_deadline(t, timeout)) < 0)
			return -1;
		if (left < 0)
			continue;
		if (poll(p, ARRAY_SIZE(p), left >= INT32_MAX ? INT32_MAX : (int)left + 1) < 0)
			continue;
		if (p[1].revents && !collect(output, r))
			output = -1;
		if (p[0].revents) {
			/*
			 * What it left behind may go on writing: only what is there now is its own.
			 */
			while (output >= 0 && poll(&p[1], 1, 0) > 0 && r->len < sizeof(r->output) &&
			       collect(output, r))
				;
			return 0;
		}
		launched_answer(&t->test, &p[2]);
	}
}

static void say(struct health_result *r, const char *text)
{
	r->exit_code = -1;
	r->len = strlen(text) < sizeof(r->output) ? strlen(text) : sizeof(r->output);
	memcpy(r->output, text, r->len);
}

/* Its calls are the container's, and so is who answers them. */
static const struct supervision *as_visitor(const struct supervision *of_container,
					    struct supervision *ret)
{
	if (!of_container)
		return NULL;
	*ret = *of_container;
	ret->door = -1;
	ret->prepare = NULL;
	return ret;
}

static void perform(const struct container_spec *spec, const struct id_map *ids,
		    const struct launched *run, struct health_result *r)
{
	struct container_spec test = *spec;
	struct supervision supervision;
	struct launch l = {
		.spec = &test,
		.ids = ids,
		.join = run->pidfd,
		.supervision = as_visitor(run->supervision, &supervision),
		.stdio = { -1, -1, -1 },
	};
	struct probed probed = { .init = run->pid };
	struct err err = { 0 };
	int ends[2];

	test.args = spec->health.test;
	test.tty = false;
	l.stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l.stdio[0] < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		say(r, strerror(errno));
		return;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	l.stdio[1] = l.stdio[2] = ends[1];
	if (launch(&l, &probed.test, &r->exit_code, &err) < 0) {
		say(r, err.text);
		return;
	}
	close(ends[1]);
	if (follow(&probed, ends[0], spec->health.timeout, r) == 0) {
		r->exit_code = proc_reap(probed.test.pid);
	} else {
		pidfd_send_signal(probed.test.pidfd, SIGKILL, NULL, 0);
		proc_reap(probed.test.pid);
		snprintf(err.text, sizeof(err.text), "Health check exceeded timeout (%lld ms)",
			 (long long)(spec->health.timeout / 1000000));
		say(r, err.text);
	}
	supervisor_finish(l.supervision, &probed.test.supervisor);
	launched_done(&probed.test);
}

static void begin_probe(struct health_watch *w, const struct launched *run)
{
	struct health_result r = { .start = now_realtime() };
	pid_t monitor = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	w->pid = fork();
	if (w->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != monitor)
			_exit(0);
		close_all_but(3,
			      (int[]){ run->pidfd, ends[1],
				       run->supervision ? run->supervision->way : -1 },
			      3);
		perform(w->spec, w->ids, run, &r);
		r.end = now_realtime();
		write_all(ends[1], &r, sizeof(r), NULL);
		_exit(0);
	}
	close(ends[1]);
	w->fd = ends[0];
}

/* Without the whole of a result the probe has failed. */
static void end_probe(struct health_watch *w, struct health_result *ret)
{
	CLEAN(buf_done) struct buf text = { 0 };

	if (read_all(w->fd, sizeof(*ret), &text, NULL) == 0 && text.len == sizeof(*ret)) {
		memcpy(ret, text.data, sizeof(*ret));
	} else {
		*ret = (struct health_result){ .start = now_realtime(), .end = now_realtime() };
		say(ret, "the health check's process has died");
	}
	close(w->fd);
	w->fd = -1;
	if (w->pid > 0)
		proc_reap(w->pid);
}

void health_watch_start(struct health_watch *w, const struct container_spec *spec,
			const struct id_map *ids)
{
	int64_t now = now_monotonic();

	*w = (struct health_watch){ .spec = spec, .ids = ids, .began = now, .fd = -1 };
	w->next = INT64_MAX;
	if (spec->health.test.n) {
		w->health = xcalloc(1, sizeof(*w->health));
		w->next = now + spec->health.interval;
	}
}

enum health_news health_watch_tick(struct health_watch *w, const struct launched *run)
{
	const struct health_check *check = &w->spec->health;
	struct health_result r;
	bool starting;

	if (w->fd < 0) {
		begin_probe(w, run);
		w->next = w->fd < 0 ? now_monotonic() + check->interval : INT64_MAX;
		return HEALTH_NO_NEWS;
	}
	end_probe(w, &r);
	starting = now_monotonic() - w->began < check->start_period;
	w->next = now_monotonic() + check->interval;
	return health_judge(w->health, check, &r, starting) ? HEALTH_CHANGED : HEALTH_RESULT;
}

void health_watch_stop(struct health_watch *w)
{
	if (w->fd >= 0) {
		close(w->fd);
		kill(w->pid, SIGKILL);
		proc_reap(w->pid);
	}
	free(w->health);
	w->health = NULL;
	w->fd = -1;
	w->next = INT64_MAX;
}
