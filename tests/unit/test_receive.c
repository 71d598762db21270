/*
 * How much of a socket libslirp gets at a time.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
/* It is in no archive: tiffin-net's alone. */
#include "net/receive.c" /* NOLINT(bugprone-suspicious-include) */
#include "tests/unit/test.h"

#define SENT (100 << 10)

TEST(a_window_is_read_at_a_time)
{
	CLEAN(clean_free) char *data = xcalloc(1, SENT);
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	CHECK(write(pair[0], data, SENT) == SENT);
	CHECK(recv(pair[1], data, SENT, MSG_PEEK) == 65536);
	CHECK(recv(pair[1], data, 1, 0) == 1);
	CHECK(recv(pair[1], data, SENT, 0) == 65536);
	CHECK(recv(pair[1], data, SENT, 0) == SENT - 65536 - 1);
	CHECK(recv(pair[1], data, SENT, 0) < 0);
	close(pair[0]);
	CHECK(recv(pair[1], data, SENT, 0) == 0);
	close(pair[1]);
}

int main(void)
{
	RUN(a_window_is_read_at_a_time);
	return test_summary();
}
