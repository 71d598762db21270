/*
 * What a pull or a push says on stderr while it works.
 *
 * Where stderr is a terminal that can move its cursor (TERM is set, and not "dumb"), the items that
 * are not finished have a line each, redrawn in place by a thread of its own, with their total
 * below; finished ones, and all other lines, stay above. Elsewhere each line is written as it
 * comes, and there is nothing in between. Colours there are none, so NO_COLOR is heeded.
 *
 * Counting is an atomic addition; nobody who works waits for the terminal. The cursor is never
 * hidden and rests on the line below, at its beginning, so that whoever is killed leaves it well.
 *
 *	progress_new(quiet, result_fd, &p, err)		once the process is confined: it makes a thread
 *	struct progress_item *i = progress_add(p, "Copying blob", digest, size);  for each, beforehand
 *	progress_start(i); progress_count(i, n)…; progress_finishing(i, "saving");
 *	progress_end(i, "done");			"Copying blob 8d4af7e8ed45 done"
 *	progress_free(p)				in every case: takes unfinished lines away
 *
 * A NULL progress or item is one that nobody looks at.
 */
#ifndef IMAGE_PROGRESS_H
#define IMAGE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct progress;
struct progress_item;

/*
 * Before other threads are made: SIGCONT is blocked in all of them. listener: where the result goes
 * (see image/cancel.h); once nobody reads it the terminal is somebody else's, and left alone.
 */
int progress_new(bool quiet, int listener, struct progress **ret, struct err *err);
void progress_free(struct progress *p);

/* A line of its own, made printable. From any thread, as all that follows. */
void progress_line(struct progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * One of the things that are worked on, waiting. size in bytes, of what will be counted; belongs to
 * p.
 */
struct progress_item *progress_add(struct progress *p, const char *verb, const char *digest,
				   int64_t size);
/* It begins, or begins anew: nothing has been counted. */
void progress_start(struct progress_item *i);
void progress_count(struct progress_item *i, int64_t bytes);
/* All is counted, but it is not over: one word for what is done now, a constant. */
void progress_finishing(struct progress_item *i, const char *word);
/*
 * It is over, and gets its line: the verb, the digest's beginning, and how it ended. how NULL:
 * given up, and silent.
 */
void progress_end(struct progress_item *i, const char *how);

#endif
