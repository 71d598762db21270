/* runtime: who a container runs as, by its own /etc/passwd and /etc/group. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "runtime/user.h"
#include "tests/unit/work.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# a remark\n"
			     "\n"
			     "short:x\n"
			     "web:x:33:34:web:/var/www:/bin/sh\n"
			     "nohome:x:40:40\n"
			     "relative:x:41:41:x:etc:/bin/sh\n"
			     "77:x:0:0:a number that is a name:/:/bin/sh\n"
			     "over:x:2147483648:0:x:/:\n"
			     "wide:x:4294967296:0:x:/:\n"
			     "last:x:4294967295:0:x:/:\n"
			     "minus:x:-1:0:x:/:\n"
			     "huge:x:99999999999999999999999:0:x:/:\n"
			     "gover:x:50:2147483648:x:/:\n"
			     "gminus:x:51:-1:x:/:\n"
			     "letters:x:abc:0:x:/:\n"
			     "2147483648:x:5:5:x:/:\n"
			     "-1:x:5:5:x:/:\n"
			     "end:x:60:60:x:/end:/bin/sh"; /* no newline */
static const char groups[] = "root:x:0:\n"
			     "web:x:34:\n"
			     "shared:x:100:nobody,web,root\n"
			     "more:x:101:web\n"
			     "more2:x:101:web\n"
			     "prefix:x:102:webx,xweb\n"
			     "over:x:2147483648:web\n"
			     "minus:x:-1:\n"
			     "88:x:9:\n";

TEST(a_user_is_found_with_its_group_home_and_groups)
{
	CLEAN(clean_fd) int root = make_root(passwd, groups);
	struct user u = {0};

	CHECK(user_resolve(root, "web", &u, NULL) == 0 && u.uid == 33 && u.gid == 34);
	CHECK_STR(u.home, "/var/www");
	/* The primary one among them (CVE-2022-2989), none twice, none out of range. */
	CHECK(u.n_groups == 3 && u.groups[0] == 34 && u.groups[1] == 100 && u.groups[2] == 101);
	CHECK(user_resolve(root, "33", &u, NULL) == 0 && u.gid == 34 && u.n_groups == 3);
	CHECK(user_resolve(root, "end", &u, NULL) == 0 && u.uid == 60 && streq(u.home, "/end"));
	CHECK(user_resolve(root, "nohome", &u, NULL) == 0 && streq(u.home, "/"));
	CHECK(user_resolve(root, "relative", &u, NULL) == 0 && streq(u.home, "/"));
}

TEST(no_user_is_root_and_an_unknown_number_is_itself)
{
	CLEAN(clean_fd) int root = make_root(passwd, groups);
	CLEAN(clean_fd) int bare = -1;
	struct user u = {0};

	for (size_t i = 0; i < 3; i++) {
		const char *const none[] = {NULL, "", ":"};

		CHECK(user_resolve(root, none[i], &u, NULL) == 0 && u.uid == 0 && u.gid == 0);
		CHECK_STR(u.home, "/root");
	}
	CHECK(user_resolve(root, "12345", &u, NULL) == 0 && u.uid == 12345 && u.gid == 0);
	CHECK(u.n_groups == 1 && u.groups[0] == 0 && streq(u.home, "/"));
	bare = make_root(NULL, NULL);
	CHECK(user_resolve(bare, NULL, &u, NULL) == 0 && u.uid == 0 && streq(u.home, "/"));
	CHECK(user_resolve(bare, "7:8", &u, NULL) == 0 && u.uid == 7 && u.gid == 8);
}

TEST(a_group_of_the_callers_choice_suppresses_the_others)
{
	CLEAN(clean_fd) int root = make_root(passwd, groups);
	struct user u = {0};

	CHECK(user_resolve(root, "web:more", &u, NULL) == 0 && u.uid == 33 && u.gid == 101);
	CHECK(u.n_groups == 1 && u.groups[0] == 101 && streq(u.home, "/var/www"));
	CHECK(user_resolve(root, "web:7", &u, NULL) == 0 && u.gid == 7 && u.n_groups == 1);
	CHECK(user_resolve(root, "web:", &u, NULL) == 0 && u.gid == 34 && u.n_groups == 3);
	CHECK(user_resolve(root, ":100", &u, NULL) == 0 && u.uid == 0 && u.gid == 100);
}

