/*
 * Sockets of the container's network namespace, made by its child while that is in it, for a supervisor
 * that will be where it can't make any: a process that enters the namespace for it costs milliseconds.
 */
#ifndef NET_FAST_BOX_H
#define NET_FAST_BOX_H

#include "base/err.h"
#include "net/fast.h"
#include "net/fast_socket.h"

/* Before the child is born: where they are taken out, and where they are put in; the caller's. */
int fast_box_make(int ret_ends[2], struct err *err);
/*
 * Child, in the namespace: so many of each family, up to FAST_SPARE_MAX. What was left there goes. Best effort:
 * a supervisor finds as many as there are.
 */
void fast_box_fill(const int ends[2], size_t n);
/* The sockets of one family; they are the caller's. 0: nothing is there, or nothing more. */
size_t fast_box_take(int box, int *ret_family, int ret[FAST_SPARE_MAX]);

#endif
