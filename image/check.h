/*
 * Checking what the store has of strangers: configurations and manifests against their digests,
 * layers against their diff IDs, and files against what the layer's archive says of them.
 *
 * What is wrong is no error but a finding: a line, of three fields between tabs: "layer" or
 * "image", the name of its directory in the store, and what is wrong. Text of strangers in it is
 * printable.
 */
#ifndef IMAGE_CHECK_H
#define IMAGE_CHECK_H

#include "base/str.h"
#include "image/cancel.h"
#include "storage/store.h"

/*
 * What is checked was unpacked for the IDs of the store's, or with one. As root of their namespace.
 */
int check_store(const struct store *s, const struct cancel *cancel, struct buf *ret,
		struct err *err);

/*
 * The files of one layer (image/check_tree.c). whole: its contents are what they were; else it is
 * told only which files are not as they were, as far as that can be told.
 */
struct findings;
int check_tree(const struct store *s, const char *diff_id, bool whole, struct findings *findings,
	       struct err *err);
/* printf. After FINDINGS_MAX of one subject the others are only counted. */
void finding(struct findings *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define FINDINGS_MAX 100

#endif
