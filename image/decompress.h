/*
 * The stream within a compressed file: gzip, zstd, xz, bzip2, or none of these. For what users hand
 * in; a layer's blob goes the faster way of image/inflate.h, which knows the formats that
 * registries have.
 */
#ifndef IMAGE_DECOMPRESS_H
#define IMAGE_DECOMPRESS_H

#include <stddef.h>

#include "base/err.h"
#include "image/cancel.h"

struct decompress;

/* fd and cancel are borrowed. */
int decompress_new(int fd, const struct cancel *cancel, struct decompress **ret, struct err *err);
void decompress_free(struct decompress *d);
void clean_decompress(struct decompress **d);
/* As unpack_source (image/unpack.h); arg is a struct decompress. ERR_CORRUPT. */
int decompress_next(void *arg, const void **ret_data, size_t *ret_len, struct err *err);

#endif
