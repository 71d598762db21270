/* runtime: mount points in a hostile root. */
#include "tests/unit/test.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/root.h"
#include "tests/unit/work.h"

/* What fd is, beneath the root: "/a/b". */
static const char *where(int fd, char ret[4096])
{
	char path[FD_PATH_MAX];
	ssize_t n = readlink(fd_path(fd, path), ret, 4095);
	size_t skip = strlen(work_path) + strlen("/root");

	ret[n < 0 ? 0 : n] = '\0';
	return strlen(ret) >= skip ? ret + skip : ret;
}

static int open_target(int root, const char *path, enum target_kind kind, char ret[4096],
		       struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	char whole[4096];

	if (root_open_target(root, path, kind, &fd, err) < 0)
		return -1;
	snprintf(ret, 4096, "%s", where(fd, whole));
	return 0;
}

TEST(symlinks_are_followed_within_the_root)
{
	static const struct {
		const char *link, *to, *open, *want;
	} rows[] = {
		{"root/absolute", "/etc", "/absolute/x", "/etc/x"},
		{"root/var/run", "/run", "/var/run/lock", "/run/lock"},
		{"root/var/deep", "/var/../var/lib", "/var/deep/x", "/var/lib/x"},
		{"root/up", "../../../../../../etc", "/up/y", "/etc/y"},
		{"root/var/relative", "../etc", "var/relative/z", "/etc/z"},
		{"root/dangling", "/not/there", "/dangling", "/not/there"},
		{"root/chain", "var/run", "/chain/c", "/run/c"},
		{"root/itself", "/", "/itself/itself/etc", "/etc"},
		{"root/canary", "/../canary", "/canary/in", "/canary/in"},
	};
	CLEAN(clean_fd) int root = make_root("", "");
	struct stat st;
	char got[4096];

	mkdirat(work, "root/var", 0755);
	mkdirat(work, "root/run", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};

		CHECK(symlinkat(rows[i].to, work, rows[i].link) == 0);
		if (streq(rows[i].link, "root/canary")) {
			/* A symlink to itself, as seen from inside. */
			CHECK(open_target(root, rows[i].open, TARGET_DIR, got, &e) < 0 &&
			      e.sys == ELOOP);
			continue;
		}
		if (open_target(root, rows[i].open, TARGET_DIR, got, &e) < 0)
			printf("#   %s: %s\n", rows[i].open, e.text);
		else
			CHECK_STR(got, rows[i].want);
		CHECK(e.kind == ERR_NONE);
	}
	CHECK(open_target(root, "/a/b/../../../../../c/./d//", TARGET_DIR, got, NULL) == 0);
	CHECK_STR(got, "/c/d");
	CHECK(open_target(root, "/new/file", TARGET_FILE, got, NULL) == 0);
	CHECK(fstatat(work, "root/new/file", &st, 0) == 0 && S_ISREG(st.st_mode) &&
	      st.st_size == 0);
	CHECK((st.st_mode & 0777) == 0644 && fstatat(work, "root/new", &st, 0) == 0 &&
	      (st.st_mode & 0777) == 0755);
}

TEST(targets_that_cannot_be_are_errors)
{
	CLEAN(clean_fd) int root = make_root("", "");
	struct err e = {0};
	char got[4096];
	int fd = -1;

	CHECK(symlinkat("loop2", work, "root/loop1") == 0 &&
	      symlinkat("loop1", work, "root/loop2") == 0);
	CHECK(open_target(root, "/loop1", TARGET_DIR, got, &e) < 0 && e.sys == ELOOP);
	CHECK(open_target(root, "/loop1/x", TARGET_FILE, got, &e) < 0 && e.sys == ELOOP);
	CHECK(open_target(root, "/etc/passwd/x", TARGET_DIR, got, &e) < 0 && e.sys == ENOTDIR);
	CHECK(open_target(root, "/etc/passwd", TARGET_DIR, got, &e) < 0 && e.kind == ERR_EXISTS);
	CHECK(open_target(root, "/etc", TARGET_FILE, got, &e) < 0 && e.kind == ERR_EXISTS);
	CHECK(root_open_target(root, "/loop1", TARGET_DIR, &fd, NULL) < 0 && fd == -1);

	CHECK(symlinkat("etc", work, "root/proc") == 0);
	CHECK(root_open_plain_dir(root, "proc", &fd, &e) < 0 && e.kind == ERR_CORRUPT);
	write_file("root/sys", "x");
	CHECK(root_open_plain_dir(root, "sys", &fd, &e) < 0 && e.kind == ERR_CORRUPT);
	CHECK(root_open_plain_dir(root, "dev", &fd, &e) == 0 && exists("root/dev"));
	close(fd);
}

TEST(nothing_is_made_through_a_symlink_that_comes_and_goes)
{
	CLEAN(clean_fd) int root = make_root("", "");
	struct stat before, after;
	size_t opened = 0;
	pid_t pid;

	mkdirat(work, "secret", 0755);
	mkdirat(work, "root/d", 0755);
	CHECK(symlinkat("../secret", work, "root/s") == 0 &&
	      fstatat(work, "secret", &before, 0) == 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			renameat2(work, "root/d", work, "root/s", RENAME_EXCHANGE);
	for (int i = 0; i < 1000; i++) {
		CLEAN(clean_fd) int fd = -1;
		char path[32];

		snprintf(path, sizeof(path), "/d/%d/x", i);
		opened +=
			root_open_target(root, path, i % 2 ? TARGET_DIR : TARGET_FILE, &fd, NULL) == 0;
	}
	kill(pid, SIGKILL);
	proc_reap(pid);
	CHECK(opened > 0 && fstatat(work, "secret", &after, 0) == 0);
	CHECK(after.st_nlink == before.st_nlink && after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
	      after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
}

int main(void)
{
	begin_work();
	RUN(symlinks_are_followed_within_the_root);
	RUN(targets_that_cannot_be_are_errors);
	RUN(nothing_is_made_through_a_symlink_that_comes_and_goes);
	end_work();
	return test_summary();
}
