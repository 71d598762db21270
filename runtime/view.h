/*
 * The files of a container as one of its processes sees them, looked at from its supervisor.
 *
 * The supervisor goes into the container's user and mount namespace, for good, with few
 * capabilities there: whatever a path of the container's leads to is the container's own by
 * construction, and what the supervisor may do with it a process of the container's might have
 * done, too. Two ways out are left, and barred: the host's /proc, of which it keeps a descriptor,
 * is reached by paths of ours only, and no path of a caller's is followed through a magic link
 * (which with --pid host might be one of the supervisor's own). /proc/self is nobody's in it: the
 * supervisor has no number in the container.
 *
 * What it keeps of the host's directories are mounts of its own, read-only and attached nowhere:
 * were it not ours any more, ".." would not lead out of them.
 *
 * The working directory is the host's /proc from then on.
 */
#ifndef RUNTIME_VIEW_H
#define RUNTIME_VIEW_H

#include <sys/stat.h>

#include "base/notify.h"

struct view {
	int proc;  /* the host's /proc */
	int upper; /* a directory of the host's, or -1 */
	int root;  /* the container's */
	const bool *rooted; /* a process may have a root of its own: each call has it looked at */
	struct stat root_stat;
};

/*
 * Supervisor, with one thread, once. init: a pidfd of a process of the container's. upper: a
 * descriptor of what view.upper is to be, or -1; taken over. It withdraws, too (base/withdraw.h).
 * It is all or nothing: after an error the process is to answer nothing.
 */
int view_enter(struct view *v, int init, int upper, struct err *err);

/*
 * A file of the caller's: a name of it below the host's /proc, for calls that know no O_PATH
 * descriptors.
 */
struct seen {
	int fd; /* ours, which the name is of; or -1 */
	char name[40];
};
#define SEEN_INIT { .fd = -1 }
void seen_done(struct seen *s);

/* What the caller means by dirfd and path, "" being dirfd itself. 0; or -1 with errno. */
int view_find(const struct view *v, const struct notification *n, int dirfd, const char *path,
	      bool follow, struct seen *ret);
/* A descriptor of the caller's, or AT_FDCWD. What is done with the name fails where it has none. */
void view_find_fd(const struct notification *n, int fd, struct seen *ret);

#endif
