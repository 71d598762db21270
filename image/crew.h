/*
 * Threads that do a list of jobs side by side, with a connection each.
 */
#ifndef IMAGE_CREW_H
#define IMAGE_CREW_H

#include <stddef.h>

#include "base/err.h"
#include "image/cancel.h"
#include "image/registry.h"

struct crew {
	const struct registry *registry;
	const struct cancel *cancel;
	size_t most; /* threads at a time; up to CREW_MOST */
	/* From any of the threads: the job of that number. h is the thread's own. */
	int (*work)(void *arg, size_t job, struct http *h, struct err *err);
	void *arg;
};
#define CREW_MOST 4

/*
 * Returns when all n jobs are done, or one has failed: that failure is the one to tell of, and the
 * others are told to give up (cancel_now). ERR_SYSTEM: no thread can be had.
 */
int crew_run(const struct crew *crew, size_t n, struct err *err);

#endif
