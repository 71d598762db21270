/*
 * Frames that are read ahead: their order, how many, and the memory that they take.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ahead.h"
#include "net/frame.h"
#include "tests/unit/test.h"

/* A frame of a byte, which says its number. */
static void send_frames(int fd, uint8_t first, int n)
{
	for (int i = 0; i < n; i++, first++)
		CHECK(write(fd, &first, 1) == 1);
}

static int next(struct ahead *a)
{
	size_t len = 0;
	const uint8_t *frame = ahead_next(a, &len);

	CHECK(!frame || len == 1);
	return frame ? *frame : -1;
}

static void make_pair(int pair[2])
{
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
}

static void end_pair(struct ahead *a, const int pair[2])
{
	ahead_let_go(a);
	close(pair[0]);
	close(pair[1]);
}

TEST(frames_come_in_their_order_also_where_more_are_read_meanwhile)
{
	struct ahead a = { .n = 0 };
	int pair[2], left = 100;

	make_pair(pair);
	CHECK(next(&a) == -1);
	send_frames(pair[0], 0, 10);
	CHECK(ahead_read(&a, pair[1], &left) == -1 && errno == EAGAIN);
	CHECK(left == 90);
	for (int i = 0; i < 5; i++)
		CHECK(next(&a) == i);
	send_frames(pair[0], 10, 11);
	CHECK(ahead_read(&a, pair[1], &left) == 0); /* full, across the end of the ring */
	for (int i = 5; i < 21; i++)
		CHECK(next(&a) == i);
	CHECK(next(&a) == -1);
	CHECK(left == 79);
	end_pair(&a, pair);
}

TEST(no_more_are_read_than_it_has_room_for_or_was_told)
{
	struct ahead a = { .n = 0 };
	int pair[2], left = 100;

	make_pair(pair);
	send_frames(pair[0], 0, AHEAD_MAX + 3);
	CHECK(ahead_read(&a, pair[1], &left) == 0);
	CHECK(left == 100 - AHEAD_MAX);
	for (int i = 0; i < AHEAD_MAX; i++)
		CHECK(next(&a) == i);
	CHECK(next(&a) == -1);
	left = 2;
	CHECK(ahead_read(&a, pair[1], &left) == 0);
	CHECK(left == 0);
	CHECK(next(&a) == AHEAD_MAX);
	CHECK(next(&a) == AHEAD_MAX + 1);
	CHECK(next(&a) == -1);
	end_pair(&a, pair);
}

TEST(a_frame_that_is_too_long_is_seen_to_be)
{
	static uint8_t bytes[FRAME_MAX + 10];
	struct ahead a = { .n = 0 };
	int pair[2], left = 2;
	size_t len;

	make_pair(pair);
	CHECK(write(pair[0], bytes, FRAME_MAX) == FRAME_MAX);
	CHECK(write(pair[0], bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
	CHECK(ahead_read(&a, pair[1], &left) == 0);
	CHECK(ahead_next(&a, &len) && len == FRAME_MAX);
	CHECK(ahead_next(&a, &len) && len == FRAME_MAX + 1);
	end_pair(&a, pair);
}

TEST(buffers_are_taken_as_they_are_used_and_let_go)
{
	struct ahead a = { .n = 0 };
	int pair[2], left = 100;

	make_pair(pair);
	for (int i = 0; i < 3; i++) {
		send_frames(pair[0], 7, 1);
		CHECK(ahead_read(&a, pair[1], &left) == -1);
		CHECK(next(&a) == 7);
	}
	CHECK(a.frames[0] && !a.frames[2]);
	send_frames(pair[0], 7, 1);
	CHECK(ahead_read(&a, pair[1], &left) == -1);
	ahead_let_go(&a);
	CHECK(!a.frames[0] && next(&a) == -1);
	send_frames(pair[0], 8, 1);
	CHECK(ahead_read(&a, pair[1], &left) == -1);
	CHECK(next(&a) == 8);
	end_pair(&a, pair);
}

int main(void)
{
	RUN(frames_come_in_their_order_also_where_more_are_read_meanwhile);
	RUN(no_more_are_read_than_it_has_room_for_or_was_told);
	RUN(a_frame_that_is_too_long_is_seen_to_be);
	RUN(buffers_are_taken_as_they_are_used_and_let_go);
	return test_summary();
}
