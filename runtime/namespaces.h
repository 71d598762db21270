/*
 * Namespaces one by one: each is the container's own, the host's, or another container's.
 *
 * A namespace belongs to a user namespace, and only who has capabilities there may enter it. So a
 * container that joins one of another's is born in that one's user namespace, and makes its other
 * namespaces in it: its IDs are the other's.
 */
#ifndef RUNTIME_NAMESPACES_H
#define RUNTIME_NAMESPACES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum ns_kind {
	NS_USER,
	NS_PID,
	NS_IPC,
	NS_UTS,
	NS_CGROUP,
	NS_NETWORK,
	NS_KINDS,
};

enum ns_mode {
	NS_OWN,	      /* which others may join */
	NS_PRIVATE,   /* ipc: which nobody may join */
	NS_NONE,      /* ipc: the same, without /dev/shm */
	NS_HOST,
	NS_CONTAINER, /* another container's */
};

struct ns_spec {
	enum ns_mode mode;
	char *container; /* its ID, with NS_CONTAINER; owned by whoever has the array */
};

/* "pid", as in the record and in messages. */
const char *ns_name(enum ns_kind kind);
/* CLONE_NEW… of clone(2). */
uint64_t ns_flag(enum ns_kind kind);

/* Is any of them another container's: the user namespace is that one's, then. */
bool ns_joins(const struct ns_spec ns[NS_KINDS]);
/* CLONE_NEW… of those to be made with the container. */
uint64_t ns_new_flags(const struct ns_spec ns[NS_KINDS]);
/* CLONE_NEW… of those that are not the host's, for who joins the container in all of them. */
uint64_t ns_join_flags(const struct ns_spec ns[NS_KINDS]);

void ns_specs_done(struct ns_spec ns[NS_KINDS]);
/* For the record: an object of those that are not the container's own. The caller decrefs. */
json_t *ns_specs_to_json(const struct ns_spec ns[NS_KINDS]);
int ns_specs_from_json(const json_t *j, struct ns_spec ret[NS_KINDS], struct err *err);

/*
 * Helper, a process that is to be nobody else's any more: enters the donors' namespaces, first the
 * user namespace. donors: a pidfd for each kind, or -1.
 */
int ns_enter(const int donors[NS_KINDS], struct err *err);
/* Have the two processes one user namespace? ERR_SYSTEM where one of them has ended. */
int ns_same_user(pid_t a, pid_t b, bool *ret, struct err *err);

#endif
