/*
 * Pulling: a reference in a registry becomes an image in the store.
 */
#ifndef IMAGE_PULL_H
#define IMAGE_PULL_H

#include <stdbool.h>

#include "base/err.h"
#include "image/cancel.h"
#include "image/platform.h"
#include "image/progress.h"
#include "image/reference.h"
#include "image/retry.h"
#include "image/result.h"
#include "image/source.h"
#include "storage/store.h"

struct pull_options {
	struct platform platform; /* os "": this machine's */
	const struct source_list *sources; /* at least one */
	struct retry retry;		   /* of each request */
	bool newer; /* what the store has under the name does, where the registry has the same */
	struct progress *progress;	   /* NULL: silence */
	const struct cancel *cancel;
};

/*
 * Every layer that is not in the store is downloaded, verified and unpacked into it, several at a
 * time; then the image's name appears. Errors begin with "cannot pull '<reference>': ". A pull that
 * fails leaves nothing; one that the network or the user stopped leaves the layers that were
 * complete, for the next one.
 */
int pull(const struct store *s, const struct reference *ref, const struct pull_options *options,
	 struct pull_result *ret, struct err *err);

#endif
