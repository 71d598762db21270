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
	/*
	 * The one image that is wanted, by a name that the archive has for it, or "@N", the Nth
	 * from 0 on, and the name that it is to have (NULL: none). only NULL: all, as they are
	 * named.
	 */
	const char *only, *name;
	const struct cancel *cancel;
};

/*
 * *ret: "ID NAME" for each name of each image, or "ID sha256:ID" where it has none. An archive is
 * unpacked into tmp/ of the store first: what is needed to begin with may stand at its end, and a
 * pipe is read once.
 */
int load(const struct store *s, const struct load_options *options, struct strv *ret,
	 struct err *err);

#endif
