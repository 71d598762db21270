/*
 * Giving up: Ctrl-C, a failure of one thread that makes the work of the others useless, or that
 * nobody is left who wants to know the result.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked in every thread and seen on a signalfd that all of them
 * poll and none reads, so that one signal ends whatever each of them is waiting for.
 */
#ifndef IMAGE_CANCEL_H
#define IMAGE_CANCEL_H

#include <stdbool.h>

#include "base/err.h"

struct cancel {
	int signals;  /* a signalfd */
	int stopped;  /* an eventfd */
	int listener; /* borrowed */
};

/*
 * Before the first thread is made. listener: where the result goes; a pipe that nobody reads any
 * more (tiffin was killed) is seen, at a file or a terminal there is nothing to see.
 */
int cancel_init(struct cancel *ret, int listener, struct err *err);
void cancel_done(struct cancel *c);
/* From any thread. */
void cancel_now(const struct cancel *c);
/* After cancel_now, once no thread is left whom it was meant for. */
void cancel_reset(const struct cancel *c);
/* A NULL cancel never is. */
bool cancel_wanted(const struct cancel *c);
/* Waits, and returns at once where it is wanted: is it? */
bool cancel_sleep(const struct cancel *c, int ms);
/* Was it asked for from outside, and not by cancel_now? */
bool cancel_from_outside(const struct cancel *c);
/* The error of whoever gave up for it. Returns -1. */
int cancel_err(struct err *err);

#endif
