/*
 * Trying again: how often, and after how long.
 *
 * The wait doubles from attempt to attempt, and up to half of it is added by chance, so that many
 * who were refused together don't return together. A registry that says when to come back
 * (Retry-After) is believed up to a minute. What ran into a stall has waited already, and is tried
 * again at once.
 */
#ifndef IMAGE_RETRY_H
#define IMAGE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "image/cancel.h"

struct retry {
	int most;    /* attempts after the first that fail in a row; 0: none */
	int seconds; /* between two; -1: from 1 on, doubling */
};
#define RETRY_DEFAULT { .most = 3, .seconds = -1 }

/* One request's. */
struct retries {
	struct retry policy;
	const struct cancel *cancel;
	int made;
};

/*
 * After a failure: 1 where it is worth another attempt, once the time has come for it; 0 where not;
 * -1 where the wait was broken off, and err says so. retry_after: seconds, or -1.
 */
int retries_wait(struct retries *r, const struct err *why, int64_t retry_after, struct err *err);
/* The last one brought something: the next failure counts as the first. */
void retries_reset(struct retries *r);

#endif
