#include "runtime/attach.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "runtime/raw_terminal.h"

int frame_send(int sock, enum frame_kind kind, const void *data, size_t len, int flags)
{
	char byte = (char)kind;
	struct iovec iov[] = {
		{ .iov_base = &byte, .iov_len = 1 },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	ssize_t n;

	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL | flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int frame_receive(int sock, struct frame *ret)
{
	ssize_t n;

	/*
	 * ECONNRESET, once: the peer closed with something of ours unread. What it had sent before
	 * comes next, and then the end.
	 */
	do
		n = recv(sock, ret, sizeof(*ret), 0);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -1;
	return n == 0 ? -2 : (int)n - 1;
}

int attach_await_start(int sock, int *ret_exit_code, struct err *err)
{
	struct attach_failure failure;
	struct frame f;
	int n = frame_receive(sock, &f);

	if (n >= 0 && f.kind == FRAME_STARTED)
		return 0;
	*ret_exit_code = 125;
	if (n != (int)sizeof(failure) || f.kind != FRAME_FAILED)
		return err_set(err, ERR_SYSTEM, "the container's monitor has died");
	memcpy(&failure, f.data, sizeof(failure));
	*ret_exit_code = failure.exit_code;
	*err = failure.err;
	return -1;
}

int attach_ask(int sock, int *ret_exit_code, struct err *err)
{
	*ret_exit_code = 125;
	if (frame_send(sock, FRAME_ATTACH, NULL, 0, 0) < 0)
		return err_set(err, ERR_SYSTEM, "the container's monitor has gone");
	return attach_await_start(sock, ret_exit_code, err);
}

/*
 * What a user sends to the client is meant for the container: all that can be caught, but for what
 * the kernel sends us on our own account.
 */
static bool is_passed_on(int sig)
{
	static const int ours[] = { SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGURG, SIGSEGV, SIGBUS,
				    SIGILL,  SIGFPE,  SIGTRAP, SIGABRT, SIGSYS, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (sig == ours[i])
			return false;
	return sig < 32 || sig >= SIGRTMIN; /* the C library has two to itself */
}

/*
 * Blocks them, and makes a descriptor of them. Who is no terminal and keeps them stops as others
 * do.
 */
static int watch_signals(const struct attach *a, sigset_t *ret_before, struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (int sig = 1; sig < NSIG; sig++)
		if (is_passed_on(sig) && (a->tty || !a->keep_signals || sig != SIGTSTP))
			sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, ret_before);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(err, "cannot watch for signals") : fd;
}

static void send_size(const struct attach *a)
{
	struct winsize size;

	if (a->tty && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row)
		frame_send(a->sock, FRAME_SIZE, &size, sizeof(size), 0);
}

/*
 * With a terminal, what the user types goes to the container as bytes, and a signal is meant for
 * us, as docker has it. Returns the one to die of, or 0.
 */
static int pass_on_signal(const struct attach *a, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGWINCH)
			send_size(a);
		else if (!a->tty && !a->keep_signals)
			frame_send(a->sock, FRAME_SIGNAL, &sig, sizeof(sig), 0);
		else if (sig != SIGCONT && sig != SIGTSTP)
			return sig;
	}
	return 0;
}

enum input {
	INPUT_OPEN,
	INPUT_GIVEN, /* not taken yet: nothing more is read until it is */
	INPUT_ENDED,
	INPUT_DETACHED, /* by the keys */
};

static enum input pass_on_input(int sock, struct detach *detach)
{
	char data[FRAME_DATA_MAX], typed[FRAME_DATA_MAX - DETACH_KEYS_MAX];
	ssize_t n = read(STDIN_FILENO, typed, sizeof(typed));
	bool detached;
	size_t len;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return INPUT_OPEN;
	if (n <= 0) {
		frame_send(sock, FRAME_STDIN, NULL, 0, 0);
		return INPUT_ENDED;
	}
	detached = detach_filter(detach, typed, (size_t)n, data, &len);
	/* A frame of nothing would be the end. */
	if (len)
		frame_send(sock, FRAME_STDIN, data, len, 0);
	return detached ? INPUT_DETACHED : len ? INPUT_GIVEN : INPUT_OPEN;
}

