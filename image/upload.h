/*
 * Blobs on their way into a repository (OCI distribution specification, "Pushing Blobs"): whether
 * it has one, taking one from its neighbour, and uploading one, in a single piece or in chunks.
 *
 * What breaks off is taken up again, after a while and not for ever, where the registry says it is.
 * Nothing is shown to the place that a Location elsewhere names, and TLS is not left for it.
 *
 * One thread uses an upload. Errors: those of image/registry.h.
 */
#ifndef IMAGE_UPLOAD_H
#define IMAGE_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/http.h"
#include "image/registry.h"

/* A blob of another size is not the one. */
int upload_has(const struct registry *r, struct http *h, const char *digest, int64_t size,
	       bool *ret, struct err *err);
/*
 * Has the repository take it over from another one of the registry. *ret: it did; that it would not
 * is no error.
 */
int upload_mount(const struct registry *r, struct http *h, const char *digest, const char *from,
		 bool *ret, struct err *err);

#define UPLOAD_ATTEMPTS 3 /* of a blob, begun anew */

struct upload {
	const struct registry *registry;
	struct http *http;
	const char *what; /* for messages: "layer sha256:…" */
	char *url;	  /* where it goes on */
	int64_t offset;	  /* what the registry has had so far */
	bool lost;	  /* it knows nothing of it any more: begin anew */
	struct retries retries;
};

/* what is borrowed. */
int upload_begin(const struct registry *r, struct http *h, const char *what, struct upload *ret,
		 struct err *err);
void upload_done(struct upload *u);
/* The next bytes. Where that fails, lost says whether it is worth beginning anew. */
int upload_chunk(struct upload *u, const void *data, size_t len, struct err *err);
/* The last bytes, if any, and what all of them are. */
int upload_finish(struct upload *u, const char *digest, const void *data, size_t len,
		  struct err *err);

/* A blob that is all there, in a single piece. */
int upload_data(const struct registry *r, struct http *h, const char *what, const char *digest,
		const void *data, size_t len, struct err *err);

/*
 * A manifest, under a tag. That the registry says it is another, by its digest, is ERR_CORRUPT:
 * somebody between us and it changes things.
 */
int upload_manifest(const struct registry *r, struct http *h, const char *tag, const char *type,
		    const void *data, size_t len, const char *digest, struct err *err);

/*
 * The last byte that "0-1023" speaks of, as a length: 1024; 0 for "0-0"; -1 where it is none such.
 */
int64_t upload_range_length(const char *range);

#endif
