/*
 * The log's files: the one that is written to, and those that it was before, the younger the lower
 * their number.
 *
 *	log, log.1, log.2
 *
 * Where a record does not fit any more, the last file goes, each other takes the next number, and a
 * new log is begun. A monitor that dies in the middle leaves a number unused: whoever reads passes
 * it over, and the next rotation begins there.
 *
 * Monitor only. A log that can't be written to (a full disk) loses records, not the container: it
 * goes on with the log as soon as it can.
 */
#ifndef RUNTIME_LOG_FILE_H
#define RUNTIME_LOG_FILE_H

#include <sys/types.h>

#include "runtime/log.h"

#define LOG_MAX_SIZE (10LL << 20)
#define LOG_MAX_FILES 3
#define LOG_MAX_FILES_LIMIT 100 /* a reader has them all open */

struct log_config {
	enum log_driver driver;
	long long max_size; /* bytes, of a file; -1: no end */
	int max_files;	    /* the one that is written to among them */
	const char *path;   /* absolute, of the youngest; NULL: "log" in its directory */
};

/* "log" or the path, for openat(2) at the container's directory; n: how often it was rotated. */
char *log_file_name(const struct log_config *config, int n);

struct log_file {
	const struct log_config *config; /* lent */
	int dir;			 /* lent */
	int fd;				 /* -1: not open */
	off_t size;
	/* json-file: the beginning of a character whose end has not been read yet, by stream. */
	struct buf carry[2];
};

/* Appends what a stream wrote. */
void log_file_write(struct log_file *f, bool is_stderr, const char *data, size_t len);
/* Both streams have ended. It may be written to again. */
void log_file_close(struct log_file *f);

#endif
