/*
 * One layer, from a file into the store: inflated, unpacked, compared with its diff ID, committed.
 */
#ifndef IMAGE_LAYER_FILE_H
#define IMAGE_LAYER_FILE_H

#include "base/err.h"
#include "image/cancel.h"
#include "storage/store.h"

/* The caller holds the layer's lock. Gzip, zstd or none. Nothing stays where it fails. */
int layer_from_file(const struct store *s, int fd, const char *diff_id, const struct cancel *cancel,
		    struct err *err);

#endif
