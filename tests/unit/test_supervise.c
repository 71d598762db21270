/*
 * The cage of a supervisor that emulates users, with and without --network fast: what cmd/supervise.c
 * makes of its parts.
 */
#include "base/file.h"
#include "cmd/supervise.h"
#include "net/fast.h"
#include "net/fast_socket.h"
#include "runtime/caps.h"
#include "tests/unit/cage_scene.h"

static const struct store store = { .containers = -1 };
static struct container_spec spec;
static struct supervise supervise = SUPERVISE_INIT;
static const struct supervision *supervision;

/* As runtime/supervisor.c does. */
static int confine(struct err *err)
{
	struct notify_loop *loop = notify_loop_new(NULL, err);

	return loop ? supervision->prepare(supervision->arg, loop, one.pidfd, err) : -1;
}

/* --- What it needs --- */

static bool read_memory(void)
{
	return read_from(one.pid);
}

static bool get_a_descriptor(void)
{
	return pidfd_getfd(one.pidfd, 0, 0) >= 0;
}

static bool change_a_limit(void)
{
	struct rlimit r;

	return prlimit(one.pid, RLIMIT_LOCKS, NULL, &r) == 0 &&
	       prlimit(one.pid, RLIMIT_LOCKS, &r, NULL) == 0;
}

/* The container's root has got nothing above it, and nothing in it. */
static bool see_files(void)
{
	char name[40];
	struct stat st;
	int fd = open_resolved(-1, "/../..", O_PATH, 0, 0);

	snprintf(name, sizeof(name), "self/fd/%d", fd);
	return fd >= 0 && fstatat(AT_FDCWD, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static const struct attempt needs[] = {
	{ "read memory", read_memory },
	{ "get a descriptor", get_a_descriptor },
	{ "change a limit", change_a_limit },
	{ "see files", see_files },
};

static bool use_tcp(void)
{
	return fast_socket_new(AF_INET) >= 0 && fast_socket_new(AF_INET6) >= 0;
}

static const struct attempt tcp[] = { { "use TCP", use_tcp } };

/* --- What it does not, besides what no supervisor does --- */

/* The test has one of a directory of the host's. */
static bool read_above_a_descriptor(void)
{
	for (int fd = 0; fd < 100; fd++)
		if (openat(fd, "../../../../../../../../etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
			return true;
	return false;
}

/* The list can't look into openat2's argument. */
static bool write_in_proc_by_openat2(void)
{
	CLEAN(clean_free) char *path = xasprintf("/proc/%d/oom_score_adj", (int)ours);

	return open_resolved(AT_FDCWD, path + strlen("/proc/"), O_WRONLY, 0, 0) >= 0 ||
	       open_resolved(AT_FDCWD, path, O_WRONLY, 0, 0) >= 0;
}

static bool change_another_limit(void)
{
	struct rlimit r;

	return prlimit(one.pid, RLIMIT_FSIZE, NULL, &r) == 0 &&
	       prlimit(one.pid, RLIMIT_FSIZE, &r, NULL) == 0;
}

static bool enter_the_network(void)
{
	return setns(one.pidfd, CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static const struct attempt more[] = {
	{ "read a file above a descriptor", read_above_a_descriptor },
	{ "write in /proc by openat2", write_in_proc_by_openat2 },
#ifndef __SANITIZE_ADDRESS__ /* which looks at limits itself */
	{ "change another limit", change_another_limit },
#endif
	{ "enter the container's network", enter_the_network },
};

/* --- */

static void try_all(void)
{
	check_attempts(needs, ARRAY_SIZE(needs), confine, 1);
	check_attempts(attempts, ARRAY_SIZE(attempts), confine, 0);
	check_attempts(more, ARRAY_SIZE(more), confine, 0);
	CHECK(signal_of_a_strange_call(confine) == SIGSYS);
}

static bool prepare(const struct container_spec *how)
{
	supervise = (struct supervise)SUPERVISE_INIT;
	spec = *how;
	spec.caps = caps_default();
	supervise.spec = &spec;
	supervise.store = &store;
	supervise.single_id = true;
	if (supervise_prepare(&supervise, NULL, &supervision, NULL) < 0)
		return false;
	supervise.upper = open("/var/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return supervision && supervise.upper >= 0;
}

TEST(who_emulates_users_can_do_that_and_nothing_else)
{
	CHECK(prepare(&(struct container_spec){ .network = NETWORK_NONE }));
	try_all();
	check_attempts(tcp, 1, confine, 0);
	supervise_done(&supervise);
}

TEST(so_it_is_where_it_watches_sockets)
{
	CHECK(prepare(&(struct container_spec){ .network = NETWORK_NONE, .seccomp = true }));
	try_all();
	check_attempts(tcp, 1, confine, 0);
	supervise_done(&supervise);
}

TEST(with_fast_it_can_do_tcp_as_well)
{
	if (!fast_possible()) {
		printf("# skipped: no SO_NETNS_COOKIE\n");
		return;
	}
	CHECK(prepare(&(struct container_spec){ .seccomp = true, .network_fast = true }));
	try_all();
	check_attempts(tcp, 1, confine, 1);
	supervise_done(&supervise);
}

TEST(without_a_cage_all_of_it_comes_off)
{
	CHECK(prepare(&(struct container_spec){ .network = NETWORK_NONE }));
	check_attempts(attempts, ARRAY_SIZE(attempts), NULL, 1);
	check_attempts(more, ARRAY_SIZE(more), NULL, 1);
	check_attempts(tcp, 1, NULL, 1);
	supervise_done(&supervise);
}

int main(void)
{
	if (!cage_scene_begin()) {
		printf("# skipped: no user namespaces for us\n");
		return test_summary();
	}
	RUN(who_emulates_users_can_do_that_and_nothing_else);
	RUN(so_it_is_where_it_watches_sockets);
	RUN(with_fast_it_can_do_tcp_as_well);
	RUN(without_a_cage_all_of_it_comes_off);
	cage_scene_end();
	return test_summary();
}
