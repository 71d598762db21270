/*
 * The supervisor: a process beside the monitor that answers some of the container's system calls
 * (base/notify.h), where its network or its user namespace wants that.
 *
 * What it answers, and how, is handed in: runtime knows neither. Its life is the monitor's affair,
 * who keeps the listener, and starts another one should it die: calls wait meanwhile, as they do
 * while it is at work. It ends by itself when nobody is left who could make a call.
 *
 * Processes that exec adds, and health checks, are answered by the container's supervisor as well:
 * who starts them brings their listener to its door, a socket.
 *
 * A lazy one is started by the first call, or the first knock at its door; so is a listener brought
 * to the door by its first call. Until then the listener is all that there is.
 */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include <poll.h>

#include "base/notify_loop.h"

/* Lent to launch(); it outlives the container. */
struct supervision {
	const struct notify_call *calls; /* of one call's number and conditions each */
	size_t n_calls;
	/*
	 * Supervisor: adds handlers, before the first call. State that is to survive the supervisor
	 * lies in memory that was shared before. init: a pidfd of the container's first process; of
	 * exec's process, where the container has no supervisor. An error: it is to be tried again, by
	 * the next call; of a lazy one, that call fails (EAGAIN). NULL: there is the container's, or none.
	 */
	int (*prepare)(void *arg, struct notify_loop *loop, int init, struct err *err);
	bool lazy;
	bool required; /* it does not go without: those that it joins are supervised */
	/* Parent: a socket connected to the door of the container's supervisor, or -1. */
	int (*knock)(void *arg);
	int way;  /* a lent descriptor that knock has need of, or -1 */
	int door; /* ours, where others knock (SOCK_SEQPACKET), lent; or -1: who joins knocks */
	/* Lent descriptors, from 3 on, that the handlers have need of; they keep their numbers. */
	const int *keep;
	size_t n_keep;
	/* Supervisor: called first, as of the keeper; may be NULL. */
	void (*in_supervisor)(void *arg);
	void *arg;
};

struct supervisor {
	pid_t pid;    /* 0: none of ours runs */
	int alive;    /* readable when it is dead: a pidfd, or a socket to the container's; or -1 */
	int listener; /* -1: there is none, or the last has ended */
	int starts;
	struct notify_notes *notes;
};
#define SUPERVISOR_INIT { .alive = -1, .listener = -1 }

/*
 * Parent: starts it on a listener, which is taken over; a lazy one when it is called. init: see
 * prepare; lent. Where it joins namespaces that a supervisor is in already (exec's process, or a
 * container that joined another), the listener goes to the container's supervisor, if there is one,
 * and none is started.
 */
int supervisor_start(const struct supervision *s, int listener, int init, bool joins,
		     struct supervisor *ret, struct err *err);
#define SUPERVISOR_POLLS 2
/* Parent: what is to be polled. s: may be NULL, where there is none. */
void supervisor_polls(const struct supervision *s, const struct supervisor *v,
		      struct pollfd ret[SUPERVISOR_POLLS]);
/*
 * Parent, when one of these is ready: starts it; or reaps it, and starts another, or brings the
 * listener to another, where it did not end by itself. After a hundred of them the calls fail
 * (ENOSYS) from then on.
 */
void supervisor_again(const struct supervision *s, int init, bool joins, struct supervisor *v);
/*
 * Parent: its callers have ended; waits for it to end, too, as it has something to finish. Those
 * that exec's process leaves behind have the container's supervisor, from now on at the latest.
 */
void supervisor_finish(const struct supervision *s, struct supervisor *v);
/* Parent: ends it. */
void supervisor_done(struct supervisor *v);

#endif
