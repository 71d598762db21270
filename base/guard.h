/*
 * Calls that must not block, on what others can change meanwhile: a signal interrupts them. One thread, and
 * SIGALRM and ITIMER_REAL are ours.
 */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

#include <stdbool.h>

/* Once, before the first. */
void guard_prepare(void);
/* Around such a call: it ends with EINTR. */
void guard(bool on);
/*
 * Of a descriptor that a container has or had, too, unless it is -1, which it becomes: who closes a socket
 * last waits for its peer, as long as SO_LINGER says.
 */
void guard_close(int *fd);

#endif
