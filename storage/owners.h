/*
 * Owners that are recorded beside the files, where one ID is mapped: base/owner.h.
 */
#ifndef STORAGE_OWNERS_H
#define STORAGE_OWNERS_H

#include "base/str.h"
#include "storage/store.h"

/*
 * Adds the lists of the layers, and the container's (NULL: none). What can't be read is left out.
 */
void owners_read(const struct store *s, const struct strv *layers, const char *container,
		 struct buf *ret);
/* The container's, to append to; -1: it can't be had. */
int owners_open(const struct store *s, const char *container);

#endif
