/*
 * Theory of operation
 *
 * One poll loop over: the container's first process (a pidfd), what it writes (two pipes, or the
 * terminal), and the clients: the one that started the container and those that attached since.
 * Output goes to the log first and then to the clients; while a frame waits for a slow one nothing
 * more is read, so that a container that writes faster than its reader waits, as it would in a
 * pipeline. Input waits in the same way for the container: a client hears when what it gave was
 * taken, and gives no more until then, so that its signals never wait behind it.
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

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/attach.h"
#include "runtime/client.h"
#include "runtime/health.h"
#include "runtime/restart.h"
#include "runtime/streams.h"

#define SECOND 1000000000LL
/* How often a container is looked for whose namespaces this one has. */
#define DONORS_NS     (SECOND / 10)
#define DONORS_MAX_NS (10 * SECOND)
#define EXIT_NOT_STARTED 125

struct state {
	const struct monitor *m;
	struct launched child;
	struct streams streams;
	struct client_set clients;
	int listener;	    /* where further clients come in, or -1 */
	struct restarts restarts;
	struct health_watch health;
	int64_t began;	    /* this run; this and the two below on the monotonic clock */
	int64_t kill_at;    /* INT64_MAX: never */
	int64_t restart_at; /* INT64_MAX: this run has not ended */
	int signals;	    /* where SIGTERM is read */
	int donors[NS_KINDS]; /* of a later run, each -1 or ours */
	bool last_run;	    /* it is not to run again, */
	bool by_user;	    /* as a user stops it */
	bool run_again;	    /* whatever its policy says */
	bool held;	    /* it waits for FRAME_GO, */
	int starter;	    /* from the client with this socket; -1: nobody has said it yet */
};

static void reload_network(struct state *s, struct client *c)
{
	struct attach_failure failure = { .exit_code = 125 };

	if (s->child.pidfd < 0 || !s->m->network_reload)
		err_set(&failure.err, ERR_BUSY, "it does not run");
	else if (s->m->network_reload(s->m->launch.arg, &failure.err) == 0) {
		client_tell(c, FRAME_STARTED, NULL, 0);
		return;
	}
	client_tell(c, FRAME_FAILED, &failure, sizeof(failure));
}

static int network_fd(const struct state *s)
{
	return s->m->network_fd ? s->m->network_fd(s->m->launch.arg) : -1;
}

/* The container goes on without; whoever looks at its output is told. */
static void hear_network(struct state *s)
{
	struct err loss = { .kind = ERR_NONE };

	if (!s->m->network_news(s->m->launch.arg, &loss))
		return;
	client_set_tell(&s->clients, FRAME_WARNING, &loss, sizeof(loss));
}

static void hear_client(struct state *s, struct client *c)
{
	struct frame f;
	int n = frame_receive(c->sock, &f), sig;

	if (n < 0) {
		client_drop(c);
		return;
	}
	switch (f.kind) {
	case FRAME_STDIN:
		c->gave = true;
		if (n == 0)
			streams_end_input(&s->streams);
		streams_give(&s->streams, f.data, (size_t)n);
		break;
	case FRAME_SIZE:
		if (s->m->launch.spec->tty && n == (int)sizeof(struct winsize))
			ioctl(s->streams.input, TIOCSWINSZ, f.data);
		break;
	case FRAME_CLOSED:
		/* A terminal is read on: its other clients see it, and it is both ways at once. */
		if (c->owner && n == 1 && !s->m->launch.spec->tty)
			clean_fd(&s->streams.output[f.data[0] == FRAME_STDERR]);
		break;
	case FRAME_SIGNAL:
		memcpy(&sig, f.data, sizeof(sig));
		pidfd_send_signal(s->child.pidfd, sig, NULL, 0);
		break;
	case FRAME_ATTACH:
		c->attached = true;
		client_tell(c, FRAME_STARTED, NULL, 0);
		break;
	case FRAME_GO:
		if (!s->held || s->starter >= 0) {
			client_drop(c);
			break;
		}
		s->starter = c->sock;
		c->attached = n == 1 && f.data[0];
		c->owner = true;
		break;
	case FRAME_RELOAD:
		reload_network(s, c);
		break;
	case FRAME_LAST:
		s->last_run = s->by_user = true;
		client_tell(c, FRAME_TAKEN, NULL, 0);
		break;
	default:
		break;
	}
}

/* What happened on a client's socket. */
static void serve_client(struct state *s, struct client *c, short revents)
{
	if (revents & POLLOUT)
		client_flush(c);
	if (c->sock >= 0 && (revents & POLLIN))
		hear_client(s, c);
	else if (c->sock >= 0 && (revents & (POLLHUP | POLLERR)))
		client_drop(c);
}

/* False: nobody is there. */
static bool accept_client(struct state *s)
{
	int sock = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0)
		return false;
	if (s->clients.n == CLIENTS_MAX) {
		close(sock);
		return true;
	}
	client_set_add(&s->clients, sock, false, false);
	return true;
}

