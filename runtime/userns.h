/*
 * A user namespace without a container: for what handles files of subordinate users (tiffin-image,
 * the removal of trees). Everything else stays the host's: mounts, network, processes.
 */
#ifndef RUNTIME_USERNS_H
#define RUNTIME_USERNS_H

#include "base/err.h"
#include "base/proc.h"
#include "runtime/idmap.h"

/* Starts a program as the namespace's root. The caller reaps *ret_pid. */
int userns_spawn(const struct id_map *map, const char *const argv[], const struct fd_map *fds,
		 pid_t *ret_pid, struct err *err);
/* Calls a function as the namespace's root, in a child; waits, and gives its value, 0 to 255. */
int userns_call(const struct id_map *map, int (*work)(void *arg), void *arg, int *ret_value,
		struct err *err);

/*
 * Calls a function as the namespace's root, in a child that has a mount namespace of its own, too;
 * gives the descriptor that it opens, which outlives the child and its mounts' names.
 */
int userns_open(const struct id_map *map, int (*work)(void *arg, int *ret_fd, struct err *err),
		void *arg, int *ret_fd, struct err *err);

/* Words the failure of a clone(2) or unshare(2) of namespaces, from errno, with the remedy. */
int namespaces_refused(struct err *err);

#endif
