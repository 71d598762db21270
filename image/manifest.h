/*
 * Manifests and indexes: what a registry says an image is made of. OCI image specification
 * (manifest.md, image-index.md) and Docker's "Image Manifest Version 2, Schema 2" and manifest
 * list, which have the same shape under other media types.
 *
 * Every digest in a parsed manifest is valid, every size within bounds, and a document is one of
 * the two kinds for sure: one that could be read as both (CVE-2021-41190) is refused.
 *
 * Errors: CORRUPT (not a manifest), UNSUPPORTED (schema 1, artifacts, layers that are no tar
 * archives), NOT_FOUND (no image for the platform). Pure functions on bytes; nothing but base.
 */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/compression.h"
#include "image/digest.h"
#include "image/platform.h"

#define MANIFEST_MAX (4u << 20) /* bytes: distribution specification, "Pushing Manifests" */

/* For the Accept header: everything that manifest_parse understands. */
#define MANIFEST_ACCEPT                                                                            \
	"application/vnd.oci.image.manifest.v1+json, "                                             \
	"application/vnd.oci.image.index.v1+json, "                                                \
	"application/vnd.docker.distribution.manifest.v2+json, "                                   \
	"application/vnd.docker.distribution.manifest.list.v2+json"

enum manifest_kind {
	MANIFEST_IMAGE,
	MANIFEST_INDEX,
};

struct descriptor {
	char digest[DIGEST_SIZE];
	int64_t size;
	struct platform platform; /* in an index; empty where it says none */
	enum compression compression; /* of a layer, as its media type has it */
};

struct manifest {
	enum manifest_kind kind;
	struct descriptor config;   /* of an image */
	struct descriptor *entries; /* layers, the lowest first, or manifests */
	size_t n;
};

void manifest_done(struct manifest *m);

/*
 * Parses a document that was served with this Content-Type (NULL where there was none). A type that
 * is not a manifest's, such as text/html, is refused; one that says nothing (text/plain,
 * application/json) leaves it to the document's own mediaType.
 */
int manifest_parse(const char *data, size_t len, const char *content_type, struct manifest *ret,
		   struct err *err);

/* The entry of an index that suits the platform best. Borrowed. */
int manifest_select(const struct manifest *index, const struct platform *want,
		    const struct descriptor **ret, struct err *err);

#endif
