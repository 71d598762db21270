/* runtime: capabilities, ID maps, execution. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/caps.h"
#include "runtime/execute.h"
#include "runtime/idmap.h"
#include "tests/unit/namespaces.h"
#include "tests/unit/work.h"

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

	for (int i = 0; i < ID_RANGES_MAX + 10; i++)
		buf_addf(&many, "root:%d:10\n", 100000 + 10 * i);
	map = map_with(buf_str(&many), buf_str(&many));
	WANT(map.n_uids == ID_RANGES_MAX && map.uids[ID_RANGES_MAX - 1].inside == 1 + 10 * (ID_RANGES_MAX - 2));

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
	begin_work();
	RUN(capabilities_have_names);
	RUN(subordinate_ids_are_read_and_odd_lines_passed_over);
	RUN(who_asks_for_one_id_has_one);
	RUN(the_program_in_between_can_be_read_and_executed_only);
	RUN(a_program_is_searched_for_as_a_shell_does);
	RUN(only_an_errno_is_taken_from_what_was_in_the_containers_hands);
	end_work();
	return test_summary();
}
