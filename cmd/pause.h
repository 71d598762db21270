/*
 * A paused container: all of its processes are stopped (runtime/freeze.h), and its record says so
 * for this run (struct container's paused).
 */
#ifndef CMD_PAUSE_H
#define CMD_PAUSE_H

#include <sys/types.h>

#include "cmd/command.h"
#include "storage/container.h"

/* Has it go on, paused or half paused; ERR_BUSY where it is neither. */
int pause_lift(const struct tiffin *t, const struct container *c, struct err *err);

/*
 * Keeps a container that runs from running, for as long as something is done to it: until
 * pause_release, or our own end, however that comes. One that does not run, or is paused already,
 * is left as it is.
 */
struct pause_hold {
	int pipe;
	pid_t guardian;
};
#define PAUSE_HOLD_INIT { .pipe = -1 }

int pause_hold(struct tiffin *t, const struct container *c, struct pause_hold *ret,
	       struct err *err);
void pause_release(struct pause_hold *h);

#endif
