/*
 * --filter of the commands that list or prune images: KEY=VALUE. Of one key any of the values will
 * do, but of label, label! and until all have to; of different keys all have to.
 *
 *	reference	a pattern (glob(7); a * stops at a /) for the name or an end of it, with
 *			the tag or without: alpine, library/alpine:3*, *:latest
 *	dangling	true: images without a name
 *	intermediate	true: those without a name that others are built on
 *	readonly	true: those of stores that others keep for us, which there are none of
 *	label, label!	KEY or KEY=VALUE
 *	before, since	an image: those made before it, or after it ("after" is "since")
 *	until		a time: those made before it
 *	id		the beginning of one
 */
#ifndef CMD_IMAGE_FILTER_H
#define CMD_IMAGE_FILTER_H

#include "cmd/command.h"
#include "storage/image.h"

struct image_filter {
	const struct strv *texts; /* borrowed */
	int64_t *times;		  /* of the texts that stand for one: seconds since the epoch */
};
void image_filter_done(struct image_filter *f);

/*
 * known: the keys that the command takes, NULL-terminated. ERR_USAGE: another one, or a value that
 * means nothing; ERR_NOT_FOUND: no such image.
 */
int image_filter_parse(struct tiffin *t, const struct strv *texts, const char *const *known,
		       struct image_filter *ret, struct err *err);
bool image_filter_has(const struct image_filter *f, const char *key);

/* Does the image, by that name of its own (NULL: it has none), pass? list: all images. */
bool image_filter_passes(struct tiffin *t, const struct image_filter *f,
			 const struct image_record *image, const char *name,
			 const struct image_record *list, size_t n);
/* Has it no name, and another is built on it? */
bool image_is_intermediate(struct tiffin *t, const struct image_record *image,
			   const struct image_record *list, size_t n);

#endif
