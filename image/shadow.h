/*
 * What entries of a layer have put out of sight: an archive may have a file twice, and only the
 * last one is in the tree. The others lie beside it, in a directory by number (SHADOW_NAME), and
 * this says which reference of the skeleton (image/skeleton.h) means which of them.
 */
#ifndef IMAGE_SHADOW_H
#define IMAGE_SHADOW_H

#include <stdbool.h>
#include <stddef.h>

#define SHADOW_NAME	 "shadowed"
#define SHADOWS_MAX	 65536u
#define SHADOW_BYTES_MAX (16u << 20) /* of their paths */

struct shadow {
	char *path;
	size_t at;     /* so many references came before it was put out of sight */
	size_t number; /* its name in the directory */
};

struct shadows {
	struct shadow *v;
	size_t n, bytes;
};

void shadows_done(struct shadows *s);
/* false where there are too many. */
bool shadows_add(struct shadows *s, const char *path, size_t at);
/* After the last was added. */
void shadows_sort(struct shadows *s);
/*
 * What reference number index (from 0 on) to that path means: the shadow of the path, or of a
 * directory above it, and what of the path is beneath that ("", "/x"). NULL: it is still in the
 * tree.
 */
const struct shadow *shadows_find(const struct shadows *s, const char *path, size_t index,
				  const char **ret_rest);

#endif