TEST(further_groups_are_added_once_and_must_be_there)
{
	CLEAN(clean_fd) int root = make_root(passwd, groups);
	char *names[] = {(char *)"more", (char *)"4444", (char *)"101", NULL};
	char *missing[] = {(char *)"nobody-has-this", NULL};
	struct user u = {0};
	struct err e = {0};

	CHECK(user_resolve(root, "web:7", &u, NULL) == 0 && u.in_passwd);
	CHECK(user_add_groups(root, &(struct strv){names, 3}, &u, NULL) == 0);
	CHECK(u.n_groups == 3 && u.groups[0] == 7 && u.groups[1] == 101 && u.groups[2] == 4444);
	CHECK(user_add_groups(root, &(struct strv){missing, 1}, &u, &e) < 0 &&
	      e.kind == ERR_NOT_FOUND);
	CHECK(user_resolve(root, "4711", &u, NULL) == 0 && !u.in_passwd);
	CHECK(user_group_known(root, 101) && !user_group_known(root, 4444));
}

TEST(a_number_is_an_id_even_where_it_is_a_name)
{
	CLEAN(clean_fd) int root = make_root(passwd, groups);
	struct user u = {0};

	CHECK(user_resolve(root, "77", &u, NULL) == 0 && u.uid == 77);
	CHECK(user_resolve(root, "0:88", &u, NULL) == 0 && u.gid == 88);
}

TEST(ids_out_of_range_are_refused_wherever_they_stand)
{
	static const char *const bad[] = {
		"2147483648",   "4294967295",   "4294967296", "-1",	   "99999999999999999999999",
		"0:2147483648", "0:4294967296", "0:-1",	  "over",  "wide",
		"last",	    "minus",	    "huge",	  "gover", "gminus",
		"letters",	    "0:over",	    "0:minus",	  "50",	   "51",
	};
	CLEAN(clean_fd) int root = make_root(passwd, groups);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct user u = {.uid = 4711};
		struct err e = {0};

		if (user_resolve(root, bad[i], &u, &e) == 0)
			printf("#   taken: %s as %u:%u\n", bad[i], u.uid, u.gid);
		CHECK(e.kind == ERR_USAGE && u.uid == 4711);
	}
}

