/*
 * How a layer's blob is compressed, and what media types say so (OCI image specification,
 * media-types.md; Docker's "Image Manifest Version 2, Schema 2"). Pure functions; nothing but base.
 */
#ifndef IMAGE_COMPRESSION_H
#define IMAGE_COMPRESSION_H

#include "base/err.h"

enum compression {
	COMPRESSION_NONE,
	COMPRESSION_GZIP,
	COMPRESSION_ZSTD,
};

const char *compression_name(enum compression c); /* "none", "gzip", "zstd" */
/* ERR_USAGE where it is no such name. */
int compression_parse(const char *text, enum compression *ret, struct err *err);
/* What a layer's media type says: ".tar+gzip", ".tar.gzip", ".tar+zstd"; anything else is none. */
enum compression compression_of_type(const char *media_type);

#endif
