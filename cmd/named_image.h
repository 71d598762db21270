/*
 * An image of the store by what the user typed: a name, a digest, an ID or the beginning of one.
 * Nothing is pulled, and its layers may be those of other ID maps (cmd/find_image.h).
 */
#ifndef CMD_NAMED_IMAGE_H
#define CMD_NAMED_IMAGE_H

#include "cmd/command.h"
#include "storage/image.h"

struct named_image {
	struct image_record record;
	char *name; /* canonical; NULL where an ID was typed */
	int lock;   /* on the list of names, as long as it is held */
};
#define NAMED_IMAGE_INIT { .lock = -1 }
void named_image_done(struct named_image *i);

/* exclusive: names are to be changed. ERR_NOT_FOUND "X: image not known". */
int named_image_find(struct tiffin *t, const char *text, bool exclusive, struct named_image *ret,
		     struct err *err);

#endif