/* Those who came when the end had come are to hear of it. */
static void accept_waiting(struct state *s)
{
	while (accept_client(s))
		;
}

/* Its first process gets a signal, and SIGKILL if it has not ended when its time is over. */
static void stop_run(struct state *s, int sig)
{
	int seconds = s->m->launch.spec->stop_timeout;

	pidfd_send_signal(s->child.pidfd, sig, NULL, 0);
	if (seconds >= 0)
		s->kill_at = now_monotonic() + seconds * SECOND;
}

/* The system goes down, or the service that we belong to does: the container is to end in order. */
static void hear_signal(struct state *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	s->last_run = true;
	stop_run(s, s->m->launch.spec->stop_signal);
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* It is not well: what is to be done about that happens here, once. */
static void act_on_health(struct state *s)
{
	const struct container_spec *spec = s->m->launch.spec;

	if (s->health.health->status != HEALTH_UNHEALTHY || spec->health.action == HEALTH_NONE)
		return;
	s->last_run = s->last_run || spec->health.action == HEALTH_STOP;
	s->run_again = spec->health.action == HEALTH_RESTART;
	stop_run(s, spec->health.action == HEALTH_KILL ? SIGKILL : spec->stop_signal);
}

/* Paused: its first process is stopped, and a check would be one that is not. */
static bool is_stopped(const struct state *s)
{
	uint64_t start;
	char process;

	return proc_read_stat(s->child.pid, &start, &process) == 0 && process == 'T';
}

static void see_to_health(struct state *s)
{
	enum health_news news;

	if (s->health.fd < 0 && is_stopped(s)) {
		s->health.next = now_monotonic() + s->m->launch.spec->health.interval;
		return;
	}
	news = health_watch_tick(&s->health, &s->child);
	if (news == HEALTH_NO_NEWS)
		return;
	if (s->m->health)
		s->m->health(s->m->launch.arg, s->health.health, news == HEALTH_CHANGED);
	if (news == HEALTH_CHANGED)
		act_on_health(s);
}

/* What poll(2) is to wait at most, in milliseconds; -1: for ever. */
static int time_left(const struct state *s)
{
	const int64_t deadlines[] = { s->kill_at, s->restart_at, s->health.next };
	int64_t first = INT64_MAX, left;

	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++)
		if (deadlines[i] < first)
			first = deadlines[i];
	if (first == INT64_MAX)
		return -1;
	/* Rounded up, or the last part of a millisecond would be spent in a busy loop. */
	left = (first - now_monotonic() + 999999) / 1000000;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void meet_deadlines(struct state *s)
{
	int64_t now = now_monotonic();

	if (now >= s->kill_at) {
		pidfd_send_signal(s->child.pidfd, SIGKILL, NULL, 0);
		s->kill_at = INT64_MAX;
	}
	if (now >= s->health.next)
		see_to_health(s);
}

enum {
	ON_END,
	ON_STDOUT,
	ON_STDERR,
	ON_INPUT,
	ON_LISTENER,
	ON_HEALTH,
	ON_SIGNAL,
	ON_NETWORK,
	ON_SUPERVISOR,
	ON_CLIENTS = ON_SUPERVISOR + SUPERVISOR_POLLS,
};

/* Until the process has ended; or, where it has already, until it is time to start it again. */
static void run_loop(struct state *s)
{
	for (;;) {
		/* What can't be taken is not asked for. */
		bool full = client_set_is_full(&s->clients);
		struct pollfd p[ON_CLIENTS + CLIENTS_MAX] = {
			[ON_END] = { .fd = s->child.pidfd, .events = POLLIN },
			[ON_STDOUT] = { .fd = full ? -1 : s->streams.output[0], .events = POLLIN },
			[ON_STDERR] = { .fd = full ? -1 : s->streams.output[1], .events = POLLIN },
			[ON_INPUT] = { .fd = streams_input_waits(&s->streams), .events = POLLOUT },
			[ON_LISTENER] = { .fd = s->listener, .events = POLLIN },
			[ON_HEALTH] = { .fd = s->health.fd, .events = POLLIN },
			[ON_SIGNAL] = { .fd = s->signals, .events = POLLIN },
			[ON_NETWORK] = { .fd = network_fd(s), .events = POLLIN },
		};
		size_t n = s->clients.n;

		launched_polls(&s->child, &p[ON_SUPERVISOR]);
		for (size_t i = 0; i < n; i++)
			p[ON_CLIENTS + i] = (struct pollfd){
				.fd = s->clients.v[i].sock,
				.events = (short)(POLLIN | (s->clients.v[i].n ? POLLOUT : 0)),
			};
		if (memory_poll(p, ON_CLIENTS + n, time_left(s)) < 0)
			continue;
		if (p[ON_STDOUT].revents)
			streams_read(&s->streams, 0);
		if (p[ON_STDERR].revents)
			streams_read(&s->streams, 1);
		if (p[ON_INPUT].revents)
			streams_write_input(&s->streams);
		for (size_t i = 0; i < n; i++)
			serve_client(s, &s->clients.v[i], p[ON_CLIENTS + i].revents);
		if (client_set_tidy(&s->clients))
			streams_end_input(&s->streams);
		if (p[ON_LISTENER].revents)
			accept_client(s);
		if (p[ON_SIGNAL].revents)
			hear_signal(s);
		if (p[ON_END].revents || (s->held && s->starter >= 0) || (s->child.pidfd < 0 && s->last_run) ||
		    now_monotonic() >= s->restart_at)
			return;
		if (p[ON_NETWORK].revents && p[ON_NETWORK].fd == network_fd(s))
			hear_network(s);
		launched_answer(&s->child, &p[ON_SUPERVISOR]);
		if (p[ON_HEALTH].revents)
			see_to_health(s);
		meet_deadlines(s);
	}
}

static int start(struct state *s, int *ret_exit_code, struct err *err)
{
	struct launch l = s->m->launch;
	int theirs[3] = { -1, -1, -1 };
	int result;

	*ret_exit_code = 125;
	result = streams_make(&s->streams, l.spec, theirs, err);

	if (s->began)
		l.n_preserved = l.n_listening = 0; /* the first run had them */
	if (s->began && l.donors)
		l.donors = s->donors;
	l.hold = s->held;
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

/* Before anybody else hears of it: what they do about that comes after, in the journal, too. */
static void note_running(const struct state *s)
{
	if (s->m->running)
		s->m->running(s->m->launch.arg, s->child.supervision && s->child.supervisor.listener < 0);
}

/* A run has begun: what is timed in it. */
static void begin_run(struct state *s)
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
static int finish_run(struct state *s)
{
	int exit_code;

	run_loop(s);
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
static void drop_run(struct state *s)
{
	clean_fd(&s->child.pidfd);
	streams_drop(&s->streams);
	launched_done(&s->child);
}

/* Is there to be another run? Then it is waited for until it is due, or a user says no. */
static bool await_restart(struct state *s, int exit_code)
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
	run_loop(s);
	return !s->last_run;
}

/*
 * Those whose namespaces it has may have come to an end with it, and be back in a moment. False: a user
 * has stopped it meanwhile, or there is no such container any more.
 */
static bool await_donors(struct state *s)
{
	int64_t delay = DONORS_NS;
	struct err err = { 0 };

	while (s->m->launch.donors && s->m->find_donors(s->m->launch.arg, s->donors, &err) < 0) {
		if (err.kind != ERR_BUSY)
			return false;
		s->restart_at = now_monotonic() + delay;
		run_loop(s);
		if (s->last_run)
			return false;
		delay = delay < DONORS_MAX_NS / 2 ? 2 * delay : DONORS_MAX_NS;
	}
	return true;
}

/* Again and again, as its policy says. Returns the exit status of the last run. */
static int keep_running(struct state *s)
{
	int exit_code = 0;

	do {
		struct err err = { 0 };

		if (s->began) {
			if (!await_donors(s))
				return s->last_run ? exit_code : EXIT_NOT_STARTED;
			if (start(s, &exit_code, &err) < 0)
				return exit_code;
			note_running(s);
			if (s->m->stdin_once)
				streams_end_input(&s->streams); /* the client that had it is gone */
		}
		begin_run(s);
		exit_code = finish_run(s);
	} while (await_restart(s, exit_code));
	return exit_code;
}

/*
 * Until somebody starts what is held. False: it has ended before, or could not be started; s->starter is to
 * be told why, if there is one.
 */
static bool await_go(struct state *s, struct attach_failure *ret)
{
	run_loop(s);
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

static _Noreturn void monitor_main(const struct monitor *m, int client)
{
	struct state s = {
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
	struct attach_failure failure = { .exit_code = 125 };
	int exit_code;

	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "tiffin-monitor");
	let_go(m, client);
	s.signals = watch_signals();
	if (chdir("/") < 0 || start(&s, &failure.exit_code, &failure.err) < 0) {
		m->failed(m->launch.arg);
		frame_send(client, FRAME_FAILED, &failure, sizeof(failure), 0);
		_exit(0);
	}
	if (!m->hold)
		note_running(&s);
	client_set_add(&s.clients, client, m->attached, true);
	client_tell(&s.clients.v[0], FRAME_STARTED, NULL, 0);
	if (m->open_listener)
		m->open_listener(m->launch.arg, &s.listener, NULL);
	if (m->hold && !await_go(&s, &failure)) {
		/* Who is told finds it as it was created. */
		m->failed(m->launch.arg);
		frame_send(s.starter, FRAME_FAILED, &failure, sizeof(failure), MSG_DONTWAIT);
		launched_done(&s.child);
		_exit(0);
	}
	exit_code = keep_running(&s);
	m->exited(m->launch.arg, exit_code, s.by_user);
	if (s.listener >= 0)
		accept_waiting(&s);
	client_set_end(&s.clients, exit_code, true);
	client_set_drain(&s.clients);
	m->closing(m->launch.arg);
	launched_done(&s.child);
	_exit(0);
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
