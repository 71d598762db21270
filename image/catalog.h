/*
 * What a registry lists: the tags of a repository, its repositories, and what its search finds.
 *
 * Lists come by pages (OCI distribution specification, "Listing Tags"); each is followed to the
 * registry's own paths only, and no further than the most that is wanted.
 */
#ifndef IMAGE_CATALOG_H
#define IMAGE_CATALOG_H

#include <jansson.h>

#include "base/err.h"
#include "image/registry.h"

/* The tags of the first source that answers. Names that are no tags are passed over. */
int catalog_tags(const struct source_list *sources, const struct registry_options *options,
		 size_t most, struct strv *ret, struct err *err);

/*
 * Searches for a term: by the registry's own search (/v1/search, as Docker Hub has it), or where it
 * has none in its list of repositories. *ret: an array of objects with "name", "description",
 * "stars", "official", "automated"; the caller decrefs.
 */
int catalog_search(const struct source_list *sources, const struct registry_options *options,
		   const char *term, size_t most, json_t **ret, struct err *err);

#endif
