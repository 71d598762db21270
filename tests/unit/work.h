/*
 * A directory for a test program to work in: begun and ended by its main().
 */
#ifndef TESTS_UNIT_WORK_H
#define TESTS_UNIT_WORK_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "tests/unit/test.h"

static char work_path[4096];
static int work = -1;

static inline void write_file(const char *name, const char *text)
{
	CLEAN(clean_fd) int fd = openat(work, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0);
}

static inline bool exists(const char *name)
{
	return faccessat(work, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A root whose /etc is ours to write: its descriptor, opened anew by each test. */
static inline int make_root(const char *passwd, const char *group)
{
	tree_remove_at(work, "root", NULL);
	mkdirat(work, "root", 0755);
	mkdirat(work, "root/etc", 0755);
	if (passwd)
		write_file("root/etc/passwd", passwd);
	if (group)
		write_file("root/etc/group", group);
	return openat(work, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static inline void begin_work(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(work_path, sizeof(work_path), "%s/tiffin-unit.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(work_path) || (work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(work_path);
		exit(1);
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* for the children's sake */
	umask(022);
}

static inline void end_work(void)
{
	close(work);
	tree_remove_at(AT_FDCWD, work_path, NULL);
}

#endif
