/*
 * Theory of operation
 *
 * One poll loop (runtime/monitor_events.c) over: the container's first process (a pidfd), what it
 * writes (two pipes, or the terminal), and the clients: the one that started the container and
 * those that attached since. Output goes to the log first and then to the clients; while a frame
 * waits for a slow one nothing more is read, so that a container that writes faster than its reader
 * waits, as it would in a pipeline. Input waits in the same way for the container: a client hears
 * when what it gave was taken, and gives no more until then, so that its signals never wait behind
 * it.
 *
 * When the first process has ended the kernel has ended all others of its PID namespace, so the
 * pipes hold the last that was written: it is read to the end, the exit is recorded, and only then
 * told; a client that does not read delays nothing but its own news.
 *
 * Then the container may run again (runtime/restart.h). The loop goes on in between, without a
 * process and its streams: clients come and go, and a user who stops the container ends the wait.
 * All that is to happen at some time is a deadline on the monotonic clock. SIGTERM, which a system
 * that goes down sends, ends the container as a stop does; that is not the user's, whose policy may
 * bring it back after the boot.
 */
#include "runtime/monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/attach.h"
#include "runtime/monitor_parts.h"

/* How often a container is looked for whose namespaces this one has. */
#define DONORS_NS     (SECOND / 10)
#define DONORS_MAX_NS (10 * SECOND)

static int start(struct monitor_state *s, int *ret_exit_code, struct err *err)
{
	struct launch l = s->m->launch;
	int theirs[3] = { -1, -1, -1 };
	int result;

	if (s->began) {
		l.n_preserved = l.n_listening = 0; /* the first run had them */
		l.donors = l.donors ? s->donors : NULL;
	}
	l.hold = s->held;
	*ret_exit_code = EXIT_NOT_STARTED;
	result = streams_make(&s->streams, l.spec, theirs, err);
	memcpy(l.stdio, theirs, sizeof(theirs));
	if (result == 0)
		result = launch(&l, &s->child, ret_exit_code, err);
	for (int i = 0; i < 3; i++)
		clean_fd(&theirs[i]);
	for (int fd = 3; fd < 3 + l.n_preserved; fd++)
		close(fd);
	if (result == 0 && s->child.terminal >= 0)
		streams_take_terminal(&s->streams, fd_take(&s->child.terminal));
	return result;
}

/* Before anybody else hears of it: what they do about that comes after, in the journal, too. */
static void note_running(const struct monitor_state *s)
{
	bool unsupervised = s->child.supervision && s->child.supervisor.listener < 0;

	if (s->m->running)
		s->m->running(s->m->launch.arg, unsupervised);
}

/* A run has begun: what is timed in it. */
static void begin_run(struct monitor_state *s)
{
	const struct container_spec *spec = s->m->launch.spec;

	s->began = now_monotonic();
	s->kill_at = spec->run_timeout ? s->began + spec->run_timeout * SECOND : INT64_MAX;
	s->restart_at = INT64_MAX;
	s->run_again = false;
	health_watch_start(&s->health, spec, s->m->launch.ids);
	if (spec->health.test.n && s->m->health)
		s->m->health(s->m->launch.arg, s->health.health, false);
}

/* Carries a run to its end, and what it wrote to whoever wants it. Returns the exit status. */
static int finish_run(struct monitor_state *s)
{
	int exit_code;

	monitor_loop(s);
	exit_code = proc_reap(s->child.pid);
	launched_sweep(s->m->launch.spec, &s->child);
	health_watch_stop(&s->health);
	for (int which = 0; which < 2; which++)
		while (streams_read(&s->streams, which))
			;
	log_file_close(&s->streams.log);
	s->kill_at = INT64_MAX;
	return exit_code;
}

/* What the run that ended had; the next one gets its own. */
static void drop_run(struct monitor_state *s)
{
	clean_fd(&s->child.pidfd);
	streams_drop(&s->streams);
	launched_done(&s->child);
}

/* Is there to be another run? Then it is waited for until it is due, or a user says no. */
static bool await_restart(struct monitor_state *s, int exit_code)
{
	int64_t delay = restart_delay(&s->m->launch.spec->restart, &s->restarts, exit_code,
				      now_monotonic() - s->began);

	if (s->run_again && delay < 0)
		delay = 0;
	if (s->last_run || delay < 0)
		return false;
	drop_run(s);
	s->m->restarting(s->m->launch.arg, exit_code);
	client_set_end(&s->clients, exit_code, false);
	s->restart_at = now_monotonic() + delay;
	monitor_loop(s);
	return !s->last_run;
}

/*
 * Those whose namespaces it has may have come to an end with it, and be back in a moment. False: a
 * user has stopped it meanwhile, or there is no such container any more.
 */
