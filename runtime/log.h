/*
 * The container's log: one record a line, in one of two forms.
 *
 * k8s-file, as the Kubernetes container runtime interface has it and podman writes it. "F" ends a
 * line, "P" is a part of one that goes on in the stream's next record. The bytes are those that
 * were written, whatever they are:
 *
 *	2026-11-21T09:30:00.123456789Z stdout F what it wrote
 *
 * json-file, docker's. The newline at the end of "log" ends a line; where there is none, it goes
 * on. JSON is UTF-8, so bytes that are not become U+FFFD, as in docker:
 *
 *	{"log":"what it wrote\n","stream":"stdout","time":"2026-11-21T09:30:00.123456789Z"}
 */
#ifndef RUNTIME_LOG_H
#define RUNTIME_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum log_driver {
	LOG_K8S_FILE,
	LOG_JSON_FILE,
	LOG_NONE,
};

const char *log_driver_name(enum log_driver driver);
bool log_driver_find(const char *name, enum log_driver *ret);

struct log_record {
	int64_t time;	/* nanoseconds since the epoch */
	bool is_stderr;
	bool partial;
	const char *text; /* without its newline; not terminated */
	size_t len;
};

#define LOG_TIME_LEN 30 /* "2026-11-21T09:30:00.123456789Z" */

/* The time as records have it. */
void log_time(int64_t nanoseconds, char ret[LOG_TIME_LEN + 1]);
/* Appends a record, with the newline that ends it. The text has no newline. */
void log_format(enum log_driver driver, const struct log_record *record, struct buf *out);
/*
 * Reads a record of one line (without its newline), which is written over: the text points into it.
 * False where it is not one.
 */
bool log_parse(enum log_driver driver, char *line, size_t len, struct log_record *ret);

/* How many of the last bytes are the beginning of a character that goes on behind them: 0 to 3. */
size_t log_unfinished_utf8(const char *data, size_t len);

#endif
