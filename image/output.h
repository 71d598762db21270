/*
 * Where a saved image goes: files one after the other into a tar archive (ustar), or into a
 * directory. Their names are ours: digests, and a few words.
 */
#ifndef IMAGE_OUTPUT_H
#define IMAGE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct output {
	int fd;		/* borrowed: of the archive, or of the directory */
	bool directory;
	struct strv names; /* of what is in it already */
	/* The file that is being written. */
	int file;
	int64_t size, written;
};

void output_init(struct output *o, int fd, bool directory);
void output_done(struct output *o);

bool output_has(const struct output *o, const char *name);
/* A file of that size, which has to be its size in the end; -1, in a directory: of any. */
int output_begin(struct output *o, const char *name, int64_t size, struct err *err);
int output_write(struct output *o, const void *data, size_t len, struct err *err);
int output_end(struct output *o, struct err *err);
/* The three in one. */
int output_file(struct output *o, const char *name, const void *data, size_t len, struct err *err);
/* In a directory: gives what was written another name, or takes it away again (NULL). */
int output_rename(struct output *o, const char *from, const char *to, struct err *err);
/* After the last file: the archive's end; or what was written is made durable. */
int output_finish(struct output *o, struct err *err);

#endif
