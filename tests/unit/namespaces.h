/*
 * Namespaces for a test to do in what takes root.
 */
#ifndef TESTS_UNIT_NAMESPACES_H
#define TESTS_UNIT_NAMESPACES_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

static inline bool write_proc(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0;
}

/* Calls work in a child, as root of a user and a mount namespace. -1 where there are none to be had. */
static inline int in_namespaces(int (*work_there)(void))
{
	CLEAN(clean_free) char *uids = xasprintf("0 %u 1\n", geteuid());
	CLEAN(clean_free) char *gids = xasprintf("0 %u 1\n", getegid());
	pid_t pid = fork();
	int code;

	if (pid == 0) {
		bool ready = unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
			     write_proc("/proc/self/setgroups", "deny") &&
			     write_proc("/proc/self/uid_map", uids) &&
			     write_proc("/proc/self/gid_map", gids);

		_exit(ready ? work_there() : 77);
	}
	code = proc_reap(pid);
	return code == 77 ? -1 : code;
}

#endif
