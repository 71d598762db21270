/*
 * Launching: from a specification to a running first process, in namespaces of its own.
 *
 * Parent only. The child's side is runtime/child.c; read its table of steps first.
 *
 * runtime knows neither the store nor the network: what they do is handed in as functions. Those
 * marked "child" run in the container's namespaces, before its root is entered.
 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include <sys/ioctl.h>
#include <sys/types.h>

#include "base/err.h"
#include "runtime/idmap.h"
#include "runtime/spec.h"
#include "runtime/supervisor.h"

struct launch {
	const struct container_spec *spec;
	const struct id_map *ids;
	/*
	 * NULL; or ids are those of outer, the store's, by this mapping (id_map_through), and the
	 * container's user namespace is within one that has outer: runtime/between.h.
	 */
	const struct id_mapping *mapping;
	const struct id_map *outer;
	/*
	 * -1: new namespaces. A pidfd: that process's, as exec has it, and no function is called.
	 */
	int join;
	/*
	 * NULL, or for each kind of namespace that is another container's a pidfd of a process in
	 * it, else -1 (ns_enter). Their user namespace is one, and ids are its IDs.
	 */
	const int *donors;
	bool hold;	     /* the first process is not to run its program until launch_go */
	int n_preserved;     /* so many of our descriptors, from 3 on, are the container's, too */
	int n_listening;     /* and the first of those, which sd_listen_fds(3) finds */
	const struct supervision *supervision; /* of its calls, lent; NULL: none, as most have it */
	int stdio[3];	     /* the container's ends; unused with a terminal. Lent. */
	int program, report; /* launch's own affair: the child's side of runtime/execute.h */
	bool stranger;	     /* its own, too: the caller has no ID in the container */
	struct winsize size; /* of the terminal; 0 by 0: unknown */

	/*
	 * Child (with a mapping: root of the user namespace between, in a mount namespace that goes
	 * at once): mounts the root file system somewhere in its mount namespace, and opens it.
	 */
	int (*mount_root)(void *arg, int *ret_root, struct err *err);
	/*
	 * Child, nothing being mounted on the root yet: opens (O_PATH) what a mount shows that is
	 * neither a path of the host's nor a tmpfs. index: which of the specification's mounts it
	 * is.
	 */
	int (*open_source)(void *arg, size_t index, int root, int *ret_fd, struct err *err);
	/* Child: makes the network interface; the descriptor carries its frames. */
	int (*interface_up)(void *arg, int *ret_frames, struct err *err);
	/* Child, with no interface but loopback. */
	int (*loopback_up)(void *arg, struct err *err);
	/*
	 * Parent: starts what carries the frames, lent; or, with NETWORK_PASTA and frames of -1,
	 * what makes the interface in the namespaces of this process, before that goes on.
	 */
	int (*network_start)(void *arg, pid_t pid, int frames, struct err *err);
	/* Parent: the first process exists, and is about to run. */
	int (*started)(void *arg, pid_t pid, struct err *err);
	/* Keeper, a process beside the monitor (runtime/keeper.h): its title; may be NULL. */
	char *(*keeper_title)(void *arg);
	void *arg;
};

struct launched {
	pid_t pid; /* of the container's first process; to be reaped */
	int pidfd;
	int terminal; /* the pseudo-terminal's master, or -1 */
	pid_t keeper; /* 0: none; see launched_sweep */
	struct supervisor supervisor;
	/* To and from one that is held, or -1; what it is to execute, lent by the specification. */
	int sync, heard;
	const char *program;
	const struct supervision *supervision; /* lent, too */
	bool joins; /* namespaces that another supervisor is in already */
};
#define LAUNCHED_INIT                                                                   \
	{                                                                               \
		.pidfd = -1, .terminal = -1, .sync = -1, .heard = -1,                   \
		.supervisor = SUPERVISOR_INIT,                                          \
	}

/*
 * Returns when the container's program has been executed (with hold: when there is nothing left to
 * do but that). On failure nothing is left, and *ret_exit_code says what tiffin is to exit with:
 * 127 where the program is not there, 126 where it can't be executed, else 125.
 */
int launch(const struct launch *l, struct launched *ret, int *ret_exit_code, struct err *err);

/* Parent: has the first process that is held execute its program. As launch, else. */
int launch_go(struct launched *child, int *ret_exit_code, struct err *err);

/*
 * Parent, as long as it runs: what its supervisor wants to have polled, and what is to be done
 * then.
 */
void launched_polls(const struct launched *child, struct pollfd ret[SUPERVISOR_POLLS]);
void launched_answer(struct launched *child, const struct pollfd polled[SUPERVISOR_POLLS]);

/*
 * Parent, when the first process has ended: waits until none of the container's is left, where the
 * kernel does not see to that.
 */
void launched_sweep(const struct container_spec *spec, struct launched *child);
/* Parent, last of all: reaps who ends with the first process. */
void launched_done(struct launched *child);

#endif
