/*
 * What tiffin-image tells the program that started it: one JSON object on a pipe.
 *
 *	{"id": "<64 hex>", "name": "docker.io/library/alpine:latest", "digest": "sha256:…"}
 *	{"done": true, "text": "…"}	where there is not one image to tell of; text by lines, if any
 *	{"error": {"kind": 2, "sys": 0, "text": "…", "hint": "…"}}
 *
 * Both sides share this file; it needs nothing but base. The reader trusts the object no further
 * than that it has these members: tiffin-image reads strangers' bytes, and may be theirs by now.
 */
#ifndef IMAGE_RESULT_H
#define IMAGE_RESULT_H

#include <stddef.h>

#include "base/err.h"
#include "image/digest.h"

struct pull_result {
	char id[64 + 1];
	char *name;		  /* the canonical reference, as it was asked for */
	char digest[DIGEST_SIZE]; /* of what the reference stands for: a manifest or an index */
};

void pull_result_done(struct pull_result *r);

/* One line of JSON. The caller frees. Exactly one of result and err is given. */
char *pull_result_format(const struct pull_result *result, const struct err *err);

/*
 * Reads one: 0 and *ret, or -1 and the error that tiffin-image reports. Text that is none of the
 * two (empty, where it was killed) is ERR_SYSTEM.
 */
int pull_result_parse(const char *data, size_t len, struct pull_result *ret, struct err *err);
/*
 * The same, where not one image is told of. text may be NULL. ret_text may be; *ret_text is never,
 * and the caller frees it.
 */
char *done_result_format(const char *text);
int done_result_parse(const char *data, size_t len, char **ret_text, struct err *err);

#endif
