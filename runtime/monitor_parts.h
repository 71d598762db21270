/* What the parts of runtime/monitor*.c have in common: the monitor's state, and its loop. */
#ifndef RUNTIME_MONITOR_PARTS_H
#define RUNTIME_MONITOR_PARTS_H

#include "runtime/client.h"
#include "runtime/health.h"
#include "runtime/monitor.h"
#include "runtime/restart.h"
#include "runtime/streams.h"

#define SECOND 1000000000LL /* in nanoseconds */
#define EXIT_NOT_STARTED 125

struct monitor_state {
	const struct monitor *m;
	struct launched child;
	struct streams streams;
	struct client_set clients;
	int listener; /* where further clients come in, or -1 */
	struct restarts restarts;
	struct health_watch health;
	/* On the monotonic clock: */
	int64_t began;	    /* this run; 0: none has yet */
	int64_t kill_at;    /* INT64_MAX: never */
	int64_t restart_at; /* INT64_MAX: this run has not ended */
	int signals;	    /* where SIGTERM is read */
	int donors[NS_KINDS]; /* of a later run, each -1 or ours */
	bool last_run;	    /* it is not to run again, */
	bool by_user;	    /* as a user stops it */
	bool run_again;	    /* whatever its policy says */
	bool held;	    /* it waits for FRAME_GO, */
	int starter;	    /* from the client with this socket; -1: nobody has said it yet */
};

/* monitor_events.c */

/* From now on SIGTERM is monitor_loop's. Returns what is to be state.signals. */
int monitor_watch_signals(void);
/*
 * Sees to whatever happens, until the first process has ended; where none runs, until restart_at or
 * the word that it is not to run again; and where one is held, until somebody starts it.
 */
void monitor_loop(struct monitor_state *s);
/* Those who came when the end had come are to hear of it, too. */
void monitor_accept_waiting(struct monitor_state *s);

#endif
