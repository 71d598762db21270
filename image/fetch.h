/*
 * One layer, from the registry into the store: downloaded, verified twice, unpacked, committed.
 */
#ifndef IMAGE_FETCH_H
#define IMAGE_FETCH_H

#include <stdbool.h>

#include "base/err.h"
#include "image/manifest.h"
#include "image/progress.h"
#include "image/registry.h"
#include "storage/layer.h"

struct fetch {
	const struct store *store;
	const struct registry *registry;
	const struct descriptor *blob;
	const char *diff_id;
	struct progress_item *progress; /* or NULL */
};

/*
 * The caller holds the layer's lock. Nothing stays in the store but a layer whose blob has the
 * digest and size of the manifest, and whose tar stream has its diff ID.
 */
int fetch_layer(const struct fetch *f, struct http *h, struct layer_info *ret, struct err *err);

#endif
