/*
 * Base64 (RFC 4648, section 4), for Basic authentication and the files that hold credentials.
 */
#ifndef IMAGE_BASE64_H
#define IMAGE_BASE64_H

#include <stddef.h>

/* The caller frees. */
char *base64_encode(const void *data, size_t len);
/*
 * The decoded bytes, followed by a NUL that *ret_len does not count; NULL where text is not
 * base64, padding included. The caller frees.
 */
char *base64_decode(const char *text, size_t *ret_len);

#endif
