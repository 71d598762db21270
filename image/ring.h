/*
 * A ring of buffers between two threads: one fills them, the other empties them, in order, without
 * a copy. It bounds the memory between a fast network and a slow disk, and lets both cores work on
 * one layer.
 *
 * Either side may abort; the other then fails at its next call. One producer, one consumer.
 */
#ifndef IMAGE_RING_H
#define IMAGE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

struct ring *ring_new(size_t buffers, size_t size);
void ring_free(struct ring *r);

/* Producer: the free part of the current buffer, waiting for one; NULL where it was aborted. */
char *ring_space(struct ring *r, size_t *ret_len);
/* Producer: so many more bytes are filled in. A full buffer goes to the consumer. */
void ring_filled(struct ring *r, size_t len);
/* Producer: that was all. */
void ring_finish(struct ring *r);

/*
 * Consumer: gives the last buffer back and waits for the next: 1; 0 at the end; -1 where it was
 * aborted. *ret_data is valid until the next call.
 */
int ring_take(struct ring *r, const void **ret_data, size_t *ret_len);

/* Either: the other side's next call fails. */
void ring_abort(struct ring *r);

#endif
