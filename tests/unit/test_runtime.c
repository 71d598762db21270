/* runtime: users, targets in a hostile root, capabilities, the sync and attach protocols,
 * ID maps. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/attach.h"
#include "runtime/caps.h"
#include "runtime/execute.h"
#include "runtime/idmap.h"
#include "runtime/root.h"
#include "runtime/sync.h"
#include "runtime/user.h"

/* A directory to work in; main() removes it. */
static char work_path[4096];
static int work = -1;

static void write_file(const char *name, const char *text)
{
	CLEAN(clean_fd) int fd = openat(work, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0);
}

static bool exists(const char *name)
{
	return faccessat(work, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool write_proc(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0;
}

/* Calls work in a child, as root of a user and a mount namespace. -1 where there are none to be
 * had. */
static int in_namespaces(int (*work_there)(void))
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

/* --- users --- */

/* A root whose /etc is ours to write: its descriptor, opened anew by each test. */
static int make_root(const char *passwd, const char *group)
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
	alarm(10);
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

/* --- targets --- */

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

/* --- capabilities --- */

TEST(capabilities_have_names)
{
	static const char *const bad[] = {"",  "CAP_",		"CHOWNX", "CHOW",
					  "1", "CAP_CAP_CHOWN", "-CHOWN"};
	uint64_t mask = 0;

	CHECK(caps_parse("CHOWN", &mask, NULL) == 0 && mask == UINT64_C(1) << CAP_CHOWN);
	CHECK(caps_parse("cap_net_admin", &mask, NULL) == 0 && mask == UINT64_C(1)
									   << CAP_NET_ADMIN);
	CHECK(caps_parse("CAP_CHECKPOINT_RESTORE", &mask, NULL) == 0 &&
	      mask == UINT64_C(1) << CAP_CHECKPOINT_RESTORE);
	CHECK(caps_parse("SETFCAP", &mask, NULL) == 0 && mask == UINT64_C(1) << CAP_SETFCAP);
	CHECK(caps_parse("all", &mask, NULL) == 0 &&
	      mask == (UINT64_C(1) << (CAP_LAST_CAP + 1)) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = {0};

		CHECK(caps_parse(bad[i], &mask, &e) < 0 && e.kind == ERR_USAGE);
	}
	CHECK(__builtin_popcountll(caps_default()) == 9);
	CHECK(!(caps_default() & (UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_NET_RAW |
				  UINT64_C(1) << CAP_MKNOD | UINT64_C(1) << CAP_SYS_PTRACE)));
}

/* --- the sync protocol --- */

TEST(stages_are_met_in_order_and_carry_descriptors)
{
	CLEAN(clean_fd) int parent = -1;
	CLEAN(clean_fd) int child = -1;
	int fd = -1, ends[2] = {-1, -1};
	char byte = 0;

	CHECK(sync_pair(&parent, &child, NULL) == 0 && pipe2(ends, O_CLOEXEC) == 0);
	CHECK(fcntl(parent, F_GETFD) == FD_CLOEXEC && fcntl(child, F_GETFD) == FD_CLOEXEC);
	CHECK(sync_send(parent, SYNC_ID_MAPS, -1, NULL) == 0);
	CHECK(sync_expect(child, SYNC_ID_MAPS, &fd, NULL, NULL) == 0 && fd == -1);
	CHECK(sync_send(child, SYNC_NETWORK, ends[1], NULL) == 0);
	CHECK(sync_expect(parent, SYNC_NETWORK, &fd, NULL, NULL) == 0 && fd >= 0 && fd != ends[1]);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(write(fd, "x", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'x');
	close(fd);
	close(ends[1]);
	/* A descriptor that nobody asked for is not left open. */
	CHECK(sync_send(child, SYNC_TERMINAL, ends[0], NULL) == 0);
	fd = dup(0);
	close(fd);
	CHECK(sync_expect(parent, SYNC_TERMINAL, NULL, NULL, NULL) == 0);
	int next = dup(0);
	CHECK(next == fd);
	close(next);
	close(ends[0]);
	close(fd_take(&child));
	CHECK(sync_expect(parent, SYNC_EXEC, NULL, NULL, NULL) == 0);
}

TEST(the_end_is_an_error_at_every_stage_but_the_last)
{
	for (enum sync_stage stage = SYNC_ID_MAPS; stage <= SYNC_EXEC; stage++) {
		CLEAN(clean_fd) int parent = -1;
		CLEAN(clean_fd) int child = -1;
		struct err e = {0};
		int fd = -1, code = 4711;

		CHECK(sync_pair(&parent, &child, NULL) == 0);
		close(fd_take(&child));
		CHECK((sync_expect(parent, stage, &fd, &code, &e) == 0) == (stage == SYNC_EXEC));
		CHECK(fd == -1 && code == 4711 && (e.kind == ERR_SYSTEM) == (stage != SYNC_EXEC));
		CHECK(sync_send(parent, stage, -1, &e) < 0); /* and no SIGPIPE */
	}
}

TEST(a_failure_comes_whole_instead_of_any_stage)
{
	for (enum sync_stage stage = SYNC_ID_MAPS; stage <= SYNC_EXEC; stage++) {
		CLEAN(clean_fd) int parent = -1;
		CLEAN(clean_fd) int child = -1;
		struct err why = {0}, e = {0};
		int code = 0;

		CHECK(sync_pair(&parent, &child, NULL) == 0);
		err_set(&why, ERR_NOT_FOUND, "cannot bind volumes: '/x'");
		err_hint(&why, "make it");
		/* With something of the parent's unread: ECONNRESET comes before the message. */
		CHECK(sync_send(parent, SYNC_ID_MAPS, -1, NULL) == 0);
		sync_fail(child, 127, &why);
		close(fd_take(&child));
		CHECK(sync_expect(parent, stage, NULL, &code, &e) < 0 && code == 127);
		CHECK(e.kind == ERR_NOT_FOUND && streq(e.text, why.text) &&
		      streq(e.hint, "make it"));
	}
}

TEST(another_stage_than_the_one_expected_is_an_error)
{
	CLEAN(clean_fd) int parent = -1;
	CLEAN(clean_fd) int child = -1;
	struct err e = {0};
	int fd = -1;

	CHECK(sync_pair(&parent, &child, NULL) == 0);
	CHECK(sync_send(child, SYNC_TERMINAL, 0, NULL) == 0);
	CHECK(sync_expect(parent, SYNC_NETWORK, &fd, NULL, &e) < 0 && e.kind == ERR_SYSTEM &&
	      fd == -1);
	CHECK(sync_send(child, SYNC_NETWORK, -1, NULL) == 0);
	CHECK(sync_expect(parent, SYNC_EXEC, NULL, NULL, &e) < 0);
	CHECK(write(child, "short", 5) == 5);
	CHECK(sync_expect(parent, SYNC_NETWORK, NULL, NULL, &e) < 0 && e.sys == EBADMSG);
}

/* --- frames --- */

TEST(frames_keep_their_kind_and_bytes)
{
	static struct frame f;
	static char data[FRAME_DATA_MAX];
	int pair[2] = {-1, -1};

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	CHECK(frame_send(pair[0], FRAME_STDOUT, data, sizeof(data), 0) == 0);
	CHECK(frame_send(pair[0], FRAME_STDIN, NULL, 0, 0) == 0);
	CHECK(frame_send(pair[0], FRAME_STDERR, "a\0b", 3, 0) == 0);
	CHECK(frame_receive(pair[1], &f) == FRAME_DATA_MAX && f.kind == FRAME_STDOUT);
	CHECK(memcmp(f.data, data, sizeof(data)) == 0);
	CHECK(frame_receive(pair[1], &f) == 0 && f.kind == FRAME_STDIN);
	CHECK(frame_receive(pair[1], &f) == 3 && f.kind == FRAME_STDERR &&
	      memcmp(f.data, "a\0b", 3) == 0);
	while (frame_send(pair[0], FRAME_STDOUT, data, sizeof(data), MSG_DONTWAIT) == 0)
		;
	CHECK(errno == EAGAIN);
	/* What was sent before the end is heard before the end, whatever the peer had unread. */
	CHECK(frame_send(pair[1], FRAME_SIGNAL, &(int){15}, sizeof(int), 0) == 0);
	close(pair[0]);
	CHECK(frame_receive(pair[1], &f) == FRAME_DATA_MAX);
	while (frame_receive(pair[1], &f) >= 0)
		;
	CHECK(frame_receive(pair[1], &f) == -2);
	CHECK(frame_send(pair[1], FRAME_STDIN, "x", 1, 0) < 0 && errno == EPIPE);
	close(pair[1]);
}

TEST(the_client_hears_how_the_start_went)
{
	struct attach_failure failure = {.exit_code = 126};
	struct err e = {0};
	int pair[2] = {-1, -1}, code = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	err_set(&failure.err, ERR_DENIED, "cannot execute 'x'");
	frame_send(pair[0], FRAME_STARTED, NULL, 0, 0);
	frame_send(pair[0], FRAME_FAILED, &failure, sizeof(failure), 0);
	CHECK(attach_await_start(pair[1], &code, &e) == 0);
	CHECK(attach_await_start(pair[1], &code, &e) < 0 && code == 126 && e.kind == ERR_DENIED);
	frame_send(pair[0], FRAME_FAILED, "short", 5, 0);
	CHECK(attach_await_start(pair[1], &code, &e) < 0 && code == 125);
	close(pair[0]);
	CHECK(attach_await_start(pair[1], &code, &e) < 0 && code == 125 && e.kind == ERR_SYSTEM);
	close(pair[1]);
}

/*
 * A client between a flood of input and a monitor that takes none: it sends no more than a frame
 * until that is taken, so that a signal is never stuck behind it.
 */
TEST(a_client_gives_one_frame_of_input_at_a_time_and_passes_on_signals)
{
	static struct frame f;
	int pair[2] = {-1, -1}, input[2] = {-1, -1}, code = -1, sig = 0;
	struct err e = {0};
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(pipe2(input, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/zero", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		close(pair[0]);
		_exit(attach_stream(&(struct attach){ .sock = pair[1], .with_stdin = true }, &code, &e) == 0 ? code : 99);
	}
	close(pair[1]);
	alarm(20);
	CHECK(frame_receive(pair[0], &f) > 0 && f.kind == FRAME_STDIN);
	kill(pid, SIGTERM);
	CHECK(frame_receive(pair[0], &f) == (int)sizeof(sig) && f.kind == FRAME_SIGNAL);
	memcpy(&sig, f.data, sizeof(sig));
	CHECK(sig == SIGTERM);
	CHECK(recv(pair[0], &f, sizeof(f), MSG_DONTWAIT) < 0 && errno == EAGAIN);
	CHECK(frame_send(pair[0], FRAME_TAKEN, NULL, 0, 0) == 0);
	CHECK(frame_receive(pair[0], &f) > 0 && f.kind == FRAME_STDIN);
	CHECK(frame_send(pair[0], FRAME_EXIT, &(int){7}, sizeof(int), 0) == 0);
	CHECK(proc_reap(pid) == 7);
	alarm(0);
	close(pair[0]);
	close(input[0]);
	close(input[1]);
}

TEST(a_client_whose_monitor_dies_says_so)
{
	struct err e = {0};
	int pair[2] = {-1, -1}, code = 0;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	close(pair[0]);
	CHECK(attach_stream(&(struct attach){ .sock = pair[1] }, &code, &e) < 0 && code != 0 &&
	      e.kind == ERR_SYSTEM);
	close(pair[1]);
}

/* --- ID maps --- */

/* The caller's map with these lines in /etc/subuid and /etc/subgid. */
static struct id_map map_with(const char *uids, const char *gids)
{
	struct id_map map = {0};

	write_file("subuid", uids);
	write_file("subgid", gids);
	id_map_of_caller(false, &map);
	return map;
}

#define WANT(expr)                                                                                 \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			fprintf(stderr, "#   %s:%d: %s\n", __FILE__, __LINE__, #expr);             \
			bad = 1;                                                                   \
		}                                                                                  \
	} while (0)

/* In a mount namespace where /etc/subuid and /etc/subgid are files of ours and the caller is root.
 */
static int read_subordinate_ids(void)
{
	static const char *const odd =
		"# a remark\n\nroot\nroot:\nroot:1\nroot:x:1\nroot:100000:0\nroot:0:10\nroot:-1:10\n"
		"root:4294967290:10\nroot:99999999999:10\nroot:10:99999999999\nroot:10:-5\nrootx:1:2\n"
		"other:500000:65536\nroot:100000:65536\n0:300000:1000\n";
	CLEAN(buf_done) struct buf many = {0};
	struct id_map map;
	int bad = 0;

	if (chdir(work_path) < 0)
		return 77;
	write_file("subuid", "");
	write_file("subgid", "");
	if (mount("subuid", "/etc/subuid", NULL, MS_BIND, NULL) < 0 ||
		mount("subgid", "/etc/subgid", NULL, MS_BIND, NULL) < 0)
		return 77;
	mkdirat(work, "bin", 0755);
	write_file("bin/newuidmap", "#!/bin/sh\n");
	write_file("bin/newgidmap", "#!/bin/sh\n");
	if (fchmodat(work, "bin/newuidmap", 0755, 0) < 0 ||
		fchmodat(work, "bin/newgidmap", 0755, 0) < 0)
		return 77;
	setenv("PATH", "bin", 1);

	map = map_with(odd, odd);
	WANT(!map.single && !map.why_single[0] && map.n_uids == 3 && map.n_gids == 3);
	WANT(map.uids[0].inside == 0 && map.uids[0].outside == geteuid() && map.uids[0].count == 1);
	WANT(map.uids[1].inside == 1 && map.uids[1].outside == 100000 &&
	     map.uids[1].count == 65536);
	WANT(map.uids[2].inside == 65537 && map.uids[2].outside == 300000 &&
	     map.uids[2].count == 1000);
	WANT(id_map_has(&map, 0, 0) && id_map_has(&map, 66536, 66536) &&
	     !id_map_has(&map, 66537, 0));
	WANT(!id_map_has(&map, 0, 66537) && !id_map_has(&map, UINT32_MAX, 0));

	map = map_with("root:100000:65536\n", "other:100000:65536\n");
	WANT(map.single && strstr(map.why_single, "/etc/subgid") && map.n_uids == 1 &&
	     map.n_gids == 1);
	WANT(id_map_has(&map, 0, 0) && !id_map_has(&map, 1, 0) && !id_map_has(&map, 0, 1));
	map = map_with("", "root:100000:65536");
	WANT(map.single && strstr(map.why_single, "/etc/subuid"));

	for (int i = 0; i < 40; i++)
		buf_addf(&many, "root:%d:10\n", 100000 + 10 * i);
	map = map_with(buf_str(&many), buf_str(&many));
	WANT(map.n_uids == ID_RANGES_MAX && map.uids[ID_RANGES_MAX - 1].inside == 1 + 10 * 14);

	/* IDs that would pass the last one are left out, not wrapped. */
	map = map_with("root:100000:4294000000\nroot:1:4294000000\nroot:50:7\n", "root:1:1\n");
	WANT(map.n_uids == 3 && map.uids[2].outside == 50 && map.uids[2].inside == 4294000001u);

	setenv("PATH", "/nowhere", 1);
	map = map_with("root:100000:65536\n", "root:100000:65536\n");
	WANT(map.single && strstr(map.why_single, "newuidmap"));
	return bad;
}

TEST(subordinate_ids_are_read_and_odd_lines_passed_over)
{
	int code = in_namespaces(read_subordinate_ids);

	if (code < 0)
		printf("#   no namespaces, or no /etc/subuid and /etc/subgid here: not tested\n");
	CHECK(code <= 0);
}

TEST(who_asks_for_one_id_has_one)
{
	struct id_map map;

	id_map_of_caller(true, &map);
	CHECK(map.single && !map.why_single[0] && map.n_uids == 1 && map.n_gids == 1);
	CHECK(map.uids[0].outside == geteuid() && map.gids[0].outside == getegid());
}

/* --- execution --- */

TEST(the_program_in_between_can_be_read_and_executed_only)
{
	CLEAN(clean_fd) int program = -1;
	CLEAN(clean_fd) int again = -1;
	char path[40], magic[4];

	CHECK(execute_prepare(&program, NULL) == 0);
	CHECK(pread(program, magic, sizeof(magic), 0) == 4 && memcmp(magic, "\177ELF", 4) == 0);
	CHECK(pwrite(program, magic, sizeof(magic), 0) < 0 && errno == EPERM);
	CHECK(ftruncate(program, 0) < 0 && errno == EPERM);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
	again = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(again < 0 || (write(again, magic, sizeof(magic)) < 0 && errno == EPERM));
}

/* What runs in the child, and how its parent hears of it. */
static int execute_and_await(const char *text, const char *path, int *ret_exit_code, struct err *err)
{
	CLEAN(clean_fd) int program = -1;
	CLEAN(strv_done) struct strv args = {0};
	CLEAN(strv_done) struct strv env = {0};
	struct err why = {0};
	int ends[2] = { -1, -1 }, result;
	pid_t pid;

	strv_add(&args, text);
	if (path)
		strv_addf(&env, "PATH=%s", path);
	strv_add(&env, "PATHS=/nowhere");
	CHECK(execute_prepare(&program, NULL) == 0 && pipe2(ends, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0)
		_exit(execute(program, ends[1], &args, &env, &why));
	close(ends[1]);
	result = execute_await(ends[0], text, ret_exit_code, err);
	close(ends[0]);
	CHECK(proc_reap(pid) == (result < 0 ? *ret_exit_code : 0));
	return result;
}

TEST(a_program_is_searched_for_as_a_shell_does)
{
	struct err e = {0};
	int code = 0;

	CHECK(execute_and_await("/bin/true", NULL, &code, &e) == 0);
	CHECK(execute_and_await("true", NULL, &code, &e) == 0);
	CHECK(execute_and_await("true", "/nowhere:/etc/passwd:/usr/bin:/bin", &code, &e) == 0);
	CHECK(execute_and_await("true", "/nowhere::", &code, &e) < 0 && code == 127);
	CHECK_STR(e.text, "executable file 'true' not found in $PATH: No such file or directory");
	CHECK(execute_and_await("true", "", &code, &e) < 0 && code == 127);
	CHECK(execute_and_await("/nowhere/true", "/bin", &code, &e) < 0 && code == 127);
	CHECK_STR(e.text, "cannot execute '/nowhere/true': No such file or directory");
	CHECK(execute_and_await("/etc/passwd", "/bin", &code, &e) < 0 && code == 126);
	CHECK_STR(e.text, "cannot execute '/etc/passwd': Permission denied");
	CHECK(execute_and_await("passwd", "/etc:/nowhere", &code, &e) < 0 && code == 126);
	/* A directory is passed over. */
	CHECK(execute_and_await("bin", "/usr:/", &code, &e) < 0 && code == 127);
	/* One that would be too long is no reason to stop. */
	CLEAN(clean_free) char *longest = xmalloc(5000);
	memset(longest, 'x', 4990);
	memcpy(longest + 4990, ":/bin", sizeof(":/bin"));
	CHECK(execute_and_await("true", longest, &code, &e) == 0);
	CHECK(execute_and_await("none-such", longest, &code, &e) < 0 && code == 126);
}

TEST(only_an_errno_is_taken_from_what_was_in_the_containers_hands)
{
	static const int odd[] = {0, -1, 5000};
	struct err e;
	int ends[2], code;

	for (size_t i = 0; i < ARRAY_SIZE(odd) + 1; i++) {
		e = (struct err){0};
		CHECK(pipe2(ends, O_CLOEXEC) == 0);
		CHECK(write(ends[1], i < ARRAY_SIZE(odd) ? &odd[i] : &code, i < ARRAY_SIZE(odd) ? 4 : 1) > 0);
		close(ends[1]);
		CHECK(execute_await(ends[0], "x", &code, &e) < 0 && code == 126 && e.sys == EBADMSG);
		close(ends[0]);
	}
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(work_path, sizeof(work_path), "%s/test_runtime.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(work_path) ||
		(work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(work_path);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* for the children's sake */
	umask(022);
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
	RUN(symlinks_are_followed_within_the_root);
	RUN(targets_that_cannot_be_are_errors);
	RUN(nothing_is_made_through_a_symlink_that_comes_and_goes);
	RUN(capabilities_have_names);
	RUN(stages_are_met_in_order_and_carry_descriptors);
	RUN(the_end_is_an_error_at_every_stage_but_the_last);
	RUN(a_failure_comes_whole_instead_of_any_stage);
	RUN(another_stage_than_the_one_expected_is_an_error);
	RUN(frames_keep_their_kind_and_bytes);
	RUN(the_client_hears_how_the_start_went);
	RUN(a_client_gives_one_frame_of_input_at_a_time_and_passes_on_signals);
	RUN(a_client_whose_monitor_dies_says_so);
	RUN(subordinate_ids_are_read_and_odd_lines_passed_over);
	RUN(who_asks_for_one_id_has_one);
	RUN(the_program_in_between_can_be_read_and_executed_only);
	RUN(a_program_is_searched_for_as_a_shell_does);
	RUN(only_an_errno_is_taken_from_what_was_in_the_containers_hands);
	close(work);
	tree_remove_at(AT_FDCWD, work_path, NULL);
	return test_summary();
}
