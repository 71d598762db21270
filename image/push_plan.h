/*
 * What of an image's layers need not be uploaded: which blobs each is known as, and which of them a
 * push to a repository may name.
 */
#ifndef IMAGE_PUSH_PLAN_H
#define IMAGE_PUSH_PLAN_H

#include <stdbool.h>

#include "image/compression.h"
#include "image/manifest.h"
#include "image/manifest_make.h"
#include "image/progress.h"
#include "image/reference.h"
#include "storage/known_blob.h"

#define MOUNTS_MAX 4 /* repositories that a push asks to be let read */

struct push_item {
	const char *diff_id;
	const struct descriptor *recorded; /* in the image's manifest; NULL: it has none */
	struct known_blobs known;
	struct progress_item *progress;
	struct layer_blob blob; /* what it became in the end */
	bool repeated; /* it is the layer of an item before */
	bool made;     /* the blob is of our making */
};
void push_item_done(struct push_item *i);

struct push_target {
	const struct reference *ref;
	const char *name; /* of its repository: "localhost:5000/x" */
	bool zstd;	  /* its manifest may name such layers */
	bool forced;
	enum compression compression; /* where forced */
};

/*
 * May the blob be named there? Where nobody verified it, only where the registry itself has said
 * so.
 */
bool push_may_name(const struct push_target *t, const struct known_blob *b, struct layer_blob *ret);
/*
 * The next blob to ask for, the one that the manifest has first; NULL at the end. *io_at from 0 on.
 */
const struct known_blob *push_candidate(const struct push_item *i, size_t *io_at);
/* How the layer is to be compressed where it has to be uploaded. */
enum compression push_compression(const struct push_target *t, const struct push_item *i,
				  enum compression usual);
/* Repositories of the target's registry, other than itself, that have been seen with a blob. */
void push_neighbours(const struct push_target *t, const struct known_blob *b, struct strv *io);

#endif
