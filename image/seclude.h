/*
 * The floor of the cage (image/confine.h): mounts of our own, of which nothing can be written to
 * but the store. Landlock says which files are opened, made and removed, but knows nothing of
 * chmod, chown, utime and setxattr (landlock(7), "Current limitations"), which root of the user's
 * namespace could use on all that is the user's.
 */
#ifndef IMAGE_SECLUDE_H
#define IMAGE_SECLUDE_H

#include "base/err.h"

/*
 * As root of a user namespace, before anything of the store, or of the directory, is opened: what
 * is open already leads to where it can still be written. Either may be NULL.
 */
int image_seclude(const char *store, const char *directory, struct err *err);

#endif