/* Output that was received and not written yet. */
struct output {
	struct frame frame;
	size_t at, len;
};

static int output_fd(const struct output *o)
{
	return o->frame.kind == FRAME_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
}

/*
 * Writes as much as a pipe that poll(2) found writable surely takes, so that we never block where a
 * signal would go unheard. Where nobody reads any more ("| head"), the container is to find that
 * out as it would without us between.
 */
static void write_output(int sock, struct output *o)
{
	size_t most = o->len < PIPE_BUF ? o->len : PIPE_BUF;
	ssize_t n = write(output_fd(o), o->frame.data + o->at, most);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		frame_send(sock, FRAME_CLOSED, &o->frame.kind, 1, 0);
		n = (ssize_t)o->len;
	}
	o->at += (size_t)n;
	o->len -= (size_t)n;
}

static void warn_user(const struct attach *a, const struct frame *f, int n)
{
	struct err err;

	if (!a->warn || n != (int)sizeof(err))
		return;
	memcpy(&err, f->data, sizeof(err));
	a->warn(&err);
}

/* 1: go on; 0: the container has ended; -1 */
static int handle_frame(const struct attach *a, struct output *o, int *ret_exit_code,
			struct err *err)
{
	int n = frame_receive(a->sock, &o->frame);

	if (n == -2)
		return err_set(err, ERR_SYSTEM,
			       "the container's monitor has died: the container is "
			       "gone, and its exit status is not known");
	if (n < 0)
		return err_sys(err, "cannot hear from the container's monitor");
	switch (o->frame.kind) {
	case FRAME_STDOUT:
	case FRAME_STDERR:
		o->at = 0;
		o->len = o->frame.kind == FRAME_STDOUT ? (a->no_stdout ? 0 : (size_t)n) :
							  (a->no_stderr ? 0 : (size_t)n);
		return 1;
	case FRAME_WARNING:
		warn_user(a, &o->frame, n);
		return 1;
	case FRAME_EXIT:
		memcpy(ret_exit_code, o->frame.data, sizeof(int));
		return 0;
	default:
		return 1;
	}
}

/* Until the container ends, the user detaches, or we are to die of *ret_signal. */
static int stream(const struct attach *a, int signals, int *ret_exit_code, int *ret_signal,
		  struct err *err)
{
	enum input input = a->with_stdin ? INPUT_OPEN : INPUT_ENDED;
	struct detach detach = a->tty ? a->detach : (struct detach){ 0 };
	struct output out = { .len = 0 };

	while (input != INPUT_DETACHED) {
		struct pollfd p[] = {
			{ .fd = out.len ? -1 : a->sock, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = input == INPUT_OPEN ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = out.len ? output_fd(&out) : -1, .events = POLLOUT },
		};
		int more;

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for the container");
		if (p[1].revents && (*ret_signal = pass_on_signal(a, signals)))
			return 0;
		if (p[0].revents) {
			more = handle_frame(a, &out, ret_exit_code, err);
			if (more <= 0)
				return more;
			if (out.frame.kind == FRAME_TAKEN && input == INPUT_GIVEN)
				input = INPUT_OPEN;
		}
		if (p[3].revents)
			write_output(a->sock, &out);
		if (p[2].revents)
			input = pass_on_input(a->sock, &detach);
	}
	*ret_exit_code = 0;
	return 0;
}

int attach_stream(const struct attach *a, int *ret_exit_code, struct err *err)
{
	CLEAN(clean_fd) int signals = -1;
	CLEAN(raw_terminal_leave) struct raw_terminal terminal = RAW_TERMINAL_INIT;
	int result, deadly = 0;
	sigset_t before;

	*ret_exit_code = 125;
	signals = watch_signals(a, &before, err);
	if (signals < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	/* Without input the terminal is to go on making signals of Ctrl-C and the like. */
	if (a->tty && a->with_stdin)
		raw_terminal_enter(&terminal);
	send_size(a);
	result = stream(a, signals, ret_exit_code, &deadly, err);
	raw_terminal_leave(&terminal);
	if (deadly) {
		signal(deadly, SIG_DFL);
		raise(deadly); /* comes with the next line */
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
