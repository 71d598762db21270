/*
 * The references: which of a store's images each name leads to. This is for storage/image.c alone;
 * what all others can do with names is in storage/image.h.
 *
 * Who changes them holds the exclusive lock (image_lock) from the load to the save.
 */
#ifndef STORAGE_IMAGE_NAMES_H
#define STORAGE_IMAGE_NAMES_H

#include "base/json.h"
#include "storage/image.h"

/*
 * {NAME: {"id": …, "digest": …}}, as the file images/references has it; a store without the file
 * has no names yet. ERR_CORRUPT: it is not JSON. The caller lets go of *ret.
 */
int references_load(const struct store *s, json_t **ret, struct err *err);
int references_save(const struct store *s, json_t *references, struct err *err);

/* The digest is that of the manifest which the name came with. */
void references_set(json_t *references, const char *name, const char *id,
		    const char *manifest_digest);
/* All names of an image. */
void references_drop(json_t *references, const char *id);
/* Adds the image's names, and its repository digests, to its record. */
void references_describe(json_t *references, struct image_record *r);

/* Is this the ID of an image that the store has? id may be NULL, or any text. */
bool image_is_there(const struct store *s, const char *id);

#endif
