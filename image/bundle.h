/*
 * Bundles: images as save, docker, podman, skopeo and others write them, as a directory: an
 * unpacked docker archive ("manifest.json"), an OCI image layout ("index.json"), or
 * containers/image's "dir:" ("manifest.json" and "version").
 *
 * What is in it is a stranger's: files are opened beneath the directory and nowhere else, documents
 * have 4 MiB at most, and have the digests that they are named by. ERR_CORRUPT: it is none of the
 * three, or says what can't be.
 */
#ifndef IMAGE_BUNDLE_H
#define IMAGE_BUNDLE_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "image/digest.h"

struct bundle_image {
	struct buf config, manifest; /* manifest: empty in a docker archive */
	struct strv layers;	     /* paths in the bundle, the lowest first */
	struct strv names;	     /* canonical references */
	struct strv labels;	     /* as the archive has them */
};

struct bundle {
	struct bundle_image *v;
	size_t n;
};

void bundle_done(struct bundle *b);
int bundle_read(int dir, struct bundle *ret, struct err *err);
/* A regular file of it. The caller closes. */
int bundle_open(int dir, const char *path, int *ret_fd, struct err *err);

#endif
