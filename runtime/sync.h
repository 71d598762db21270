/*
 * The sync protocol: how a parent and the child it cloned agree on where they are.
 *
 * One SOCK_SEQPACKET pair, one kind of message: the stage that has been reached, or what went
 * wrong, and at most one descriptor. Each side names the stage it expects; another one is an error.
 * The end of the stream is an error at every stage but SYNC_EXEC, where the kernel's closing of the
 * close-on-exec socket is the news that the child's part is done: the rest is told by
 * runtime/execute.h.
 *
 * The child never prints: it reports, and the parent words the message.
 */
#ifndef RUNTIME_SYNC_H
#define RUNTIME_SYNC_H

#include <sys/types.h>

#include "base/err.h"

enum sync_stage {
	SYNC_FAILED,   /* either way: err and exit_code say how */
	SYNC_MOUNTS,   /* child: its mount namespace is the descriptor */
	SYNC_ID_MAPS,  /* parent: the child's IDs mean something now */
	SYNC_NETWORK,  /* child: the interface is up; its frames are the descriptor */
	SYNC_TERMINAL, /* child: the pseudo-terminal's master is the descriptor */
	SYNC_GO,       /* parent: a first process that was held may go on */
	SYNC_TREE,     /* helper: a file system's root, or a mount, is the descriptor */
	SYNC_CALLS,    /* child: its calls come by the descriptor, if any (runtime/supervisor.h) */
	SYNC_EXEC,     /* child: by closing */
};

struct sync_msg {
	enum sync_stage stage;
	int exit_code; /* with SYNC_FAILED: 125 or 126 */
	struct err err;
};

int sync_pair(int *ret_parent, int *ret_child, struct err *err);
/* pass_fd is lent; -1 for none. */
int sync_send(int sock, enum sync_stage stage, int pass_fd, struct err *err);
/* Best effort: there is nobody else to tell. */
void sync_fail(int sock, int exit_code, const struct err *why);
/*
 * Waits until the peer reaches the stage. Where it reports a failure instead, err is that failure
 * and *ret_exit_code (may be NULL) its exit code. *ret_fd (may be NULL) is the caller's.
 */
int sync_expect(int sock, enum sync_stage stage, int *ret_fd, int *ret_exit_code, struct err *err);

/* fork(2), and returns as that does; *ret_sock is each side's end of a pair between the two. */
pid_t sync_fork(int *ret_sock, struct err *err);
/*
 * A descriptor that a process of its own makes, and hands over with SYNC_TREE: for what can be had
 * only where there is no way back from, such as another namespace.
 */
int sync_fetch(int (*make)(const void *arg, int *ret_fd, struct err *err), const void *arg,
	       int *ret_fd, struct err *err);

#endif
