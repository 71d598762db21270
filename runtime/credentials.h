/*
 * The users and groups that a process has, and which of them it may change: the rules of
 * credentials(7), setuid(2), setreuid(2), setresuid(2), setfsuid(2), setgroups(2) and chown(2), for
 * those whom the kernel has only one ID for (runtime/emulate.h).
 *
 * Values without side effects, but for the sets, which remember values by number. Errors are
 * errnos.
 */
#ifndef RUNTIME_CREDENTIALS_H
#define RUNTIME_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/owner.h"

#define CREDENTIALS_GROUPS 64
#define ID_NONE		   UINT32_MAX /* "leave it" */

struct ids {
	uint32_t real, effective, saved, fs;
};

struct credentials {
	struct ids uid, gid;
	uint32_t keep;	   /* PR_SET_KEEPCAPS of prctl(2): root's capabilities outlive its user */
	uint32_t kept;	   /* and have */
	uint32_t n_groups; /* supplementary */
	uint32_t groups[CREDENTIALS_GROUPS];
};

/* Root, in root's group. */
void credentials_root(struct credentials *ret);

/*
 * Does it have this capability? caps: what the container's root has (bit n: capability n). Whose
 * effective user is not root has none, unless it has kept them, and none over files whose file
 * system user is not.
 */
bool credentials_capable(const struct credentials *c, uint64_t caps, int capability);

/*
 * privileged: it has CAP_SETUID (CAP_SETGID for groups). 0, EINVAL or EPERM; then nothing has
 * changed.
 */
int ids_set(struct ids *ids, bool privileged, uint32_t id);
int ids_set_re(struct ids *ids, bool privileged, uint32_t real, uint32_t effective);
int ids_set_res(struct ids *ids, bool privileged, uint32_t real, uint32_t effective,
		uint32_t saved);
/* Returns the one before, in either case. */
uint32_t ids_set_fs(struct ids *ids, bool privileged, uint32_t id);

/*
 * After its users were others: does it keep root's capabilities? See capabilities(7), on user ID
 * changes.
 */
void credentials_changed(struct credentials *c, const struct ids *before);
/* It executes a program: capabilities(7), execve(2). */
void credentials_exec(struct credentials *c);

/* May it give the file of that owner these ones (ID_NONE: the same)? EPERM: not. */
int credentials_chown(const struct credentials *c, uint64_t caps, struct owner file, uint32_t uid,
		      uint32_t gid);

/*
 * Every value that a container's processes ever had, numbered from 0: as many as there are, none is
 * ever forgotten. In shared memory, zeroed at first; one process at a time writes.
 */
#define CREDENTIAL_SETS 8192
struct credential_sets {
	uint32_t n;
	uint32_t places[2 * CREDENTIAL_SETS]; /* by hash; 0: empty, else a number + 1 */
	struct credentials v[CREDENTIAL_SETS];
};
/* The value's number, or -1: there is no room for one more. */
int credential_sets_add(struct credential_sets *s, const struct credentials *c);
/* NULL: there is no such number. */
const struct credentials *credential_sets_get(const struct credential_sets *s, uint64_t number);

#endif
