/*
 * Theory of operation
 *
 * With the terminal's own line editing switched off, nothing is echoed, and Ctrl-C is a byte like
 * any other: no signal can end us while the terminal is not as it was found, and no handler is
 * needed. What comes as a signal all the same (kill, hang-up) waits until it is.
 */
#include "cmd/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define LINE_MAX_BYTES 4096
#define STDIN_MAX      (1u << 20)

enum {
	CTRL_C = 3,
	CTRL_D = 4,
	BACKSPACE = 8,
	CTRL_U = 21,
	DELETE = 127,
};

static int interrupted(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "interrupted");
}

/* Takes the last character off: of UTF-8, all bytes of it. What was echoed is taken back. */
static void rub_out(struct buf *line, bool echo)
{
	if (line->len && echo)
		write_all(STDERR_FILENO, "\b \b", 3, NULL);
	while (line->len && ((unsigned char)line->data[--line->len] & 0xc0) == 0x80)
		;
	if (line->data)
		line->data[line->len] = '\0';
}

/* 1: the line is complete; 0: there is more to come. */
static int take_byte(struct buf *line, char c, bool echo, struct err *err)
{
	switch (c) {
	case '\r':
	case '\n':
		return 1;
	case CTRL_C:
		return interrupted(err);
	case CTRL_D:
		return line->len ? 1 : interrupted(err);
	case BACKSPACE:
	case DELETE:
		rub_out(line, echo);
		return 0;
	case CTRL_U:
		while (line->len)
			rub_out(line, echo);
		return 0;
	default:
		if ((unsigned char)c < ' ' || line->len == LINE_MAX_BYTES)
			return 0;
		buf_add(line, &c, 1);
		if (echo)
			write_all(STDERR_FILENO, &c, 1, NULL);
		return 0;
	}
}

static int read_line(int signals, bool echo, struct buf *line, struct err *err)
{
	struct pollfd p[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	int done = 0;
	char c;

	while (!done) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for the terminal");
		if (p[1].revents)
			return interrupted(err);
		if (!p[0].revents)
			continue;
		if (read(STDIN_FILENO, &c, 1) != 1)
			return interrupted(err);
		done = take_byte(line, c, echo, err);
	}
	return done < 0 ? -1 : 0;
}

static void clean_line(struct buf *line)
{
	if (line->data)
		explicit_bzero(line->data, line->cap);
	buf_done(line);
}

int prompt(const char *question, bool echo, char **ret, struct err *err)
{
	CLEAN(clean_line) struct buf line = { 0 };
	CLEAN(clean_fd) int signals = -1;
	struct termios before, raw;
	sigset_t ending, mask;
	int result;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return err_set(err, ERR_USAGE,
			       "cannot ask for '%.*s': standard input is no terminal",
			       (int)strcspn(question, ":"), question);
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ending, &mask);
	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	write_all(STDERR_FILENO, question, strlen(question), NULL);
	result = read_line(signals, echo, &line, err);
	write_all(STDERR_FILENO, "\n", 1, NULL);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (result == 0)
		*ret = xstrdup(buf_str(&line));
	return result;
}

int prompt_yes(const char *question, bool *ret, struct err *err)
{
	CLEAN(clean_free) char *answer = NULL;

	if (isatty(STDIN_FILENO)) {
		if (prompt(question, true, &answer, err) < 0)
			return -1;
	} else {
		char first;

		if (read(STDIN_FILENO, &first, 1) != 1)
			return err_set(err, ERR_USAGE,
				       "there is nobody to ask: --force goes without");
		answer = xstrndup(&first, 1);
	}
	*ret = answer && (*answer == 'y' || *answer == 'Y');
	return 0;
}

int read_stdin_secret(char **ret, struct err *err)
{
	CLEAN(clean_line) struct buf text = { 0 };
	char chunk[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read standard input");
		if (text.len + (size_t)n > STDIN_MAX)
			return err_set(err, ERR_USAGE, "standard input is too long for a password");
		buf_add(&text, chunk, (size_t)n);
	}
	explicit_bzero(chunk, sizeof(chunk));
	if (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (text.len && text.data[text.len - 1] == '\r')
		text.data[--text.len] = '\0';
	*ret = xstrdup(buf_str(&text));
	return 0;
}
