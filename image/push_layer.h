/*
 * One layer, from the store into a repository: rebuilt, compared with its diff ID, compressed and
 * uploaded as it comes, in bounded memory.
 */
#ifndef IMAGE_PUSH_LAYER_H
#define IMAGE_PUSH_LAYER_H

#include "base/err.h"
#include "image/cancel.h"
#include "image/compression.h"
#include "image/manifest_make.h"
#include "image/progress.h"
#include "image/registry.h"
#include "storage/store.h"

struct push_layer {
	const struct store *store;
	const struct registry *registry;
	const char *diff_id;
	enum compression compression;
	struct progress_item *progress; /* of the bytes of its tar stream */
};

/* *ret: the blob that it became. Nothing that is not the layer is ever committed there. */
int push_layer(const struct push_layer *l, struct http *h, struct layer_blob *ret, struct err *err);

#endif
