/*
 * The layers that a pull is missing: which they are, locked, fetched side by side, and dropped
 * again where the image will never be.
 */
#ifndef IMAGE_PLAN_H
#define IMAGE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "image/cancel.h"
#include "image/fetch.h"
#include "image/progress.h"

struct job {
	struct fetch fetch;
	int lock;
	bool needed;	/* still missing when it was locked */
	bool committed; /* by us */
	bool ended;	/* and said so */
};

struct plan {
	const struct store *store;
	struct progress *progress;
	const struct cancel *cancel;
	struct job *jobs;
	size_t n;
};

void plan_init(struct plan *p, const struct store *s, struct progress *progress,
	       const struct cancel *cancel);
/* Lets the locks go. */
void plan_done(struct plan *p);
/* Adds a layer, unless it is in the store or in the plan. Everything is borrowed. */
void plan_add(struct plan *p, const struct registry *r, const struct descriptor *blob,
	      const char *diff_id);

/*
 * Locks every layer, in the order of the diff IDs, so that two pulls can never wait for each other.
 * Who had to wait mostly finds the layer there, and has nothing to do.
 */
int plan_lock(struct plan *p, struct err *err);
/* Fetches what is still missing, the largest first: what is small fills the gaps at the end. */
int plan_fetch(struct plan *p, struct err *err);
/* Removes what plan_fetch put into the store, but for what other images have taken up meanwhile. */
void plan_drop(struct plan *p);

#endif
