/*
 * The container's log: one record a line, as the Kubernetes container runtime interface has it and
 * podman's k8s-file driver writes it:
 *
 *	2026-11-21T09:30:00.123456789Z stdout F what it wrote
 *
 * "F" ends a line, "P" is a part of one that goes on in the stream's next record. The bytes are
 * those that were written, whatever they are.
 */
#ifndef RUNTIME_LOG_H
#define RUNTIME_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends what a stream wrote. A log that can't be written to loses records, not the container. */
void log_append(int fd, const char *stream, const char *data, size_t len);

struct log_record {
	int64_t time;	/* nanoseconds since the epoch */
	bool is_stderr;
	bool partial;
	const char *text; /* not terminated */
	size_t len;
};

/* Reads a record of one line (without its newline). False where it is not one. */
bool log_parse(const char *line, size_t len, struct log_record *ret);

#endif
