/* Files: replaced, read, locked, removed, and paths that stay beneath. */
#include "tests/unit/work.h"

#include <errno.h>
#include <signal.h>

#include "base/proc.h"

TEST(a_file_is_replaced_whole)
{
	CLEAN(buf_done) struct buf b = { 0 };
	struct stat st;

	CHECK(file_replace_at(work, "f", "one", 3, 0600, DURABLE, NULL) == 0);
	CHECK(file_replace_at(work, "f", "second", 6, 0600, RELAXED, NULL) == 0);
	CHECK(file_read_at(work, "f", 6, &b, NULL) == 0);
	CHECK_STR(buf_str(&b), "second");
	CHECK(fstatat(work, "f", &st, 0) == 0 && (st.st_mode & 0777) == 0600);
}

TEST(replacing_fails_without_leaving_anything)
{
	struct err e = { 0 };

	mkdirat(work, "dir", 0755);
	mkdirat(work, "dir/full", 0755);
	CHECK(file_replace_at(work, "dir/full", "x", 1, 0600, RELAXED, &e) < 0);
	CHECK(unlinkat(work, "dir/full", AT_REMOVEDIR) == 0);
	CHECK(unlinkat(work, "dir", AT_REMOVEDIR) == 0); /* nothing else in it */
}

TEST(a_file_that_is_too_large_is_not_read)
{
	CLEAN(buf_done) struct buf b = { 0 };
	struct err e = { 0 };

	write_file("large", "12345678");
	CHECK(file_read_at(work, "large", 7, &b, &e) < 0 && e.kind == ERR_CORRUPT && !b.data);
	CHECK(file_read_at(work, "large", 8, &b, &e) == 0);
}

TEST(reading_follows_no_symlink_and_blocks_on_no_fifo)
{
	CLEAN(buf_done) struct buf b = { 0 };

	write_file("target", "x");
	CHECK(symlinkat("target", work, "link") == 0);
	mkfifoat(work, "fifo", 0600);
	mkdirat(work, "directory", 0755);
	CHECK(file_read_at(work, "link", 100, &b, NULL) < 0);
	CHECK(file_read_at(work, "fifo", 100, &b, NULL) < 0);
	CHECK(file_read_at(work, "directory", 100, &b, NULL) < 0);
	CHECK(file_read_at(work, "not-there", 100, &b, NULL) < 0);
}

TEST(trees_are_removed_whatever_their_modes_and_depth)
{
	char name[] = "a";
	int at = dup(work);

	for (int i = 0; i < 2000; i++) {
		int next;

		mkdirat(at, name, 0700);
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	CHECK(tree_remove_at(work, "a", NULL) == 0 && !exists("a"));

	mkdirat(work, "closed", 0700);
	mkdirat(work, "closed/in", 0700);
	write_file("closed/in/file", "x");
	CHECK(fchmodat(work, "closed/in", 0, 0) == 0);
	CHECK(fchmodat(work, "closed", 0, 0) == 0);
	CHECK(tree_remove_at(work, "closed", NULL) == 0 && !exists("closed"));
	CHECK(tree_remove_at(work, "never-was", NULL) == 0);
}

TEST(removing_goes_through_no_symlink)
{
	mkdirat(work, "kept", 0755);
	write_file("kept/file", "x");
	mkdirat(work, "gone", 0755);
	CHECK(symlinkat("../kept", work, "gone/link") == 0);
	CHECK(tree_remove_at(work, "gone", NULL) == 0 && exists("kept/file"));
	CHECK(symlinkat("kept", work, "direct") == 0);
	CHECK(tree_remove_at(work, "direct", NULL) == 0 && !exists("direct") && exists("kept/file"));
}

TEST(paths_are_resolved_beneath)
{
	int fd;

	mkdirat(work, "root", 0755);
	mkdirat(work, "root/etc", 0755);
	write_file("outside", "x");
	write_file("root/etc/inside", "x");
	CHECK(symlinkat("/etc", work, "root/absolute") == 0);
	CHECK(symlinkat("../../outside", work, "root/etc/up") == 0);

	int root = openat(work, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* RESOLVE_BENEATH, RESOLVE_IN_ROOT: linux/openat2.h */
	CHECK(open_resolved(root, "etc/up", O_RDONLY, 0, 0x08) < 0 && errno == EXDEV);
	CHECK(open_resolved(root, "../outside", O_RDONLY, 0, 0x08) < 0 && errno == EXDEV);
	CHECK(open_resolved(root, "absolute/inside", O_RDONLY, 0, 0x08) < 0 && errno == EXDEV);
	fd = open_resolved(root, "absolute/inside", O_RDONLY, 0, 0x10);
	CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	close(fd);
	CHECK(open_resolved(root, "etc/up", O_RDONLY, 0, 0x10) < 0 && errno == ENOENT);
	close(root);
}

TEST(a_lock_is_held_once_and_shared_by_readers)
{
	CLEAN(clean_fd) int one = -1;
	int two = -1;
	struct err e = { 0 };

	CHECK(file_lock_at(work, "lock", LOCK_EXCLUSIVE, false, &one, NULL) == 0);
	CHECK(file_lock_at(work, "lock", LOCK_SHARED, false, &two, &e) < 0 && e.kind == ERR_BUSY);
	close(fd_take(&one));
	CHECK(file_lock_at(work, "lock", LOCK_SHARED, false, &one, NULL) == 0);
	CHECK(file_lock_at(work, "lock", LOCK_SHARED, false, &two, NULL) == 0);
	close(two);
	CHECK(file_lock_at(work, "lock", LOCK_EXCLUSIVE, false, &two, NULL) < 0);
}

TEST(a_lock_that_is_let_go_of_is_free_whoever_has_inherited_it)
{
	CLEAN(clean_fd) int one = -1;
	CLEAN(clean_fd) int two = -1;
	pid_t pid;

	CHECK(file_lock_at(work, "inherited", LOCK_EXCLUSIVE, false, &one, NULL) == 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	file_unlock(&one);
	CHECK(one < 0 && file_lock_at(work, "inherited", LOCK_EXCLUSIVE, false, &two, NULL) == 0);
	kill(pid, SIGKILL);
	proc_reap(pid);
	file_unlock(&one);
}

TEST(directories_are_made_with_their_parents)
{
	char path[200];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/x/y/z", work);
	CHECK(dir_ensure(path, 0700, NULL) == 0 && exists("x/y/z"));
	CHECK(dir_ensure(path, 0700, NULL) == 0);
	write_file("x/file", "x");
	snprintf(path, sizeof(path), "/proc/self/fd/%d/x/file/y", work);
	CHECK(dir_ensure(path, 0700, NULL) < 0);
}

int main(void)
{
	begin_work();
	RUN(a_file_is_replaced_whole);
	RUN(replacing_fails_without_leaving_anything);
	RUN(a_file_that_is_too_large_is_not_read);
	RUN(reading_follows_no_symlink_and_blocks_on_no_fifo);
	RUN(trees_are_removed_whatever_their_modes_and_depth);
	RUN(removing_goes_through_no_symlink);
	RUN(paths_are_resolved_beneath);
	RUN(a_lock_is_held_once_and_shared_by_readers);
	RUN(a_lock_that_is_let_go_of_is_free_whoever_has_inherited_it);
	RUN(directories_are_made_with_their_parents);
	end_work();
	return test_summary();
}
