/*
 * Users and groups where the kernel has only one ID for the container (runtime/idmap.h, single):
 * its supervisor answers the calls that ask and tell who a process is, and whom a file belongs to.
 *
 * Who a process is, its credentials' number says (runtime/credentials.h), which the kernel keeps
 * for us: as a limit that it has no other use for, RLIMIT_LOCKS. It is inherited as credentials
 * are, by fork and by exec, one for all threads, and gone with the process; the calls that would
 * see it are answered, too. Who has none of ours is root.
 *
 * Whom a file belongs to is recorded beside it (base/owner.h), or, where its file system or its
 * kind has no such attributes, in the supervisor's shared memory, for as long as the container
 * runs.
 *
 * None of this keeps anybody from anything: to the kernel all of the container's processes are one
 * user, and it is the kernel that checks access. What can't be answered goes on to it.
 * docs/single.md says what a user notices.
 */
#ifndef RUNTIME_EMULATE_H
#define RUNTIME_EMULATE_H

#include "base/notify_loop.h"
#include "base/owner.h"
#include "runtime/spec.h"

/*
 * For who must not be looked into by the supervisor (an exec's process, before its program): as a
 * size for setgroups(2), which the kernel would refuse, it adds the one group whose number stands
 * for the list.
 */
#define EMULATE_ADD_GROUP 0x7ffffffe

/* For a struct supervision. */
const struct notify_call *emulate_calls(size_t *ret_n);
/* Bytes that outlive the supervisor, zeroed at first. */
size_t emulate_shared_size(void);
struct emulate {
	int init; /* a pidfd of a process of the container's */
	const struct container_spec *spec;
	const struct owner_list *owners; /* recorded before (base/owner.h) */
	int owners_fd;			 /* to write further ones to, or -1 */
	int upper;			 /* the container's own layer, or -1; taken over */
};
/*
 * Supervisor: adds the handler, and goes into the container's user and mount namespace for good.
 * What it is given is lent for as long as that lasts. An error ends it.
 */
int emulate_add(struct notify_loop *loop, const struct emulate *how, void *shared, struct err *err);

/* What it calls from then on, besides the loop (runtime/emulate_calls.c). */
extern const struct filter_list emulate_filter;

#endif
