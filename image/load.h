/*
 * Loading: an archive, or a directory, with images becomes images of the store.
 */
#ifndef IMAGE_LOAD_H
#define IMAGE_LOAD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "image/cancel.h"
#include "storage/store.h"

struct load_options {
	int fd;		/* of a tar archive, however compressed, or of a directory: image/bundle.h */
	bool directory;
	const struct cancel *cancel;
};

/*
 * *ret: for each image its names, or "sha256:ID" where it has none. An archive is unpacked into
 * tmp/ of the store first: what is needed to begin with may stand at its end, and a pipe is read once.
 */
int load(const struct store *s, const struct load_options *options, struct strv *ret,
	 struct err *err);

#endif
