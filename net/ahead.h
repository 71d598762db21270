/*
 * Frames that are read ahead of their turn, from the descriptor of an interface. A packet socket
 * has room for six large ones where net.core.rmem_max is 212992, as it long was by default; it
 * loses what comes while they are worked off, and eight senders that lose and wait had half of a
 * tap's speed.
 *
 * It takes memory only as it is used, and keeps it until it is told to let go.
 */
#ifndef NET_AHEAD_H
#define NET_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#define AHEAD_MAX 16

/* All zeros: none. */
struct ahead {
	uint8_t *frames[AHEAD_MAX]; /* NULL: not needed yet */
	size_t lens[AHEAD_MAX];
	size_t first, n;
};

/*
 * Reads until it is full, or *left, which counts down, is 0, and returns 0; or -1 and errno, as
 * read(2) has it, when nothing more can be read.
 */
int ahead_read(struct ahead *a, int fd, int *left);
/*
 * The next one in order, or NULL. A length above FRAME_MAX means that it was longer than a frame
 * may be. It is valid until the next ahead_read().
 */
const uint8_t *ahead_next(struct ahead *a, size_t *ret_len);
/* Frees everything, and forgets frames that were not asked for. */
void ahead_let_go(struct ahead *a);

#endif
