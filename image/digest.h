/*
 * Digests: the one form that is accepted, checked before any path or request is made of it
 * (CVE-2024-3727). OCI image specification, descriptor.md, "Digests"; of its algorithms only
 * SHA-256, which is what the images of this world use.
 */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define DIGEST_PREFIX	  "sha256:"
#define DIGEST_PREFIX_LEN 7
#define DIGEST_LEN	  (DIGEST_PREFIX_LEN + 64) /* 64 lower-case hex digits */
#define DIGEST_SIZE	  (DIGEST_LEN + 1)	   /* and a NUL */

static inline bool digest_valid(const char *s)
{
	return s && strlen(s) == DIGEST_LEN && starts_with(s, DIGEST_PREFIX) &&
	       is_hex(&s[DIGEST_PREFIX_LEN], 64);
}

static inline const char *digest_hex(const char *digest)
{
	return &digest[DIGEST_PREFIX_LEN];
}

/* For messages, "%.19s": "sha256:" and 12 digits. */
#define DIGEST_SHORT 19

#endif
