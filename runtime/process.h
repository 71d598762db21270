/*
 * What /proc says of a process of a container's, read from outside.
 *
 * Parent only. Its IDs of users are the host's; process_id_inside says what they are in the
 * container. The text in it is the container's own: it is not to reach a terminal as it is.
 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include "base/str.h"
#include "runtime/members.h"

struct process {
	struct member member;
	pid_t pid; /* in the container's PID namespace; 0: it is not in it */
	pid_t parent, group; /* as the host sees them */
	int tty;   /* the device's number; 0: none */
	int nice;
	uint64_t cpu; /* clock ticks */
	uint64_t vsz, rss; /* KiB */
	unsigned int uid, ruid, gid, rgid;
	struct strv groups; /* numbers */
	char caps[5][17];   /* inherited, permitted, effective, bounding, ambient: hex */
	int seccomp;	    /* 0: none, 1: strict, 2: a filter */
	char *comm, *args;  /* args: those, or "[comm]" where there are none */
	char *label;	    /* of a security module, or "" */
};
void process_done(struct process *p);

/* depth: process_depth of the container. -1: it has ended. */
int process_read(const struct member *m, size_t depth, struct process *ret);
/* How many PID namespaces are above a process's own. */
size_t process_depth(pid_t pid);
/*
 * What a host's ID (kind: "uid" or "gid") is in a process's user namespace; -1: it is not mapped.
 */
int64_t process_id_inside(pid_t pid, const char *kind, unsigned int id);

#endif
