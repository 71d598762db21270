#include "net/ahead.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "net/frame.h"

/* One more than a frame, to tell one that is too long. */
#define FRAME_BUFFER (FRAME_MAX + 1)

int ahead_read(struct ahead *a, int fd, int *left)
{
	for (; a->n < AHEAD_MAX && *left > 0; --*left) {
		size_t i = (a->first + a->n) % AHEAD_MAX;
		ssize_t n;

		/* Not cleared: it takes memory as it is used. */
		if (!a->frames[i])
			a->frames[i] = xmalloc(FRAME_BUFFER);
		n = read(fd, a->frames[i], FRAME_BUFFER);
		if (n < 0)
			return -1;
		a->lens[i] = (size_t)n;
		a->n++;
	}
	return 0;
}

const uint8_t *ahead_next(struct ahead *a, size_t *ret_len)
{
	size_t i = a->first;

	if (!a->n)
		return NULL;
	/* The first buffer again where one is enough: it is in the cache. */
	a->first = --a->n ? (i + 1) % AHEAD_MAX : 0;
	*ret_len = a->lens[i];
	return a->frames[i];
}

void ahead_let_go(struct ahead *a)
{
	for (size_t i = 0; i < AHEAD_MAX; i++)
		free(a->frames[i]);
	*a = (struct ahead){ .n = 0 };
}
