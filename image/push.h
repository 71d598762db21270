/*
 * Pushing: an image of the store goes into a repository of a registry.
 *
 * Configuration and diff IDs, and with them the image ID, are always what they were. Blobs that the
 * repository has, or can take over from another one of its registry, keep their digests; where that
 * is so for all of them, or compressing anew happens to give the same ones, the manifest is the one
 * that was pulled, bit for bit. Else it follows what the layers have become.
 */
#ifndef IMAGE_PUSH_H
#define IMAGE_PUSH_H

#include <stdbool.h>

#include "base/err.h"
#include "image/cancel.h"
#include "image/compression.h"
#include "image/digest.h"
#include "image/manifest_make.h"
#include "image/progress.h"
#include "image/reference.h"
#include "image/retry.h"
#include "image/source.h"
#include "storage/store.h"

struct push_options {
	const struct manifest_types *types; /* NULL: as the image came */
	/*
	 * Of what is uploaded; forced: of what is there already, too. Not forced: as the layer
	 * came, and gzip where it did not come compressed from a registry.
	 */
	enum compression compression;
	bool forced;
	const struct source *source; /* where to */
	struct retry retry;	     /* of each request */
	struct progress *progress;
	const struct cancel *cancel;
};

/* "oci", "v2s2", "docker". ERR_USAGE, or ERR_UNSUPPORTED. */
int push_format_parse(const char *text, const struct manifest_types **ret, struct err *err);

struct push_result {
	char digest[DIGEST_SIZE]; /* of the manifest */
	size_t size;
};

/*
 * image: "ID[,NAME]", of whose manifests the one that the name came with is preferred. ref has a
 * tag. Errors begin with "cannot push '<reference>': ".
 */
int push(const struct store *s, const char *image, const struct reference *ref,
	 const struct push_options *options, struct push_result *ret, struct err *err);

#endif
