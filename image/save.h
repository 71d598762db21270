/*
 * Saving: images of the store become an archive, or a directory, that other tools load.
 *
 * The configuration is, byte for byte, what was pulled, and each layer's tar stream is rebuilt and
 * compared with its diff ID, so that the image ID stays. Layers are written uncompressed, but in a
 * directory that is to have them otherwise: what
 * compressed them once, and how, nobody knows, so that a manifest of its own names them.
 */
#ifndef IMAGE_SAVE_H
#define IMAGE_SAVE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "image/cancel.h"
#include "storage/store.h"

enum save_format {
	SAVE_DOCKER_ARCHIVE, /* docker save; Docker image specification v1.2 */
	SAVE_OCI_ARCHIVE,    /* an OCI image layout (image-layout.md), as a tar archive */
	SAVE_OCI_DIR,
	SAVE_DOCKER_DIR,     /* containers/image's "dir:" */
};

/* "docker-archive" and so on; ERR_USAGE. */
int save_format_parse(const char *text, enum save_format *ret, struct err *err);
static inline bool save_format_is_directory(enum save_format f)
{
	return f == SAVE_OCI_DIR || f == SAVE_DOCKER_DIR;
}

struct save_options {
	enum save_format format;
	int fd;	       /* of the archive, or of the directory */
	bool compress; /* the layers, with gzip; for SAVE_DOCKER_DIR alone */
	const struct cancel *cancel;
};

/*
 * images: each "ID[,NAME…]", an ID in full and canonical references that it is to have. Errors name
 * the image.
 */
int save(const struct store *s, const struct strv *images, const struct save_options *options,
	 struct err *err);

#endif
