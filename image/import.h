/*
 * Importing: an archive of a root file system becomes an image of one layer.
 */
#ifndef IMAGE_IMPORT_H
#define IMAGE_IMPORT_H

#include "base/err.h"
#include "image/cancel.h"
#include "image/result.h"
#include "storage/store.h"

struct import_options {
	int fd;		    /* of the archive, in any compression; -1: */
	const char *url;    /* where it is fetched from */
	const char *config; /* the configuration, but for its layers: JSON */
	const char *name;   /* canonical; NULL: none */
	const struct cancel *cancel;
};

/* Errors begin with "cannot import: "; nothing stays in the store then. */
int import(const struct store *s, const struct import_options *options, struct pull_result *ret,
	   struct err *err);

#endif
