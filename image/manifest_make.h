/*
 * A manifest for an image whose layers are uncompressed, as save writes and load keeps it: their
 * digests are the diff IDs.
 */
#ifndef IMAGE_MANIFEST_MAKE_H
#define IMAGE_MANIFEST_MAKE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct manifest_types {
	const char *manifest, *config, *layer;
};

extern const struct manifest_types manifest_types_oci, manifest_types_docker;

/* The caller decrefs, and frees. */
json_t *descriptor_make(const char *type, const char *digest, int64_t size);
char *manifest_make(const struct manifest_types *types, const char *config_digest,
		    size_t config_size, const struct strv *diff_ids, const int64_t *sizes);

#endif
