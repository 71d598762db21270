/*
 * Restart policies: whether a container whose run has ended runs again, and when.
 *
 * As docker has them: a container comes back after 100 ms, then after twice as long each time up to
 * a minute; one that ran for ten seconds begins anew. A policy says nothing of one that a user
 * stopped: that stays stopped.
 */
#ifndef RUNTIME_RESTART_H
#define RUNTIME_RESTART_H

#include <stdint.h>

#include "base/err.h"

enum restart_kind {
	RESTART_NO,
	RESTART_ALWAYS,
	RESTART_UNLESS_STOPPED, /* as always, but not after a boot where a user had stopped it */
	RESTART_ON_FAILURE,	/* exit statuses other than 0 */
};

struct restart_policy {
	enum restart_kind kind;
	int max; /* of RESTART_ON_FAILURE: so many times; 0: no limit */
};

/* "no", "always", "unless-stopped", "on-failure[:MAX]". */
int restart_policy_parse(const char *text, struct restart_policy *ret, struct err *err);
/* Docker's name, without the limit. */
const char *restart_policy_name(const struct restart_policy *p);

/* Zero-initialise. */
struct restarts {
	int count;     /* how often it has come back */
	int64_t delay; /* nanoseconds, before the last time */
};

/*
 * A run has ended: how long to wait before the next one, in nanoseconds, or -1 where there is none.
 * ran: how long it was, in nanoseconds. Counts the restart.
 */
int64_t restart_delay(const struct restart_policy *p, struct restarts *r, int exit_code,
		      int64_t ran);

#endif
