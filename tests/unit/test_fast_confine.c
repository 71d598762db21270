/*
 * The cage of --network fast's supervisor (net/fast_confine.c).
 */
#include "net/fast_confine.h"
#include "net/fast_parts.h"
#include "tests/unit/cage_scene.h"

static bool see_descriptors(void)
{
	return see_descriptors_of(one.pid) && open_proc(one.pid, "fd") >= 0 && open_proc(one.pid, "fdinfo/0") >= 0 &&
	       open_proc(one.pid, "status") >= 0 && open_proc(one.pid, "net/if_inet6") >= 0;
}

static bool get_a_descriptor(void)
{
	return pidfd_getfd(one.pidfd, 0, 0) >= 0;
}

static bool read_memory(void)
{
	return read_from(one.pid);
}

static bool make_sockets(void)
{
	struct fast f = { .options = { .init = one.pidfd, .n_spare = 4 } };
	int own = fast_socket_new(AF_INET);

	return own >= 0 && fast_socket_new(AF_INET6) >= 0 && fast_spares_make(&f) == 0 &&
	       fast_socket_namespace(f.spare[0].v[0]) != fast_socket_namespace(own);
}

static const struct attempt needs[] = {
	{ "see descriptors", see_descriptors },
	{ "get a descriptor", get_a_descriptor },
	{ "read memory", read_memory },
	{ "make sockets", make_sockets },
};

static int confine(struct err *err)
{
	return fast_confine(one.pidfd, err);
}

TEST(a_confined_supervisor_can_do_its_work)
{
	check_attempts(needs, ARRAY_SIZE(needs), confine, 1);
}

TEST(and_nothing_else)
{
	check_attempts(attempts, ARRAY_SIZE(attempts), confine, 0);
}

TEST(which_it_could_without)
{
	check_attempts(attempts, ARRAY_SIZE(attempts), NULL, 1);
}

TEST(a_call_that_is_not_on_the_list_ends_it)
{
	CHECK(signal_of_a_strange_call(confine) == SIGSYS);
}

int main(void)
{
	if (!cage_scene_begin()) {
		printf("# skipped: no user namespaces for us\n");
		return test_summary();
	}
	RUN(a_confined_supervisor_can_do_its_work);
	RUN(and_nothing_else);
	RUN(which_it_could_without);
	RUN(a_call_that_is_not_on_the_list_ends_it);
	cage_scene_end();
	return test_summary();
}
