/*
 * An image's history: what made each of its layers, as its configuration tells (OCI image
 * specification, config.md, "history"). Linked into tiffin as well as tiffin-image; needs nothing
 * but base.
 *
 * Untrusted text: every member was checked for its type, nothing else. Nothing says that there is
 * an entry for each layer.
 */
#ifndef IMAGE_HISTORY_H
#define IMAGE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct history_entry {
	int64_t created; /* seconds since the epoch; 0 unknown */
	char *created_by, *comment, *author; /* never NULL */
	bool empty;	 /* it made no layer */
};

struct history {
	struct history_entry *v; /* the lowest first */
	size_t n;
};

void history_done(struct history *h);
/* ERR_CORRUPT: not a configuration. */
int history_parse(const char *config, size_t len, struct history *ret, struct err *err);

#endif
