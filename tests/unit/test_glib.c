/*
 * What libslirp has of GLib in tiffin-net: as GLib's own manual has it.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* It is in no archive: a library by itself. */
#include "net/glib/glib.c" /* NOLINT(bugprone-suspicious-include) */
#include "tests/unit/test.h"

TEST(a_copy_is_cut_and_ended)
{
	char to[4] = "xxx";

	CHECK(g_strlcpy(to, "abcdef", sizeof(to)) == 6);
	CHECK_STR(to, "abc");
	CHECK(g_strlcpy(to, "z", 0) == 1);
	CHECK_STR(to, "abc");
	CHECK(g_strlcpy(to, "", sizeof(to)) == 0);
	CHECK_STR(to, "");
}

TEST(a_string_is_searched_so_far_and_no_further)
{
	const char text[] = "nameserver";

	CHECK(g_strstr_len(text, -1, "server") == text + 4);
	CHECK(g_strstr_len(text, 10, "server") == text + 4);
	CHECK(!g_strstr_len(text, 9, "server"));
	CHECK(!g_strstr_len(text, 100, "none"));
	CHECK(g_str_has_prefix(text, "name") && !g_str_has_prefix(text, "nameservers"));
}

TEST(lists_are_counted_and_freed)
{
	char **list = g_malloc0(3 * sizeof(*list));

	list[0] = g_strdup("a");
	list[1] = g_strdup("b");
	CHECK(g_strv_length(list) == 2);
	g_strfreev(list);
	g_strfreev(NULL);
	CHECK(!g_strdup(NULL));
}

TEST(a_block_of_no_size_is_none)
{
	CHECK(!g_malloc(0) && !g_malloc0(0));
	CHECK(!g_realloc(g_malloc(1), 0));
	g_free(NULL);
}

TEST(random_numbers_are_all_of_the_range_and_no_others)
{
	void *random = g_rand_new();
	unsigned int seen = 0;

	for (int i = 0; i < 1000; i++) {
		int32_t n = g_rand_int_range(random, -2, 3);

		CHECK(n >= -2 && n < 3);
		for (int k = 0; k < 5; k++)
			seen |= n == k - 2 ? 1u << k : 0;
	}
	CHECK(seen == 0x1f);
	CHECK(g_rand_int_range(random, 7, 8) == 7);
	CHECK(g_rand_int_range(random, INT32_MIN, INT32_MAX) < INT32_MAX);
	g_rand_free(random);
}

static bool aborts(int level)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		g_log("Slirp", level, "%s", "text");
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(what_is_logged_as_an_error_ends_the_process_and_nothing_else_does)
{
	CHECK(aborts(1 << 2));
	CHECK(aborts(1 << 3 | 1 << 1));
	CHECK(!aborts(1 << 3));
	CHECK(!aborts(1 << 7));
}

int main(void)
{
	RUN(a_copy_is_cut_and_ended);
	RUN(a_string_is_searched_so_far_and_no_further);
	RUN(lists_are_counted_and_freed);
	RUN(a_block_of_no_size_is_none);
	RUN(random_numbers_are_all_of_the_range_and_no_others);
	RUN(what_is_logged_as_an_error_ends_the_process_and_nothing_else_does);
	return test_summary();
}
