/*
 * Giving up: Ctrl-C, or a failure of one thread that makes the work of the others useless.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked in every thread and seen on a signalfd that all of them poll
 * and none reads, so that one signal ends whatever each of them is waiting for.
 */
#ifndef IMAGE_CANCEL_H
#define IMAGE_CANCEL_H

#include <stdbool.h>

#include "base/err.h"

struct cancel {
	int signals; /* a signalfd */
	int stopped; /* an eventfd */
};

/* Before the first thread is made. */
int cancel_init(struct cancel *ret, struct err *err);
void cancel_done(struct cancel *c);
/* From any thread. */
void cancel_now(const struct cancel *c);
/* A NULL cancel never is. */
bool cancel_wanted(const struct cancel *c);
/* Waits, and returns at once where it is wanted: is it? */
bool cancel_sleep(const struct cancel *c, int ms);
/* The error of whoever gave up for it. Returns -1. */
int cancel_err(struct err *err);

#endif
