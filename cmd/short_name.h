/*
 * Short names: what a name without a registry stands for, by the configuration of registries. It is
 * read only where the plain meaning ("x" is docker.io/library/x) led nowhere, or a pull is wanted.
 */
#ifndef CMD_SHORT_NAME_H
#define CMD_SHORT_NAME_H

#include "cmd/helper.h"
#include "storage/image.h"

/*
 * Finds a short name's image in the store, under what its aliases, the registries to search and
 * localhost make of it. *io_name, which may be NULL, gives way to the name it was found by.
 * ERR_NOT_FOUND, also for a name that is not short.
 */
int short_name_find(const struct store *s, const char *text, struct image_record *ret,
		    char **io_name, struct err *err);

/* The names in full that a text may stand for, in order (image/endpoint.h). */
int short_name_names(const char *text, struct strv *ret, struct err *err);

/*
 * Pulls what a text stands for: of several names that it may have, the first that there is.
 * *ret_id: the image's; *ret_name: its name in full. The caller frees both.
 */
int short_name_pull(struct tiffin *t, const char *text, const struct pull_options *options,
		    char **ret_id, char **ret_name, struct err *err);

#endif