TEST(names_that_are_not_there_are_said_so_in_dockers_words)
{
	CLEAN(clean_fd) int root = make_root(passwd, groups);
	struct err e = {0};
	struct user u;

	CHECK(user_resolve(root, "nobody", &u, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK_STR(e.text, "unable to find user nobody: no matching entries in passwd file");
	CHECK(user_resolve(root, "0:nogroup", &u, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK_STR(e.text, "unable to find group nogroup: no matching entries in group file");
	CHECK(user_resolve(root, "+1", &u, &e) < 0 && user_resolve(root, " 1", &u, &e) < 0);
	CHECK(user_resolve(root, "0x10", &u, &e) < 0 && user_resolve(root, "web\n", &u, &e) < 0);
}

/* With 3 seconds of the processor, however long that takes on a busy machine, and 32 MiB. */
static void resolve_within_bounds(int root, const char *text)
{
	const struct rlimit seconds = { .rlim_cur = 3, .rlim_max = 3 };
	pid_t pid = fork();
	struct rusage used, self;
	struct user u;
	int status;

	if (pid == 0) {
		setrlimit(RLIMIT_CPU, &seconds);
		user_resolve(root, text, &u, NULL);
		_exit(0);
	}
	CHECK(wait4(pid, &status, 0, &used) == pid && WIFEXITED(status));
	/* What the test itself has, a sanitizer's shadow with it, is not the function's. */
	getrusage(RUSAGE_SELF, &self);
	CHECK(used.ru_maxrss - self.ru_maxrss < 32 * 1024);
}

TEST(a_database_that_is_a_symlink_stays_in_the_root)
{
	CLEAN(clean_fd) int root = make_root(NULL, NULL);
	struct user u = {0};

	/* On the host it would lead to the canary; in the container it leads nowhere. */
	write_file("canary", "evil:x:0:0:x:/canary:\n");
	CHECK(symlinkat("../../canary", work, "root/etc/passwd") == 0);
	CHECK(user_resolve(root, "evil", &u, NULL) < 0);
	CHECK(user_resolve(root, NULL, &u, NULL) == 0 && streq(u.home, "/"));
	CHECK(unlinkat(work, "root/etc/passwd", 0) == 0);
	CHECK(symlinkat("/proc/self/environ", work, "root/etc/passwd") == 0);
	CHECK(user_resolve(root, "evil", &u, NULL) < 0);
	/* Within the root it is followed: some images have it so. */
	CHECK(unlinkat(work, "root/etc/passwd", 0) == 0);
	write_file("root/accounts", "kind:x:5:5:x:/kind:\n");
	CHECK(symlinkat("/accounts", work, "root/etc/passwd") == 0);
	CHECK(user_resolve(root, "kind", &u, NULL) == 0 && u.uid == 5);
}

TEST(a_database_that_is_a_fifo_or_a_directory_is_none)
{
	CLEAN(clean_fd) int root = make_root(NULL, NULL);
	struct user u = {0};

	mkfifoat(work, "root/etc/passwd", 0644);
	mkdirat(work, "root/etc/group", 0755);
	alarm(60);
	CHECK(user_resolve(root, "1:2", &u, NULL) == 0 && u.uid == 1 && u.gid == 2);
	CHECK(user_resolve(root, "web", &u, NULL) < 0 && user_resolve(root, "1:web", &u, NULL) < 0);
	alarm(0);
}

TEST(endless_databases_cost_little)
{
	CLEAN(clean_fd) int root = make_root("", "");
	CLEAN(buf_done) struct buf lines = {0};
	CLEAN(buf_done) struct buf line = {0};
	static const char *const files[] = {"root/etc/passwd", "root/etc/group"};
	struct user u = {0};

	for (size_t i = 0; i < 2; i++) {
		CLEAN(clean_fd) int fd = openat(work, files[i], O_WRONLY | O_CLOEXEC);

		CHECK(ftruncate(fd, 10LL << 30) == 0);
	}
	resolve_within_bounds(root, "web");
	resolve_within_bounds(root, "0:web");
	for (int i = 0; i < 1000000; i++)
		buf_addf(&lines, "user%d:x:%d:%d:x:/:\n", i, i + 1, i + 1);
	write_file(files[0], buf_str(&lines));
	write_file(files[1], buf_str(&lines));
	resolve_within_bounds(root, "nobody");
	resolve_within_bounds(root, "0:nobody");
	CHECK(user_resolve(root, "user9", &u, NULL) == 0 && u.uid == 10);
	/* One line without end, and who stands behind one that is too long. */
	for (int i = 0; i < 3000; i++)
		buf_adds(&line, "x");
	buf_adds(&line, "\nafter:x:8:8:x:/:\n");
	write_file(files[0], buf_str(&line));
	CHECK(user_resolve(root, "after", &u, NULL) == 0 && u.uid == 8);
}

TEST(more_groups_than_there_is_room_for_are_refused)
{
	CLEAN(buf_done) struct buf text = {0};
	struct err e = {0};
	struct user u;

	for (int i = 0; i < USER_GROUPS_MAX + 1; i++)
		buf_addf(&text, "g%d:x:%d:web\n", i, 1000 + i);
	CLEAN(clean_fd) int root = make_root(passwd, buf_str(&text));
	CHECK(user_resolve(root, "web", &u, &e) < 0 && e.kind == ERR_USAGE);
}

int main(void)
{
	begin_work();
	RUN(a_user_is_found_with_its_group_home_and_groups);
	RUN(no_user_is_root_and_an_unknown_number_is_itself);
	RUN(a_group_of_the_callers_choice_suppresses_the_others);
	RUN(further_groups_are_added_once_and_must_be_there);
	RUN(a_number_is_an_id_even_where_it_is_a_name);
	RUN(ids_out_of_range_are_refused_wherever_they_stand);
	RUN(names_that_are_not_there_are_said_so_in_dockers_words);
	RUN(a_database_that_is_a_symlink_stays_in_the_root);
	RUN(a_database_that_is_a_fifo_or_a_directory_is_none);
	RUN(endless_databases_cost_little);
	RUN(more_groups_than_there_is_room_for_are_refused);
	end_work();
	return test_summary();
}
