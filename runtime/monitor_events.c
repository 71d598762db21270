/* What the monitor reacts to while it waits: runtime/monitor.c says what for. */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/attach.h"
#include "runtime/monitor_parts.h"

static void reload_network(struct monitor_state *s, struct client *c)
{
	struct attach_failure failure = { .exit_code = EXIT_NOT_STARTED };

	if (s->child.pidfd < 0 || !s->m->network_reload)
		err_set(&failure.err, ERR_BUSY, "it does not run");
	else if (s->m->network_reload(s->m->launch.arg, &failure.err) == 0) {
		client_tell(c, FRAME_STARTED, NULL, 0);
		return;
	}
	client_tell(c, FRAME_FAILED, &failure, sizeof(failure));
}

static int network_fd(const struct monitor_state *s)
{
	return s->m->network_fd ? s->m->network_fd(s->m->launch.arg) : -1;
}

/* The container goes on without; whoever looks at its output is told. */
static void hear_network(struct monitor_state *s)
{
	struct err loss = { .kind = ERR_NONE };

	if (!s->m->network_news(s->m->launch.arg, &loss))
		return;
	client_set_tell(&s->clients, FRAME_WARNING, &loss, sizeof(loss));
}

static void hear_client(struct monitor_state *s, struct client *c)
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
		if (n != (int)sizeof(sig))
			break;
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
static void serve_client(struct monitor_state *s, struct client *c, short revents)
{
	if (revents & POLLOUT)
		client_flush(c);
	if (c->sock >= 0 && (revents & POLLIN))
		hear_client(s, c);
	else if (c->sock >= 0 && (revents & (POLLHUP | POLLERR)))
		client_drop(c);
}

/* False: nobody is there. */
static bool accept_client(struct monitor_state *s)
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

void monitor_accept_waiting(struct monitor_state *s)
{
	while (accept_client(s))
		;
}

/* Its first process gets a signal, and SIGKILL if it has not ended when its time is over. */
static void stop_run(struct monitor_state *s, int sig)
{
	int seconds = s->m->launch.spec->stop_timeout;

	pidfd_send_signal(s->child.pidfd, sig, NULL, 0);
	if (seconds >= 0)
		s->kill_at = now_monotonic() + seconds * SECOND;
}

/* The system goes down, or the service that we belong to does: the container is to end in order. */
static void hear_signal(struct monitor_state *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	s->last_run = true;
	stop_run(s, s->m->launch.spec->stop_signal);
}

int monitor_watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* It is not well: what is to be done about that happens here, once. */
static void act_on_health(struct monitor_state *s)
{
	const struct container_spec *spec = s->m->launch.spec;

	if (s->health.health->status != HEALTH_UNHEALTHY || spec->health.action == HEALTH_NONE)
		return;
	s->last_run = s->last_run || spec->health.action == HEALTH_STOP;
	s->run_again = spec->health.action == HEALTH_RESTART;
	stop_run(s, spec->health.action == HEALTH_KILL ? SIGKILL : spec->stop_signal);
}

/* Paused: its first process is stopped, and a check would be one that is not. */
static bool is_stopped(const struct monitor_state *s)
{
	uint64_t start;
	char process;

	return proc_read_stat(s->child.pid, &start, &process) == 0 && process == 'T';
}

static void see_to_health(struct monitor_state *s)
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
static int time_left(const struct monitor_state *s)
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

static void meet_deadlines(struct monitor_state *s)
{
	int64_t now = now_monotonic();

	if (now >= s->kill_at) {
		pidfd_send_signal(s->child.pidfd, SIGKILL, NULL, 0);
		s->kill_at = INT64_MAX;
	}
	if (now >= s->health.next)
		see_to_health(s);
}

/* What is polled, and in which place; the clients come last. */
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
	POLLS_MAX = ON_CLIENTS + CLIENTS_MAX,
};

static struct pollfd readable(int fd)
{
	return (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* Returns how many of p there are. */
static size_t collect_polls(const struct monitor_state *s, struct pollfd p[POLLS_MAX])
{
	/* What can't be taken is not asked for. */
	bool full = client_set_is_full(&s->clients);

	p[ON_END] = readable(s->child.pidfd);
	p[ON_STDOUT] = readable(full ? -1 : s->streams.output[0]);
	p[ON_STDERR] = readable(full ? -1 : s->streams.output[1]);
	p[ON_INPUT] = (struct pollfd){ .fd = streams_input_waits(&s->streams), .events = POLLOUT };
	p[ON_LISTENER] = readable(s->listener);
	p[ON_HEALTH] = readable(s->health.fd);
	p[ON_SIGNAL] = readable(s->signals);
	p[ON_NETWORK] = readable(network_fd(s));
	launched_polls(&s->child, &p[ON_SUPERVISOR]);
	for (size_t i = 0; i < s->clients.n; i++) {
		p[ON_CLIENTS + i] = readable(s->clients.v[i].sock);
		if (s->clients.v[i].n)
			p[ON_CLIENTS + i].events |= POLLOUT;
	}
	return ON_CLIENTS + s->clients.n;
}

/* Between the container and its clients. */
static void carry(struct monitor_state *s, const struct pollfd *p, size_t n)
{
	if (p[ON_STDOUT].revents)
		streams_read(&s->streams, 0);
	if (p[ON_STDERR].revents)
		streams_read(&s->streams, 1);
	if (p[ON_INPUT].revents)
		streams_write_input(&s->streams);
	for (size_t i = ON_CLIENTS; i < n; i++)
		serve_client(s, &s->clients.v[i - ON_CLIENTS], p[i].revents);
	if (client_set_tidy(&s->clients))
		streams_end_input(&s->streams);
}

/* Where no process is to end: has what is waited for come? */
static bool is_due(const struct monitor_state *s)
{
	return (s->held && s->starter >= 0) || (s->child.pidfd < 0 && s->last_run) ||
	       now_monotonic() >= s->restart_at;
}

void monitor_loop(struct monitor_state *s)
{
	struct pollfd p[POLLS_MAX];

	for (;;) {
		size_t n = collect_polls(s, p);

		if (memory_poll(p, n, time_left(s)) < 0)
			continue;
		carry(s, p, n);
		if (p[ON_LISTENER].revents)
			accept_client(s);
		if (p[ON_SIGNAL].revents)
			hear_signal(s);
		if (p[ON_END].revents || is_due(s))
			return;
		/* A client may have had it started anew just now. */
		if (p[ON_NETWORK].revents && p[ON_NETWORK].fd == network_fd(s))
			hear_network(s);
		launched_answer(&s->child, &p[ON_SUPERVISOR]);
		if (p[ON_HEALTH].revents)
			see_to_health(s);
		meet_deadlines(s);
	}
}
