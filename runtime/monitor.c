/*
 * Theory of operation
 *
 * One poll loop over: the container's first process (a pidfd), what it writes (two pipes, or the
 * terminal), and the client's socket. Output goes to the log first and then to the client; while a
 * frame waits for a slow client nothing more is read, so that a container that writes faster than
 * its reader waits, as it would in a pipeline. Input waits in the same way for the container.
 *
 * When the first process has ended the kernel has ended all others of its PID namespace, so the
 * pipes hold the last that was written: it is read to the end, the exit is recorded, and only then
 * told; a client that does not read delays nothing but its own news.
 */
#include "runtime/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/attach.h"
#include "runtime/log.h"

#define LOG_NONE (-2)

/* Frames that the client has not taken yet. */
struct queue {
	struct frame *frames;
	size_t *lengths;
	size_t n;
};

struct state {
	const struct monitor *m;
	struct launched child;
	int client;	/* -1: gone */
	int log;	/* -1: not open yet; LOG_NONE: can't be had */
	int input;	/* the container's stdin, or the terminal; -1: closed */
	int output[2];	/* stdout (or the terminal) and stderr; -1: at its end */
	struct queue queue;
	struct frame pending; /* input that the container has not taken yet */
	size_t pending_at, pending_len;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void drop_client(struct state *s)
{
	close_fd(&s->client);
	s->queue.n = 0;
	if (s->m->stdin_once && !s->m->launch.spec->tty && s->pending_len == 0)
		close_fd(&s->input);
}

static void enqueue(struct state *s, enum frame_kind kind, const void *data, size_t len)
{
	struct queue *q = &s->queue;

	q->frames = xrealloc(q->frames, (q->n + 1) * sizeof(*q->frames));
	q->lengths = xrealloc(q->lengths, (q->n + 1) * sizeof(*q->lengths));
	q->frames[q->n].kind = (char)kind;
	if (len)
		memcpy(q->frames[q->n].data, data, len);
	q->lengths[q->n++] = len;
}

/* Sends what waits, as far as the client takes it. */
static void flush(struct state *s, int flags)
{
	struct queue *q = &s->queue;
	size_t sent = 0;

	while (s->client >= 0 && sent < q->n) {
		const struct frame *f = &q->frames[sent];

		if (frame_send(s->client, (enum frame_kind)f->kind, f->data, q->lengths[sent], flags) < 0) {
			if (errno == EAGAIN)
				break;
			drop_client(s);
			return;
		}
		sent++;
	}
	if (s->client < 0)
		return;
	memmove(q->frames, q->frames + sent, (q->n - sent) * sizeof(*q->frames));
	memmove(q->lengths, q->lengths + sent, (q->n - sent) * sizeof(*q->lengths));
	q->n -= sent;
}

/* To the client, now where it takes it and nothing else waits. */
static void tell(struct state *s, enum frame_kind kind, const void *data, size_t len)
{
	if (s->client < 0)
		return;
	if (s->queue.n == 0 && frame_send(s->client, kind, data, len, MSG_DONTWAIT) == 0)
		return;
	enqueue(s, kind, data, len);
	flush(s, MSG_DONTWAIT);
}

/* Without a log the container goes on: it is not to be lost with a full disk. */
static void keep(struct state *s, int which, const char *data, size_t len)
{
	if (s->log == -1 && s->m->open_log(s->m->launch.arg, &s->log, NULL) < 0)
		s->log = LOG_NONE;
	if (s->log >= 0)
		log_append(s->log, which ? "stderr" : "stdout", data, len);
}

/* Reads once. False: nothing more for now, or ever. */
static bool read_output(struct state *s, int which)
{
	char data[FRAME_DATA_MAX];
	ssize_t n;

	if (s->output[which] < 0)
		return false;
	n = read(s->output[which], data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	/* EIO: the last one to have the terminal open has closed it. */
	if (n <= 0) {
		close_fd(&s->output[which]);
		return false;
	}
	keep(s, which, data, (size_t)n);
	if (s->m->attached)
		tell(s, which ? FRAME_STDERR : FRAME_STDOUT, data, (size_t)n);
	return true;
}

/* Gives the container the input that waits. */
static void write_input(struct state *s)
{
	while (s->input >= 0 && s->pending_len) {
		ssize_t n = write(s->input, s->pending.data + s->pending_at, s->pending_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			close_fd(&s->input); /* it does not want any more */
			break;
		}
		s->pending_at += (size_t)n;
		s->pending_len -= (size_t)n;
	}
	s->pending_len = 0;
	if (s->client < 0 && s->m->stdin_once && !s->m->launch.spec->tty)
		close_fd(&s->input);
}

static void hear_client(struct state *s)
{
	int n = frame_receive(s->client, &s->pending), sig;

	if (n < 0) {
		drop_client(s);
		return;
	}
	switch (s->pending.kind) {
	case FRAME_STDIN:
		s->pending_at = 0;
		s->pending_len = (size_t)n;
		if (n == 0 && !s->m->launch.spec->tty)
			close_fd(&s->input);
		write_input(s);
		break;
	case FRAME_SIZE:
		if (s->m->launch.spec->tty && n == (int)sizeof(struct winsize))
			ioctl(s->input, TIOCSWINSZ, s->pending.data);
		break;
	case FRAME_SIGNAL:
		memcpy(&sig, s->pending.data, sizeof(sig));
		pidfd_send_signal(s->child.pidfd, sig, NULL, 0);
		break;
	default:
		break;
	}
}

static void run_loop(struct state *s)
{
	for (;;) {
		/* What can't be taken is not asked for; a client's end is told in any case. */
		short hear = s->pending_len ? 0 : POLLIN;
		bool full = s->queue.n > 0;
		struct pollfd p[] = {
			{ .fd = s->child.pidfd, .events = POLLIN },
			{ .fd = full ? -1 : s->output[0], .events = POLLIN },
			{ .fd = full ? -1 : s->output[1], .events = POLLIN },
			{ .fd = s->client, .events = (short)(hear | (full ? POLLOUT : 0)) },
			{ .fd = s->pending_len ? s->input : -1, .events = POLLOUT },
		};

		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			continue;
		if (p[1].revents)
			read_output(s, 0);
		if (p[2].revents)
			read_output(s, 1);
		if (p[4].revents)
			write_input(s);
		if (p[3].revents & POLLOUT)
			flush(s, MSG_DONTWAIT);
		if (s->client >= 0 && (p[3].revents & POLLIN))
			hear_client(s);
		else if (s->client >= 0 && (p[3].revents & (POLLHUP | POLLERR)))
			drop_client(s);
		if (p[0].revents)
			return;
	}
}

/* A pipe whose container's end goes to *ret_theirs. Ours does not block. */
static int make_pipe(int *ret_ours, int *ret_theirs, bool we_write, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	*ret_ours = ends[we_write];
	*ret_theirs = ends[!we_write];
	if (fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "cannot make a pipe");
	return 0;
}

static int make_stdio(struct state *s, int theirs[3], struct err *err)
{
	const struct container_spec *spec = s->m->launch.spec;

	if (spec->tty)
		return 0;
	if (spec->open_stdin) {
		if (make_pipe(&s->input, &theirs[0], true, err) < 0)
			return -1;
	} else {
		theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (theirs[0] < 0)
			return err_sys(err, "cannot open '/dev/null'");
	}
	if (make_pipe(&s->output[0], &theirs[1], false, err) < 0 ||
	    make_pipe(&s->output[1], &theirs[2], false, err) < 0)
		return -1;
	return 0;
}

static int start(struct state *s, int *ret_exit_code, struct err *err)
{
	struct launch l = s->m->launch;
	int theirs[3] = { -1, -1, -1 };
	int result = make_stdio(s, theirs, err);

	memcpy(l.stdio, theirs, sizeof(theirs));
	if (result == 0)
		result = launch(&l, &s->child, ret_exit_code, err);
	for (int i = 0; i < 3; i++)
		close_fd(&theirs[i]);
	if (result == 0 && s->child.terminal >= 0) {
		fcntl(s->child.terminal, F_SETFL, O_NONBLOCK);
		s->input = fcntl(s->child.terminal, F_DUPFD_CLOEXEC, 0);
		s->output[0] = s->child.terminal;
	}
	return result;
}

/* Everything that we were born with and do not need: the user's pipes must see their end. */
static void let_go(const struct monitor *m, int client)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned int from = 3;

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close_fd(&null);
	for (;;) {
		int next = client >= (int)from ? client : -1;

		for (size_t i = 0; i < m->n_keep; i++)
			if (m->keep[i] >= (int)from && (next < 0 || m->keep[i] < next))
				next = m->keep[i];
		if (next < 0)
			break;
		if (next > (int)from)
			syscall(SYS_close_range, from, (unsigned int)next - 1, 0u);
		from = (unsigned int)next + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0u);
}

static _Noreturn void monitor_main(const struct monitor *m, int client)
{
	struct state s = {
		.m = m, .client = client, .log = -1, .input = -1, .output = { -1, -1 },
		.child = { .pidfd = -1, .terminal = -1 },
	};
	struct attach_failure failure = { 0 };
	int exit_code;

	setsid();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "tiffin-monitor");
	let_go(m, client);
	if (chdir("/") < 0 || start(&s, &failure.exit_code, &failure.err) < 0) {
		m->failed(m->launch.arg);
		frame_send(client, FRAME_FAILED, &failure, sizeof(failure), 0);
		_exit(0);
	}
	tell(&s, FRAME_STARTED, NULL, 0);
	run_loop(&s);
	exit_code = proc_reap(s.child.pid);
	for (int which = 0; which < 2; which++)
		while (read_output(&s, which))
			;
	m->exited(m->launch.arg, exit_code);
	tell(&s, FRAME_EXIT, &exit_code, sizeof(exit_code));
	flush(&s, 0);
	drop_client(&s);
	m->closing(m->launch.arg);
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
		close_fd(&ours);
		monitor_main(m, theirs);
	}
	*ret_client = fd_take(&ours);
	return 0;
}
