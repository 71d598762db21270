/*
 * A paused container: all of its processes are stopped (runtime/freeze.h), and its record says so for
 * this run (struct container's paused).
 */
#ifndef CMD_PAUSE_H
#define CMD_PAUSE_H

#include "cmd/command.h"
#include "storage/container.h"

/* Has it go on, paused or half paused; ERR_BUSY where it is neither. */
int pause_lift(const struct tiffin *t, const struct container *c, struct err *err);

#endif
