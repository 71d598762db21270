/*
 * What the tests of the store share: a directory to work in with a store in it, and children. Each program
 * begins with scene_begin and ends with scene_end.
 */
#ifndef TESTS_UNIT_STORAGE_SCENE_H
#define TESTS_UNIT_STORAGE_SCENE_H

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "storage/store.h"
#include "tests/unit/test.h"

#include "storage/layer.h"
#include "tests/unit/namespaces.h"

#define DIGEST(c) "sha256:" c c c c c c c c c c c c c c c c

/* A directory to work in, and a store there; main() removes them. */
static char work_path[4096];
static int work = -1;
static struct store store = STORE_INIT;

static inline bool exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline size_t count(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)))
		n += !streq(e->d_name, ".") && !streq(e->d_name, "..");
	return n;
}

static inline void write_file(int dirfd, const char *name, const char *text)
{
	CLEAN(clean_fd)
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0);
}

/* Opens a store of its own below the directory to work in. */
static inline int open_store(const char *name, struct store *ret, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/%s", work_path, name);

	return store_open(path, ret, err);
}

/* A new process that waits until all of them are there: *gate is closed to let them go. */
static inline pid_t fork_at_gate(const int gate[2])
{
	pid_t pid = fork();
	char byte;

	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(99);
	}
	return pid;
}

static inline void scene_begin(const char *program)
{
	snprintf(work_path, sizeof(work_path), "%s/%s.XXXXXX", getenv("TMPDIR") ?: "/tmp", program);
	if (!mkdtemp(work_path) || (work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    open_store("store", &store, NULL) < 0) {
		perror(work_path);
		exit(1);
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* whatever a child or a crash leaves unsaid */
}

static inline int scene_end(void)
{
	store_done(&store);
	close(work);
	tree_remove_at(AT_FDCWD, work_path, NULL);
	return test_summary();
}

#endif
