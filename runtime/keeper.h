/*
 * The keeper: a process beside the monitor that ends the container when the monitor dies, and with
 * a container that has no PID namespace of its own all of its processes.
 *
 * The kernel's own tie (PR_SET_PDEATHSIG) is undone by the first change of user, as su and gosu
 * make it: prctl(2). And the end of a first process takes the others along only in a PID namespace
 * that it is the first of.
 */
#ifndef RUNTIME_KEEPER_H
#define RUNTIME_KEEPER_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Monitor: starts it for the process; to be reaped after that has ended, when nothing is left of
 * the container. mount_ns: -1, or the mount namespace by which the container's processes are known,
 * where their PID namespace is not their own. Both descriptors are lent. title may be NULL; it is
 * called in the keeper, with arg, and returns what the keeper is to be called, which is never
 * freed.
 */
int keeper_start(int pidfd, int mount_ns, char *(*title)(void *arg), void *arg, pid_t *ret_pid,
		 struct err *err);

#endif
