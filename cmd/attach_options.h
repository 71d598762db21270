/*
 * What run, start, attach and exec are told about the streams that they carry.
 */
#ifndef CMD_ATTACH_OPTIONS_H
#define CMD_ATTACH_OPTIONS_H

#include "base/err.h"
#include "base/str.h"
#include "cmd/opt.h"
#include "runtime/attach.h"

/* Zero-initialise. */
struct attach_options {
	char *detach_keys; /* NULL: the default */
	bool keep_signals; /* --sig-proxy=false */
	struct strv streams; /* run's -a; none: all that there are */
};

/* The rows of a struct attach_options: of all four; of all but exec; of run alone. */
extern const struct opt detach_opts[], attach_opts[], attach_stream_opts[];

void attach_options_done(struct attach_options *o);

/*
 * Checks them, and says what they mean for a client: all of *ret but the socket. tty: the container
 * has a terminal; interactive: its input is open.
 */
int attach_options_parse(const struct attach_options *o, bool tty, bool interactive,
			 struct attach *ret, struct err *err);

#endif