static bool await_donors(struct monitor_state *s)
{
	int64_t delay = DONORS_NS;
	struct err err = { 0 };

	while (s->m->launch.donors && s->m->find_donors(s->m->launch.arg, s->donors, &err) < 0) {
		if (err.kind != ERR_BUSY)
			return false;
		s->restart_at = now_monotonic() + delay;
		monitor_loop(s);
		if (s->last_run)
			return false;
		delay = delay < DONORS_MAX_NS / 2 ? 2 * delay : DONORS_MAX_NS;
	}
	return true;
}

/* False: there is no further run, and *ret_exit_code is the container's. */
static bool start_again(struct monitor_state *s, int *ret_exit_code)
{
	struct err err = { 0 };

	if (!await_donors(s)) {
		if (!s->last_run)
			*ret_exit_code = EXIT_NOT_STARTED;
		return false;
	}
	if (start(s, ret_exit_code, &err) < 0)
		return false;
	note_running(s);
	if (s->m->stdin_once)
		streams_end_input(&s->streams); /* the client that had it is gone */
	return true;
}

/* Again and again, as its policy says. Returns the exit status of the last run. */
static int keep_running(struct monitor_state *s)
{
	int exit_code = 0;

	do {
		if (s->began && !start_again(s, &exit_code))
			break;
		begin_run(s);
		exit_code = finish_run(s);
	} while (await_restart(s, exit_code));
	return exit_code;
}

/*
 * Until somebody starts what is held. False: it has ended before, or could not be started;
 * s->starter is to be told why, if there is one.
 */
static bool await_go(struct monitor_state *s, struct attach_failure *ret)
{
	monitor_loop(s);
	s->held = false;
	if (s->starter < 0) {
		proc_reap(s->child.pid);
		return false;
	}
	if (s->m->launch.started(s->m->launch.arg, s->child.pid, &ret->err) < 0 ||
	    launch_go(&s->child, &ret->exit_code, &ret->err) < 0)
		return false;
	note_running(s);
	frame_send(s->starter, FRAME_STARTED, NULL, 0, MSG_DONTWAIT);
	return true;
}

/* Everything that we were born with and do not need: the user's pipes must see their end. */
static void let_go(const struct monitor *m, int client)
{
	CLEAN(clean_free) int *keep = xcalloc(m->n_keep + 1, sizeof(*keep));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	clean_fd(&null);
	memcpy(keep, m->keep, m->n_keep * sizeof(*keep));
	keep[m->n_keep] = client;
	close_all_but(3 + m->launch.n_preserved, keep, m->n_keep + 1);
}

static void detach(const struct monitor *m, int client)
{
	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "tiffin-monitor");
	let_go(m, client);
}

/* Who started it is told why. */
static _Noreturn void give_up(struct monitor_state *s, int starter,
			      const struct attach_failure *failure)
{
	/* First, so that who is told finds it as it was created. */
	s->m->failed(s->m->launch.arg);
	frame_send(starter, FRAME_FAILED, failure, sizeof(*failure), MSG_DONTWAIT);
	launched_done(&s->child);
	_exit(0);
}

static _Noreturn void end(struct monitor_state *s, int exit_code)
{
	s->m->exited(s->m->launch.arg, exit_code, s->by_user);
	if (s->listener >= 0)
		monitor_accept_waiting(s);
	client_set_end(&s->clients, exit_code, true);
	client_set_drain(&s->clients);
	s->m->closing(s->m->launch.arg);
	launched_done(&s->child);
	_exit(0);
}

static _Noreturn void monitor_main(const struct monitor *m, int client)
{
	struct monitor_state s = {
		.m = m, .listener = -1,
		.streams = {
			.clients = &s.clients,
			.log = { .config = &m->log, .dir = m->log_dir, .fd = -1 },
			.keep_input = !m->stdin_once || m->launch.spec->tty,
			.input = -1, .output = { -1, -1 },
		},
		.child = LAUNCHED_INIT,
		.health = { .fd = -1, .next = INT64_MAX },
		.kill_at = INT64_MAX, .restart_at = INT64_MAX,
		.held = m->hold, .starter = -1,
		.donors = { [0 ... NS_KINDS - 1] = -1 },
	};
	struct attach_failure failure = { .exit_code = EXIT_NOT_STARTED };

	detach(m, client);
	s.signals = monitor_watch_signals();
	if (chdir("/") < 0 || start(&s, &failure.exit_code, &failure.err) < 0)
		give_up(&s, client, &failure);
	if (!m->hold)
		note_running(&s);
	client_set_add(&s.clients, client, m->attached, true);
	client_tell(&s.clients.v[0], FRAME_STARTED, NULL, 0);
	if (m->open_listener)
		m->open_listener(m->launch.arg, &s.listener, NULL);
	if (m->hold && !await_go(&s, &failure))
		give_up(&s, s.starter, &failure);
	end(&s, keep_running(&s));
}

int monitor_start(const struct monitor *m, int *ret_client, struct err *err)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "cannot make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "cannot start the container's monitor");
	if (pid == 0) {
		close(fd_take(&ours));
		monitor_main(m, theirs);
	}
	*ret_client = fd_take(&ours);
	return 0;
}
