/*
 * The supervisor: a process beside the monitor that answers some of the container's system calls
 * (base/notify.h), where its network or its user namespace wants that.
 *
 * What it answers, and how, is handed in: runtime knows neither. Its life is the monitor's affair, who
 * keeps the listener, and starts another one should it die: calls wait meanwhile, as they do while it is
 * at work. It ends by itself when nobody is left who could make a call.
 *
 * Processes that exec adds are answered by the container's supervisor as well: their monitor brings
 * their listener to its door, a socket.
 */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include "base/notify_loop.h"

/* Lent to launch(); it outlives the container. */
struct supervision {
	const struct notify_call *calls; /* of one call's number and conditions each */
	size_t n_calls;
	/*
	 * Supervisor: adds handlers, before the first call. State that is to survive the supervisor lies in
	 * memory that was shared before. init: a pidfd of the container's first process; of exec's process,
	 * where the container has no supervisor.
	 */
	int (*prepare)(void *arg, struct notify_loop *loop, int init, struct err *err);
	/* Parent: the socket of the container's supervisor, to which exec connects; -1: there is none. */
	int (*knock)(void *arg);
	int door; /* where others knock (SOCK_SEQPACKET, listening), lent; or -1 */
	/* Lent descriptors, from 3 on, that the handlers have need of; they keep their numbers. */
	const int *keep;
	size_t n_keep;
	/* Supervisor: called first, as of the keeper; may be NULL. */
	void (*in_supervisor)(void *arg);
	void *arg;
};

struct supervisor {
	pid_t pid;    /* 0: none of ours runs */
	int alive;    /* readable when it has died: a pidfd, or a socket to the container's; or -1 */
	int listener; /* or -1 */
	int starts;
	struct notify_notes *notes;
};
#define SUPERVISOR_INIT { .alive = -1, .listener = -1 }

/*
 * Parent: starts it on a listener, which is taken over. init: see prepare; lent. Where it joins
 * namespaces that a supervisor is in already (exec's process, or a container that joined another), the
 * listener goes to the container's supervisor, if there is one, and none is started.
 */
int supervisor_start(const struct supervision *s, int listener, int init, bool joins,
		     struct supervisor *ret, struct err *err);
/*
 * Parent, when alive is readable: reaps it, and starts another, or brings the listener to another, where it
 * did not end by itself. After a hundred of them the calls fail (ENOSYS) from then on.
 */
void supervisor_again(const struct supervision *s, int init, bool joins, struct supervisor *v);
/* Parent: its callers have ended; waits for it to end, too, as it has something to finish. */
void supervisor_finish(struct supervisor *v);
/* Parent: ends it. */
void supervisor_done(struct supervisor *v);

#endif
