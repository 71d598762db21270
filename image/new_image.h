/*
 * Images that are made here (import, commit): a layer whose diff ID nobody knows before it has been
 * unpacked, and an image that ends with it.
 *
 * The layer is hashed and unpacked in a stage, locked, committed, and only then is there an image,
 * whose manifest says that its layers are uncompressed.
 */
#ifndef IMAGE_NEW_IMAGE_H
#define IMAGE_NEW_IMAGE_H

#include "base/err.h"
#include "image/cancel.h"
#include "image/hash.h"
#include "image/manifest_make.h"
#include "image/result.h"
#include "image/unpack.h"
#include "storage/layer.h"

struct new_layer {
	const struct store *store;
	const struct cancel *cancel;
	struct layer_stage stage;
	struct hash *hash;
	unpack_source *source;
	void *arg;
	int64_t size;	      /* of the stream */
	struct layer_info info;
	char diff_id[DIGEST_SIZE];
	int lock;	      /* held until the image refers to the layer */
	bool kept;	      /* it is in the store, and no image has it as yet */
};

/* A stage is made at once: stage.dir can be used. */
int new_layer_init(struct new_layer *l, const struct store *s, const struct cancel *cancel,
		   struct err *err);
/* Removes what no image has come to refer to. */
void new_layer_done(struct new_layer *l);
/* Unpacks a tar stream. */
int new_layer_unpack(struct new_layer *l, unpack_source *source, void *arg, struct err *err);
int new_layer_keep(struct new_layer *l, struct err *err);

/*
 * config: JSON of the whole configuration, its layers included. name: canonical, or NULL. l: the
 * layer that it ends with; NULL: the image has no new one.
 */
int new_image_put(const struct store *s, struct new_layer *l, const char *config, const char *name,
		  const struct manifest_types *types, struct pull_result *ret, struct err *err);

/*
 * Removes layers that were put into the store for an image that is not to be, but for those in use.
 */
void layers_drop(const struct store *s, const struct strv *diff_ids);

#endif
