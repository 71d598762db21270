/*
 * A ring of buffers between threads: one fills them, others read all of them, each in order and at
 * its own pace, without a copy. It bounds the memory between a fast network and a slow disk, and
 * lets both cores work on one layer. A buffer is filled anew when every reader has given it back.
 *
 * Any of them may abort; the others then fail at their next call.
 */
#ifndef IMAGE_RING_H
#define IMAGE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

#define RING_READERS 2 /* at most */

struct ring *ring_new(size_t buffers, size_t size, size_t readers);
void ring_free(struct ring *r);

/* Producer: the free part of the current buffer, waiting for one; NULL where it was aborted. */
char *ring_space(struct ring *r, size_t *ret_len);
/* Producer: so many more bytes are filled in. A full buffer goes to the readers. */
void ring_filled(struct ring *r, size_t len);
/* Producer: that was all. */
void ring_finish(struct ring *r);

/*
 * Reader, a number from 0: gives its last buffer back and waits for the next: 1; 0 at the end; -1
 * where it was aborted. *ret_data is valid until its next call.
 */
int ring_take(struct ring *r, size_t reader, const void **ret_data, size_t *ret_len);

/* Anybody: the others' next calls fail. */
void ring_abort(struct ring *r);

#endif
