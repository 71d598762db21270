/*
 * The user's terminal, raw while it is a container's, and as it was before on every way out.
 *
 * A client that is killed can restore nothing. So a process of its own waits beside it, on a pipe
 * that only the client has the other end of: when that is closed, in whichever way, it sets the
 * modes that were there before, if the ones that are there now are still ours.
 *
 * Client only.
 */
#ifndef RUNTIME_RAW_TERMINAL_H
#define RUNTIME_RAW_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct raw_terminal {
	struct termios before, raw;
	bool is_raw;
	int guard; /* the pipe's end */
	pid_t guardian;
};
#define RAW_TERMINAL_INIT { .guard = -1 }

/* Makes standard input's terminal raw. Where there is none, nothing is done. */
void raw_terminal_enter(struct raw_terminal *t);
void raw_terminal_leave(struct raw_terminal *t);

#endif
