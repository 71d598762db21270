/*
 * What a layer of the store is known as in registries: blobs by digest, and the repositories that
 * were seen to have them; so that a push need not upload what is there, and can keep its digests.
 *
 * Kept beside the layer's tree, as one JSON file that is replaced. It is a cache: where it can't be
 * read there is nothing in it, and of two who add to it at once the second wins.
 */
#ifndef STORAGE_KNOWN_BLOB_H
#define STORAGE_KNOWN_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "storage/store.h"

struct known_blob {
	char digest[72]; /* "sha256:…" */
	int64_t size;
	char *compression; /* image/compression.h, by name */
	/*
	 * Its bytes were seen to be the layer's. Else a registry's manifest says so, which is good
	 * for that registry alone.
	 */
	bool verified;
	struct strv repositories; /* "docker.io/library/alpine", the latest first */
};

struct known_blobs {
	struct known_blob *v; /* the latest first */
	size_t n;
};

void known_blobs_done(struct known_blobs *b);
/* Never fails; the digests of what is there are valid. */
void known_blobs_read(const struct store *s, const char *diff_id, struct known_blobs *ret);
/* Adds one, or what is new of one that is known. repository may be NULL. */
void known_blobs_add(const struct store *s, const char *diff_id, const struct known_blob *blob,
		     const char *repository);

#endif
