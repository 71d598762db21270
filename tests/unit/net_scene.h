/*
 * What the tests of the network share: children, namespaces as a container has them, and tests that
 * are left out where the machine has none.
 */
#ifndef TESTS_UNIT_NET_SCENE_H
#define TESTS_UNIT_NET_SCENE_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "tests/unit/test.h"

/* Runs body in a child; its failed checks become ours. A signal that ends it is 128+n. */
static inline int in_child(void (*body)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		body();
		fflush(stdout);
		_exit(test_bad);
	}
	return proc_reap(pid);
}

static inline int write_file(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* Namespaces as a container has them, with root mapped to the caller. */
static inline int enter_namespaces(void)
{
	char uid_map[40], gid_map[40];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    write_file("/proc/self/setgroups", "deny") < 0 ||
	    write_file("/proc/self/uid_map", uid_map) < 0)
		return -1;
	return write_file("/proc/self/gid_map", gid_map);
}

static inline const char *no_namespaces(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(enter_namespaces() < 0);
	status = proc_reap(pid);
	return status == 0 ? NULL : "user and network namespaces can't be created";
}

#define RUN_UNLESS(reason, name)                                                                  \
	do {                                                                                      \
		const char *reason_ = (reason);                                                   \
		if (reason_)                                                                      \
			printf("ok - %s # skip %s\n", #name, reason_);                            \
		else                                                                              \
			RUN(name);                                                                \
	} while (0)

#endif
