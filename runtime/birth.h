/*
 * A container's process is born: in new namespaces, in those of other containers, or in some of
 * each.
 *
 * Parent only; the process itself goes on in child_main (runtime/child.h).
 */
#ifndef RUNTIME_BIRTH_H
#define RUNTIME_BIRTH_H

#include "runtime/launch.h"

/* Has it a user namespace of its own, whose IDs are still to be mapped? */
bool birth_makes_user(const struct launch *l);
/*
 * socks: the ends of the sync pair, the parent's first. Where only the child knows why it failed,
 * ret->pid is 0 and the sync socket says it.
 */
int birth(const struct launch *l, const int socks[2], struct launched *ret, struct err *err);

#endif
