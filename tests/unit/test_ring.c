#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/ring.h"
#include "tests/unit/test.h"

/* The ring: numbers go in at one end, and each reader must get all of them, in order. */

#define NUMBERS 40000u

struct reader {
	struct ring *ring;
	size_t number;
	uint32_t until; /* aborts when it has had so many */
	uint32_t got;
	int result; /* of its last call */
};

static void *read_all_numbers(void *arg)
{
	struct reader *r = arg;
	const void *data;
	size_t len;

	while ((r->result = ring_take(r->ring, r->number, &data, &len)) > 0) {
		const uint32_t *v = data;

		for (size_t i = 0; i < len / sizeof(*v) && v[i] == r->got; i++)
			r->got++;
		if (r->got >= r->until) {
			ring_abort(r->ring);
			break;
		}
	}
	return NULL;
}

/* False where the ring was aborted. */
static bool put_number(struct ring *ring, uint32_t n)
{
	size_t room;
	char *space = ring_space(ring, &room);

	if (!space)
		return false;
	memcpy(space, &n, sizeof(n));
	ring_filled(ring, sizeof(n));
	return true;
}

TEST(ring_gives_every_reader_everything_in_order)
{
	struct ring *ring = ring_new(3, 28, 2);
	struct reader readers[2] = { { ring, 0, UINT32_MAX, 0, -2 }, { ring, 1, UINT32_MAX, 0, -2 } };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, read_all_numbers, &readers[i]);
	for (uint32_t n = 0; n < NUMBERS; n++)
		CHECK(put_number(ring, n));
	ring_finish(ring);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		CHECK(readers[i].got == NUMBERS);
		CHECK(readers[i].result == 0);
	}
	ring_free(ring);
}

/* No thread is needed: nothing of this may wait. */
TEST(ring_keeps_a_buffer_until_the_slowest_reader_has_seen_it)
{
	struct ring *ring = ring_new(2, 4, 2);
	const void *slow, *fast;
	size_t len;

	put_number(ring, 1);
	put_number(ring, 2);
	CHECK(ring_take(ring, 0, &fast, &len) == 1);
	CHECK(ring_take(ring, 0, &fast, &len) == 1);
	CHECK(ring_take(ring, 1, &slow, &len) == 1);
	CHECK(*(const uint32_t *)slow == 1 && *(const uint32_t *)fast == 2);
	CHECK(ring_take(ring, 1, &slow, &len) == 1); /* the first buffer is free from here on */
	put_number(ring, 3);
	CHECK(*(const uint32_t *)slow == 2 && *(const uint32_t *)fast == 2);
	CHECK(ring_take(ring, 0, &fast, &len) == 1);
	CHECK(*(const uint32_t *)fast == 3 && *(const uint32_t *)slow == 2);
	ring_free(ring);
}

TEST(ring_ends_for_all_when_one_reader_aborts)
{
	struct ring *ring = ring_new(3, 28, 2);
	struct reader readers[2] = { { ring, 0, 1000, 0, -2 }, { ring, 1, UINT32_MAX, 0, -2 } };
	pthread_t threads[2];
	uint32_t n = 0;

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, read_all_numbers, &readers[i]);
	while (n < NUMBERS && put_number(ring, n))
		n++;
	CHECK(n < NUMBERS);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK(readers[1].result == -1);
	/* It was held back by the other, by a ring and what was in its own hands. */
	CHECK(readers[1].got < readers[0].got + 3 * 7 + 7);
	ring_free(ring);
}

int main(void)
{
	RUN(ring_gives_every_reader_everything_in_order);
	RUN(ring_keeps_a_buffer_until_the_slowest_reader_has_seen_it);
	RUN(ring_ends_for_all_when_one_reader_aborts);
	return test_summary();
}
