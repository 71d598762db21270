/*
 * Sessions (tiffin unshare): a process that stays what it is, ID and all, and goes into a user
 * namespace in which it is root and the caller's subordinate IDs are mapped, with a mount namespace
 * of its own.
 *
 * What it executes, and what that does, is in the session as well. It knows by TIFFIN_UNSHARE in
 * its environment, which names the user namespace: whoever inherits that and not the namespace is
 * in none.
 */
#ifndef RUNTIME_SESSION_H
#define RUNTIME_SESSION_H

#include <stdbool.h>

#include "base/err.h"
#include "runtime/idmap.h"

/* The caller has one thread. Where it fails the process may be half way, and is to end. */
int session_enter(const struct id_map *map, struct err *err);
/* Are we in one? */
bool session_is_here(void);

#endif
