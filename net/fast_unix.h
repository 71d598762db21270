/*
 * --network fast: connect(2) of a Unix socket, for a caller whose own call must not go on.
 */
#ifndef NET_FAST_UNIX_H
#define NET_FAST_UNIX_H

#include <sys/socket.h>

#include "base/notify_loop.h"

/*
 * Answers the call: a child connects the socket (a copy, lent) from where the caller is, with its users,
 * groups and capabilities; for as long as there is a caller. children counts those that are at it, from 0.
 * Only the process ID that the other end is shown is the child's.
 */
void fast_unix_connect(struct notify_loop *loop, const struct notification *n, int sock,
		       const struct sockaddr *a, socklen_t len, int *children);

#endif
