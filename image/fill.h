/*
 * Unpacking an archive of a user's, of whoever made it, into a directory that may have content:
 * "volume import". As a layer's (image/unpack.h), but for whiteouts, which are ordinary files here.
 */
#ifndef IMAGE_FILL_H
#define IMAGE_FILL_H

#include <stdbool.h>

#include "base/err.h"
#include "image/cancel.h"

/*
 * root: an open directory; containers may be at work in it. fd: the archive, compressed or not.
 * Errors begin with "cannot import: "; what was unpacked before stays.
 */
int fill_tree(int root, int fd, bool single_id, const struct cancel *cancel, struct err *err);

#endif
