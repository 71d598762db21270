/*
 * Decompression of a layer's blob, as a stream: gzip (ISA-L where it was there at build time, else
 * zlib), zstd, or none. Which it is, is told by the first bytes, as media types are often wrong.
 *
 * Several gzip members or zstd frames in a row are one stream (RFC 1952, 2.2; RFC 8878, 3.1); zeros
 * may follow the last gzip member, anything else is ERR_CORRUPT. Memory: 32 KiB of window for gzip,
 * at most 128 MiB for zstd (what zstd's own tool allows without being told).
 */
#ifndef IMAGE_INFLATE_H
#define IMAGE_INFLATE_H

#include <stddef.h>

#include "base/err.h"

struct inflate;

struct inflate *inflate_new(void);
void inflate_free(struct inflate *z);

/* Bytes that are read and advanced over, and room that is written and advanced over. */
struct inflate_io {
	const unsigned char *in;
	size_t in_len;
	unsigned char *out;
	size_t out_len;
};

/* Works until the input is used up or the room is: call it again for as long as either moves. */
int inflate_run(struct inflate *z, struct inflate_io *io, struct err *err);
/* What it turned out to be, by the name that image/compression.h has for it. */
const char *inflate_found(const struct inflate *z);
/* The input has ended: ERR_CORRUPT where the stream has not. */
int inflate_end(struct inflate *z, struct err *err);

#endif
