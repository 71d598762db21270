/*
 * The journal: what happened to containers and images, for "tiffin events".
 *
 *	events		records, appended
 *	events.1	the records before, from when "events" grew to JOURNAL_MAX
 *
 * A record is a JSON text sequence's (RFC 7464): a record separator, one line of at most 4 KiB, a
 * newline; {"time": ns, "type": "container", "action": "start", "id": …, "name": …, "attributes":
 * {key: string}}. It is appended by one write(2) without a lock. What a full disk or a crash left
 * half written ends at the next separator, and is passed over.
 *
 * The journal is not synced, and nothing depends on it: what can't be written is lost.
 */
#ifndef STORAGE_JOURNAL_H
#define STORAGE_JOURNAL_H

#include <jansson.h>

#include "base/str.h"
#include "storage/store.h"

#define JOURNAL_MAX	   (1u << 20)
#define JOURNAL_RECORD_MAX 4096

/*
 * Adds a record. Takes the attributes over, which may be NULL; of too many, the last are left out.
 * Any process that has s->fd and s->locks may.
 */
void journal_add(const struct store *s, const char *type, const char *action, const char *id,
		 const char *name, json_t *attributes);

/* A reader. Follows the journal across its rotation. */
struct journal {
	const struct store *store; /* borrowed */
	int watch;		   /* inotify(7), or -1 */
	struct journal_file {
		int fd; /* or -1 */
		struct buf text;
		size_t at; /* what is before has been read */
	} older, newer;
};
#define JOURNAL_INIT { .watch = -1, .older = { .fd = -1 }, .newer = { .fd = -1 } }
void journal_done(struct journal *j);

/* from_start: with what there is; follow: journal_wait will be called. */
int journal_open(const struct store *s, bool from_start, bool follow, struct journal *ret,
		 struct err *err);
/* The next record, to be decref'd: well-formed, with all of its members. NULL: no more for now. */
json_t *journal_next(struct journal *j);
/* Waits until there may be more: 0, or -1 where timeout_ms (< 0: for ever) have passed. */
int journal_wait(struct journal *j, int timeout_ms);

#endif
