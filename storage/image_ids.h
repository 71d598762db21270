/*
 * The highest ID that an image's files belong to, or that its /etc/passwd and /etc/group name: what
 * --userns=auto makes room for. 65534, which is nobody's everywhere, does not count.
 *
 * It is noted once for each image, in mapped/<image ID>.owners.
 */
#ifndef STORAGE_IMAGE_IDS_H
#define STORAGE_IMAGE_IDS_H

#include <stdint.h>

#include "base/str.h"
#include "storage/store.h"

/* ERR_NOT_FOUND: it has not been noted. */
int image_ids_last(const struct store *s, const char *image, uint32_t *ret, struct err *err);
/* Root of the store's user namespace: notes it. *ret_fd is the directory of what is noted. */
int image_ids_note(const struct store *s, const char *image, const struct strv *layers, int *ret_fd,
		struct err *err);

#endif
