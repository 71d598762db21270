/*
 * The streams of a run: what the monitor carries between the container and its clients and log.
 *
 * Monitor only. A struct streams owns its descriptors, which do not block; the clients are lent.
 */
#ifndef RUNTIME_STREAMS_H
#define RUNTIME_STREAMS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/client.h"
#include "runtime/log_file.h"
#include "runtime/spec.h"

struct streams {
	struct client_set *clients;
	struct log_file log;
	int input;	 /* the container's stdin, or the terminal; -1: closed */
	int output[2];	 /* stdout (or the terminal) and stderr; -1: at its end */
	bool keep_input; /* it does not end with the client that gives it */
	struct buf pending; /* input that the container has not taken yet, */
	size_t taken;	    /* but for so much of it */
	bool input_ends;    /* once that has been taken */
};

/*
 * Makes the pipes. The container's ends go to theirs, for the caller to close; none for a terminal.
 */
int streams_make(struct streams *s, const struct container_spec *spec, int theirs[3],
		 struct err *err);
/* Takes the master of its terminal over. */
void streams_take_terminal(struct streams *s, int terminal);
/* Closes all; another run may follow. */
void streams_drop(struct streams *s);

/*
 * Reads stdout (0) or stderr (1) once, for clients and log. False: nothing more for now, or ever.
 */
bool streams_read(struct streams *s, int which);
/* Input for the container: as much as it takes now, the rest waits. */
void streams_give(struct streams *s, const char *data, size_t len);
/* Nobody will give any more, where the input ends with the client. */
void streams_end_input(struct streams *s);
/* What poll(2) is to ask whether it can be written to; -1: nothing waits. */
int streams_input_waits(const struct streams *s);
/* Gives the container what waits, and thanks the clients when it has all. */
void streams_write_input(struct streams *s);

#endif
