/*
 * SHA-256 of a stream (OpenSSL, with the processor's SHA instructions). Only in tiffin-image.
 */
#ifndef IMAGE_HASH_H
#define IMAGE_HASH_H

#include <stddef.h>

#include "image/digest.h"

struct hash;

struct hash *hash_new(void);
void hash_add(struct hash *h, const void *data, size_t len);
/* The digest of everything added; nothing can be added after it. */
void hash_digest(struct hash *h, char ret[DIGEST_SIZE]);
void hash_free(struct hash *h);
void clean_hash(struct hash **h);

/* Of a document that is all there. */
void digest_of(const void *data, size_t len, char ret[DIGEST_SIZE]);

#endif
