/*
 * Attaching: what a client (tiffin run, in the foreground) and a container's monitor say to each
 * other over a SOCK_SEQPACKET pair. A message is a frame: its kind, one byte, and its payload.
 *
 * The client owns the terminal and the signals; the monitor owns the container. Either may die:
 * the monitor goes on without a client, the client reports that its monitor is gone.
 */
#ifndef RUNTIME_ATTACH_H
#define RUNTIME_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "runtime/detach.h"

enum frame_kind {
	/* From the monitor. */
	FRAME_STARTED = 's', /* the container's program runs */
	FRAME_FAILED = 'f',  /* it does not: struct attach_failure */
	FRAME_STDOUT = 'o',  /* bytes */
	FRAME_STDERR = 'e',  /* bytes */
	FRAME_EXIT = 'x',    /* int: the exit status. The last frame, even if it runs again. */
	FRAME_TAKEN = 't',   /* the client's input: it may send more */
	FRAME_WARNING = 'n', /* struct err: what the user should know, and goes on */
	/* From the client. One that came by the listener says first which of the two it wants: */
	FRAME_ATTACH = 'a', /* the streams; answered: FRAME_STARTED */
	FRAME_WATCH = 'W',  /* the last FRAME_EXIT alone */
	FRAME_GO = 'g',	    /* the start of a container that is held, and where the payload, a byte,
			     * is 1 the streams; answered: FRAME_STARTED or FRAME_FAILED */
	FRAME_STDIN = 'i',  /* bytes; none: the end. One at a time: no signal waits behind it */
	FRAME_SIZE = 'w',   /* struct winsize: the terminal's new size */
	FRAME_SIGNAL = 'k', /* int: a signal for the container's first process */
	FRAME_CLOSED = 'c', /* char: nobody reads FRAME_STDOUT or FRAME_STDERR any more */
	FRAME_RELOAD = 'R', /* its network is to be started anew; answered as FRAME_GO */
	FRAME_LAST = 'L',   /* a user stops it: this run is its last. Answered: FRAME_TAKEN */
};

#define FRAME_DATA_MAX 32768

struct frame {
	char kind;
	char data[FRAME_DATA_MAX];
} __attribute__((packed));

struct attach_failure {
	int exit_code;
	struct err err;
};

/* Sends a frame, whole. -1 and errno (EAGAIN where the socket or flags say not to wait). */
int frame_send(int sock, enum frame_kind kind, const void *data, size_t len, int flags);
/* The payload's length; -1 and errno; -2: the peer has gone. */
int frame_receive(int sock, struct frame *ret);

/* Client: waits for FRAME_STARTED. *ret_exit_code is what to exit with where it fails. */
int attach_await_start(int sock, int *ret_exit_code, struct err *err);
/* Client that came by the listener: asks for the streams, and waits for FRAME_STARTED. */
int attach_ask(int sock, int *ret_exit_code, struct err *err);

/* What a client wants of a container. */
struct attach {
	int sock; /* to its monitor; lent */
	bool tty; /* it has a terminal, and so have we */
	bool with_stdin, no_stdout, no_stderr;
	bool keep_signals;    /* those that are sent to us are for us */
	struct detach detach; /* with a terminal only: else input is bytes */
	void (*warn)(const struct err *err); /* the user; may be NULL */
};

/*
 * Client: carries standard input, output and error, signals and the window's size until the
 * container ends, or the user types the keys to detach; the terminal is raw meanwhile, and restored
 * on every way out. *ret_exit_code is the container's, or 0.
 */
int attach_stream(const struct attach *a, int *ret_exit_code, struct err *err);

#endif
