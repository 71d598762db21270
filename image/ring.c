#include "image/ring.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/str.h"

struct ring {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	size_t buffers, size;
	size_t produced, consumed; /* buffers, since the beginning */
	size_t filled;		   /* bytes in the producer's current buffer */
	bool taken;		   /* the consumer looks at buffer number consumed */
	bool finished, aborted;
	size_t *lens;
	char *data;
};

struct ring *ring_new(size_t buffers, size_t size)
{
	struct ring *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->buffers = buffers;
	r->size = size;
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

/* The current buffer is the producer's own: only the way to the next one needs the lock. */
char *ring_space(struct ring *r, size_t *ret_len)
{
	bool aborted;

	pthread_mutex_lock(&r->mutex);
	while (!r->aborted && r->produced - r->consumed == r->buffers)
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

int ring_take(struct ring *r, const void **ret_data, size_t *ret_len)
{
	int result;

	pthread_mutex_lock(&r->mutex);
	if (r->taken) {
		r->consumed++;
		r->taken = false;
		pthread_cond_broadcast(&r->changed);
	}
	while (!r->aborted && !r->finished && r->produced == r->consumed)
		pthread_cond_wait(&r->changed, &r->mutex);
	if (r->aborted) {
		result = -1;
	} else if (r->produced == r->consumed) {
		result = 0;
	} else {
		r->taken = true;
		*ret_data = buffer_at(r, r->consumed);
		*ret_len = r->lens[r->consumed % r->buffers];
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
