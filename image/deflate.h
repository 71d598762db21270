/*
 * The other direction of image/inflate.h: a layer's tar stream becomes a blob, piece by piece.
 *
 * gzip is zlib's at its default level, without a name or time, so that the same stream is the same
 * blob each time, and that of others who use zlib so; zstd likewise with libzstd.
 */
#ifndef IMAGE_DEFLATE_H
#define IMAGE_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "image/compression.h"

struct deflate;

struct deflate *deflate_new(enum compression how);
void deflate_free(struct deflate *d);
void clean_deflate(struct deflate **d);

/* Bytes that are read and advanced over, and room that is written and advanced over. */
struct deflate_io {
	const char *in;
	size_t in_len;
	char *out;
	size_t out_len;
};

/*
 * Works until the input is used up or the room is: call it again for as long as there is input, or
 * no room is left over. last: there is no input after this. *ret_done: all of it has come out.
 */
int deflate_run(struct deflate *d, struct deflate_io *io, bool last, bool *ret_done,
		struct err *err);

#endif
