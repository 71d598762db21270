/*
 * Stopping all processes of a container, and having them go on: by SIGSTOP and SIGCONT.
 *
 * The container has no cgroup of its own whose freezer could do it. What can be told from a
 * freezer: who waits for a child (WUNTRACED), or asks for another's state, sees that it was
 * stopped.
 *
 * Parent only. init is the first process, and alive.
 */
#ifndef RUNTIME_FREEZE_H
#define RUNTIME_FREEZE_H

#include <jansson.h>

#include "base/err.h"
#include "base/proc.h"

/* Those that were stopped before, and are to stay so: [[pid, start], …]. NULL and an error. */
json_t *freeze_find_stopped(const struct proc_id *init, struct err *err);
/*
 * Stops all. ERR_BUSY: they do not stop, or multiply faster; then those that had been stopped go
 * on.
 */
int freeze_stop(const struct proc_id *init, const json_t *stopped, struct err *err);
/* Continues all but those. */
int freeze_continue(const struct proc_id *init, const json_t *stopped, struct err *err);

#endif
