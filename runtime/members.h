/*
 * A container's processes, as the host sees them: all that are in its PID namespace or in one
 * beneath it. Where it shares another's PID namespace, those in its mount namespace.
 *
 * Parent only. What /proc says of them may be read, and they may be signalled, whatever users they
 * run as: whoever made a user namespace has all capabilities in it (user_namespaces(7)).
 */
#ifndef RUNTIME_MEMBERS_H
#define RUNTIME_MEMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/proc.h"

struct member {
	pid_t pid;
	uint64_t start; /* as in struct proc_id */
	char state;	/* proc_pid_stat(5), field 3 */
};

/*
 * init is the container's first process, and alive. In the order of their IDs. The caller frees.
 */
int members_list(const struct proc_id *init, struct member **ret, size_t *ret_n, struct err *err);
/* Signals one, unless it has ended meanwhile. */
void member_signal(const struct member *m, int sig);

#endif
