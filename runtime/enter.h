/*
 * Into the user namespace of a container that runs, without any of its others: what this process
 * does to files is done as the container's root, and no program, library or mount of the
 * container's gets in its way (CVE-2019-14271).
 */
#ifndef RUNTIME_ENTER_H
#define RUNTIME_ENTER_H

#include "base/err.h"
#include "base/proc.h"

/*
 * In a child with one thread, which is to end then. *ret_root: the container's root directory, with
 * all that is mounted in it (O_PATH); one that is being started is waited for, for it sees the
 * host's until then. BUSY: it does not run any more, or does not get that far.
 */
int enter_as_root(const struct proc_id *init, int *ret_root, struct err *err);

#endif
