/* base: trees that are removed and files that are replaced, under attack and on a full disk. */
#include "tests/unit/storage_scene.h"

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* --- removing trees, replacing files --- */

TEST(trees_of_any_modes_and_five_thousand_levels_are_removed)
{
	int at = dup(work), next;

	for (int i = 0; i < 5000; i++) {
		mkdirat(at, "d", 0700);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (i % 100 == 0)
			write_file(next, "file", "x");
		close(at);
		at = next;
	}
	fchmod(at, 0);
	close(at);
	CHECK(tree_remove_at(work, "d", NULL) == 0 && !exists(work, "d"));

	mkdirat(work, "modes", 0700);
	mkdirat(work, "modes/a", 0700);
	mkdirat(work, "modes/a/b", 0700);
	write_file(work, "modes/a/b/file", "x");
	CHECK(fchmodat(work, "modes/a/b", 0, 0) == 0 && fchmodat(work, "modes/a", 0500, 0) == 0);
	CHECK(fchmodat(work, "modes", 0, 0) == 0);
	CHECK(tree_remove_at(work, "modes", NULL) == 0 && !exists(work, "modes"));
}

/* A directory that nobody may enter, beside a symlink to the canary. */
static void make_bait(void)
{
	mkdirat(work, "bait", 0700);
	mkdirat(work, "bait/d", 0700);
	mkdirat(work, "bait/d/in", 0700);
	CHECK(fchmodat(work, "bait/d", 0, 0) == 0);
	CHECK(symlinkat("../canary", work, "bait/l") == 0); /* from here on they are swapped */
}

TEST(removing_a_tree_touches_no_canary_whoever_swaps_what)
{
	struct stat before, after;
	pid_t pid;

	mkdirat(work, "canary", 0755);
	mkdirat(work, "canary/in", 0755);
	write_file(work, "canary/in/file", "alive");
	CHECK(fstatat(work, "canary", &before, 0) == 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			renameat2(work, "bait/d", work, "bait/l", RENAME_EXCHANGE);
	for (int i = 0; i < 1000; i++) {
		make_bait();
		while (tree_remove_at(work, "bait", NULL) < 0)
			;
	}
	kill(pid, SIGKILL);
	proc_reap(pid);
	CHECK(exists(work, "canary/in/file") && fstatat(work, "canary", &after, 0) == 0);
	CHECK(after.st_mode == before.st_mode && after.st_ino == before.st_ino);
	CHECK(after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	      after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

/* Several who remove one tree at once do not leave it half removed. */
TEST(a_tree_is_gone_when_two_remove_it_at_once)
{
	for (int round = 0; round < 50; round++) {
		pid_t pids[2];
		int gate[2] = {-1, -1};

		CHECK(pipe2(gate, O_CLOEXEC) == 0);
		mkdirat(work, "shared", 0700);
		for (int i = 0; i < 40; i++) {
			char name[64];

			snprintf(name, sizeof(name), "shared/%d", i);
			mkdirat(work, name, 0700);
			snprintf(name, sizeof(name), "shared/%d/in", i);
			mkdirat(work, name, 0700);
		}
		for (int i = 0; i < 2; i++) {
			pids[i] = fork_at_gate(gate);
			if (pids[i] == 0)
				_exit(tree_remove_at(work, "shared", NULL) < 0);
		}
		close(gate[0]);
		close(gate[1]);
		CHECK(proc_reap(pids[0]) == 0 && proc_reap(pids[1]) == 0 &&
		      !exists(work, "shared"));
	}
}

static int replace_on_full_disk(void)
{
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int fill = -1;
	static char block[65536];
	struct err e = {0};

	mkdirat(work, "small", 0700);
	if (chdir(work_path) < 0 || mount("tmpfs", "small", "tmpfs", 0, "size=64k,nr_inodes=8") < 0)
		return 77;
	dir = open("small", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file_replace_at(dir, "f", "old", 3, 0600, DURABLE, NULL) < 0)
		return 1;
	fill = openat(dir, "fill", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fill, block, 4096) > 0)
		;
	for (int durable = 0; durable < 2; durable++)
		if (file_replace_at(dir, "f", block, sizeof(block), 0600,
					durable ? DURABLE : RELAXED, &e) == 0 ||
			e.kind != ERR_NO_SPACE || !e.hint[0] || count(dir, ".") != 2)
			return 2;
	/* Nor an inode to be had. */
	for (int i = 0; i < 8; i++)
		mknodat(dir, (char[]){(char)('0' + i), '\0'}, S_IFREG | 0600, 0);
	if (file_replace_at(dir, "f", "x", 1, 0600, RELAXED, &e) == 0 || e.kind != ERR_NO_SPACE)
		return 3;

	CLEAN(buf_done) struct buf old = {0};
	return file_read_at(dir, "f", 100, &old, NULL) == 0 && streq(buf_str(&old), "old") ? 0 : 4;
}

TEST(a_full_disk_leaves_the_old_file_and_no_temporary_one)
{
	int code = in_namespaces(replace_on_full_disk);

	if (code < 0)
		printf("#   no user namespaces here: not tested\n");
	else if (code)
		printf("#   it ended with %d\n", code);
	CHECK(code <= 0);
}

int main(void)
{
	scene_begin("test_tree");
	RUN(trees_of_any_modes_and_five_thousand_levels_are_removed);
	RUN(removing_a_tree_touches_no_canary_whoever_swaps_what);
	RUN(a_tree_is_gone_when_two_remove_it_at_once);
	RUN(a_full_disk_leaves_the_old_file_and_no_temporary_one);
	return scene_end();
}
