/*
 * Finding the image that a user named, pulling it where the policy says so.
 */
#ifndef CMD_FIND_IMAGE_H
#define CMD_FIND_IMAGE_H

#include "cmd/command.h"
#include "cmd/helper.h"
#include "storage/image.h"

struct found_image {
	struct image_record record;
	char *name; /* canonical, or what was typed where that is an ID */
	int lock;   /* shared: the image stays as long as it is held */
};
#define FOUND_IMAGE_INIT { .lock = -1 }
void found_image_done(struct found_image *f);

enum pull_policy {
	PULL_MISSING,
	PULL_ALWAYS,
	PULL_NEVER,
	PULL_NEWER, /* where the registry has another one; where it can't be asked, what is there */
};
/* "always", "missing" (also as "ifnotpresent"), "never", "newer"; NULL: fallback. ERR_USAGE. */
int pull_policy_parse(const char *option, const char *text, enum pull_policy fallback,
		      enum pull_policy *ret, struct err *err);

/* An image whose layers were unpacked for other ID maps only counts as missing. */
int find_image(struct tiffin *t, const char *text, enum pull_policy policy,
	       const struct pull_options *pull, struct found_image *ret, struct err *err);

#endif
