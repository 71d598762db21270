/*
 * Reads a log from its oldest file to the one that is written to, and from there on what is added,
 * across rotations: no lock, and nothing is lost that was still there when the reader came to it.
 *
 * What was there at first is open from the start, so that it can't be rotated away. A file that is
 * held open keeps its inode, by which it is found again under whatever number it has meanwhile; the
 * next one is the first below that number. Looking at the places between once more, afterwards,
 * proves that nothing was moved in between.
 *
 * Client only. Ownership: log_reader_done closes the files; the directory is lent.
 */
#ifndef RUNTIME_LOG_READER_H
#define RUNTIME_LOG_READER_H

#include <stdio.h>

#include "base/err.h"
#include "runtime/log_file.h"

struct log_reader {
	struct log_config config;
	int dir;
	bool follow;
	FILE **files; /* oldest first; NULL: read to its end, with another one behind it */
	size_t n, i;  /* i: the one that is read; n: none yet */
	long at;      /* in it: where the next record begins */
	long end;     /* of the last one, without follow */
	bool looked_again;
	char *line;
	size_t size;
};

/*
 * Opens what there is. follow: log_reader_next is to return also what is added afterwards. A log
 * that has nothing in it yet is none.
 */
int log_reader_open(const struct log_config *config, int dir, bool follow, struct log_reader *ret,
		    struct err *err);
void log_reader_done(struct log_reader *r);
/* The next record, valid until the next call. False: there is none (yet). */
bool log_reader_next(struct log_reader *r, struct log_record *ret);
/* Goes to where the last n lines begin. Before the first log_reader_next. */
void log_reader_seek_tail(struct log_reader *r, size_t n);

#endif
