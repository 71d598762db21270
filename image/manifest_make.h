/*
 * Manifests of our own: for an image whose layers are uncompressed, as save writes and load keeps
 * it (their digests are the diff IDs); and for one whose layers are other blobs than those that
 * came.
 */
#ifndef IMAGE_MANIFEST_MAKE_H
#define IMAGE_MANIFEST_MAKE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "image/compression.h"
#include "image/digest.h"

struct manifest_types {
	const char *manifest, *config, *layer;
	const char *gzip, *zstd; /* what a compressed layer's type has at its end; NULL: there is none */
};

extern const struct manifest_types manifest_types_oci, manifest_types_docker;

/* Those of a manifest that was parsed before. */
const struct manifest_types *manifest_types_of(const char *data, size_t len);

/* The caller decrefs, and frees. */
json_t *descriptor_make(const char *type, const char *digest, int64_t size);
char *manifest_make(const struct manifest_types *types, const char *config_digest,
		    size_t config_size, const struct strv *diff_ids, const int64_t *sizes);

/* A layer as a blob. */
struct layer_blob {
	char digest[DIGEST_SIZE];
	int64_t size;
	enum compression compression; /* one that the types have */
};
/*
 * With those layers. before: a manifest of the image, of the same types, whose annotations are
 * kept; may be NULL. The caller frees.
 */
char *manifest_remake(const char *before, size_t before_len, const struct manifest_types *types,
		      const char *config_digest, size_t config_size, const struct layer_blob *layers,
		      size_t n);

#endif
