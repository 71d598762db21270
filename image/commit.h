/*
 * Committing: what a container has changed becomes a layer, and with those beneath it an image.
 */
#ifndef IMAGE_COMMIT_H
#define IMAGE_COMMIT_H

#include <stdbool.h>

#include "base/err.h"
#include "image/cancel.h"
#include "image/manifest_make.h"
#include "image/result.h"
#include "storage/rootfs.h"

struct commit_options {
	const char *config; /* the configuration, with the layers beneath: JSON; its last history entry
			       is the layer's */
	const char *name;   /* canonical; NULL: none */
	const struct manifest_types *types;
	int tree;	    /* the whole of the container's tree is the layer, and there is none beneath; -1: */
	const char *driver; /* of the container's root; NULL: the usual one */
	const char *container; /* its ID */
	const struct id_mapping *mapping; /* of image/tar_tree.h, or NULL */
	const struct strv *places; /* where something was mounted: see change_is_place */
	bool recorded;	    /* owners are (base/owner.h) */
	const struct cancel *cancel;
};

/*
 * A container that has changed nothing makes no layer. Errors begin with "cannot commit: "; nothing
 * stays in the store then.
 */
int commit(const struct store *s, const struct commit_options *options, struct pull_result *ret,
	   struct err *err);

#endif
