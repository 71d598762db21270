/*
 * The two sides of a copy: a container, running or not, or the host. What is done to the files of a
 * side is done in a process of its own, as who has them: the container's root, the caller.
 *
 * Of a container that runs, the process enters the user namespace alone, and sees the container's
 * mounts by its root directory (runtime/enter.h). Of one that does not, it mounts the file system
 * and the volumes, in a mount namespace that goes with it.
 */
#ifndef CMD_CP_SIDE_H
#define CMD_CP_SIDE_H

#include "cmd/command.h"
#include "storage/container.h"

struct cp_side {
	bool is_container;
	char *path; /* as the user wrote it */
	struct container c;
	struct container_dir lock; /* of one that does not run: it is not to start meanwhile */
};
#define CP_SIDE_INIT { .lock = CONTAINER_DIR_INIT }
void cp_side_done(struct cp_side *s);

/* "CONTAINER:PATH", or a path of the host's: one that begins with "/" or ".", or has no colon. */
int cp_side_parse(struct tiffin *t, const char *text, struct cp_side *ret, struct err *err);

/* "'P' could not be found on …", in podman's words, where that is what went wrong. Returns -1. */
int cp_side_err(const struct cp_side *s, struct err *err);

/* root: of the container (O_PATH), -1 for the host's. */
typedef int cp_work(int root, void *arg, struct err *err);

struct cp_agent {
	pid_t pid;
	int report;
};
#define CP_AGENT_INIT { .report = -1 }

/* Starts the work; other: a descriptor that is not that side's, -1: none. */
int cp_agent_start(struct tiffin *t, const struct cp_side *side, cp_work *work, void *arg,
		   int other, struct cp_agent *ret, struct err *err);
/* Waits for its end: what it made of it. */
int cp_agent_wait(struct cp_agent *a, struct err *err);

#endif
