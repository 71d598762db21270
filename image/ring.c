#include "image/ring.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/str.h"

struct ring {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	size_t buffers, size;
	size_t produced; /* buffers, since the beginning */
	size_t filled;	 /* bytes in the producer's current buffer */
	size_t n_readers;
	struct reader {
		size_t consumed;
		bool taken; /* it looks at buffer number consumed */
	} readers[RING_READERS];
	bool finished, aborted;
	size_t *lens;
	char *data;
};

struct ring *ring_new(size_t buffers, size_t size, size_t readers)
{
	struct ring *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->buffers = buffers;
	r->size = size;
	r->n_readers = readers;
	r->lens = xcalloc(buffers, sizeof(*r->lens));
	r->data = xmalloc(buffers * size);
	return r;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->mutex);
	pthread_cond_destroy(&r->changed);
	free(r->lens);
	free(r->data);
	free(r);
}

static char *buffer_at(const struct ring *r, size_t number)
{
	return r->data + number % r->buffers * r->size;
}

/* Buffers that the slowest reader has given back. */
static size_t consumed(const struct ring *r)
{
	size_t least = r->readers[0].consumed;

	for (size_t i = 1; i < r->n_readers; i++)
		least = r->readers[i].consumed < least ? r->readers[i].consumed : least;
	return least;
}

/* The current buffer is the producer's own: only the way to the next one needs the lock. */
char *ring_space(struct ring *r, size_t *ret_len)
{
	bool aborted;

	pthread_mutex_lock(&r->mutex);
	while (!r->aborted && r->produced - consumed(r) == r->buffers)
		pthread_cond_wait(&r->changed, &r->mutex);
	aborted = r->aborted;
	pthread_mutex_unlock(&r->mutex);
	if (aborted)
		return NULL;
	*ret_len = r->size - r->filled;
	return buffer_at(r, r->produced) + r->filled;
}

static void hand_over(struct ring *r, bool last)
{
	pthread_mutex_lock(&r->mutex);
	if (r->filled) {
		r->lens[r->produced % r->buffers] = r->filled;
		r->produced++;
		r->filled = 0;
	}
	r->finished = last;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}

void ring_filled(struct ring *r, size_t len)
{
	r->filled += len;
	if (r->filled == r->size)
		hand_over(r, false);
}

void ring_finish(struct ring *r)
{
	hand_over(r, true);
}

int ring_take(struct ring *r, size_t reader, const void **ret_data, size_t *ret_len)
{
	struct reader *me = &r->readers[reader];
	int result;

	pthread_mutex_lock(&r->mutex);
	if (me->taken) {
		me->consumed++;
		me->taken = false;
		pthread_cond_broadcast(&r->changed);
	}
	while (!r->aborted && !r->finished && r->produced == me->consumed)
		pthread_cond_wait(&r->changed, &r->mutex);
	if (r->aborted) {
		result = -1;
	} else if (r->produced == me->consumed) {
		result = 0;
	} else {
		me->taken = true;
		*ret_data = buffer_at(r, me->consumed);
		*ret_len = r->lens[me->consumed % r->buffers];
		result = 1;
	}
	pthread_mutex_unlock(&r->mutex);
	return result;
}

void ring_abort(struct ring *r)
{
	pthread_mutex_lock(&r->mutex);
	r->aborted = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
}
