/*
 * A response's header, line by line (RFC 9110), as it came from the registry: what of it is of use.
 */
#ifndef IMAGE_HTTP_HEADER_H
#define IMAGE_HTTP_HEADER_H

#include <stddef.h>

#include "image/http.h"

/* len bytes, with or without the line's end. A field that nobody asks for changes nothing. */
void http_header_read(const char *line, size_t len, struct http_response *r);

#endif
