/*
 * How much there is in a directory tree.
 */
#ifndef STORAGE_USAGE_H
#define STORAGE_USAGE_H

#include <stdint.h>

#include "base/err.h"

/*
 * The bytes of all files beneath path, which is absolute: what ls -l shows, each hard-linked file
 * once. ERR_DENIED where there are directories of subordinate users: then in their user namespace.
 * Changes the working directory meanwhile.
 */
int tree_usage(const char *path, int64_t *ret, struct err *err);
/*
 * The bytes that they take on the disk, directories too; 0 where nothing is there. As tree_usage,
 * but it does not look into what is mounted beneath.
 */
int tree_blocks(const char *path, int64_t *ret, struct err *err);

#endif
