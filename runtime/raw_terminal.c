#include "runtime/raw_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"

/* Of what we set; the kernel and the C library keep more there than they tell. */
static bool same_modes(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag;
}

/*
 * Out of reach of the signals that the client's group or session gets. It has the terminal and the
 * pipe, and nothing else of the user's: nobody waits for the end of a pipe that it holds.
 */
static _Noreturn void guard(const struct raw_terminal *t, int pipe)
{
	struct termios now;
	sigset_t all;
	char byte;

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "tiffin-terminal");
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	if (dup3(pipe, 3, O_CLOEXEC) < 0 && pipe != 3)
		_exit(1);
	syscall(SYS_close_range, 4u, ~0u, 0u);
	if (read(3, &byte, 1) == 0 && tcgetattr(STDIN_FILENO, &now) == 0 &&
	    same_modes(&now, &t->raw))
		tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
	_exit(0);
}

/* Where it can't be had, the client alone restores. */
static void start_guardian(struct raw_terminal *t)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	t->guard = ends[1];
	t->guardian = fork();
	if (t->guardian == 0) {
		close(ends[1]);
		guard(t, ends[0]);
	}
	close(ends[0]);
}

void raw_terminal_enter(struct raw_terminal *t)
{
	if (tcgetattr(STDIN_FILENO, &t->before) < 0)
		return;
	t->raw = t->before;
	cfmakeraw(&t->raw);
	start_guardian(t);
	t->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &t->raw) == 0;
}

void raw_terminal_leave(struct raw_terminal *t)
{
	if (t->is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
	t->is_raw = false;
	if (t->guard >= 0)
		close(fd_take(&t->guard));
	/* The modes are not ours any more: it finds nothing to do. */
	if (t->guardian > 0)
		proc_reap(t->guardian);
	t->guardian = 0;
}
