/*
 * Mounts by descriptor: the calls of mount_setattr(2), fsopen(2) and their kin, with errors worded.
 *
 * Child; or a supervisor (runtime/view.c). Errors name the file system or the path, for the step to say
 * what it was doing.
 * Attributes are MOUNT_ATTR_*; options are NULL-terminated "key=value" or "flag".
 */
#ifndef RUNTIME_MOUNT_H
#define RUNTIME_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A new file system, attached nowhere yet. options may be NULL. */
int mount_new(const char *type, const char *const options[], uint64_t attrs, int *ret_mnt,
	      struct err *err);
/* A copy of the mounts at a path ("" for dirfd itself) and below, with further attributes. */
int mount_clone(int dirfd, const char *path, uint64_t attrs, int *ret_mnt, struct err *err);
/* The same of the one mount, without those below it. */
int mount_clone_one(int dirfd, const char *path, uint64_t attrs, int *ret_mnt, struct err *err);
/* MS_PRIVATE, MS_SLAVE or MS_SHARED; of the mount, and, where recursive, of those below. */
int mount_propagate(int mnt, uint64_t propagation, bool recursive, struct err *err);
/* Attaches mnt at a path, or ("") at dirfd itself. */
int mount_attach(int mnt, int dirfd, const char *path, struct err *err);
/* Adds attributes to the mount, and, where recursive, to those below. */
int mount_restrict(int mnt, uint64_t attrs, bool recursive, struct err *err);

#endif
