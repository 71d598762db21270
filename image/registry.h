/*
 * A repository in a registry: its manifests and blobs by the OCI distribution specification, which
 * is Docker's v2 API.
 *
 * A struct registry is immutable once it is open, but for its struct auth, which sees to itself, so
 * that threads share it; each brings its own struct http. Errors are worded for the user: NOT_FOUND
 * "manifest unknown", DENIED "authentication required", NETWORK (worth another try), CORRUPT.
 */
#ifndef IMAGE_REGISTRY_H
#define IMAGE_REGISTRY_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "image/auth.h"
#include "image/digest.h"
#include "image/http.h"
#include "image/retry.h"
#include "image/source.h"

struct registry {
	char *name; /* "localhost:5000", for messages */
	char *base; /* "http://localhost:5000/v2/library/x" */
	bool loopback, verify;
	const struct certificates *certificates;
	const struct cancel *cancel;
	struct retry retry;
	struct auth *auth;
};

struct registry_options {
	const struct cancel *cancel;
	bool push;		     /* is written to, too */
	const struct strv *mounts; /* other repositories of it to be read; NULL: none */
	struct retry retry;
};

/*
 * Finds out how to talk to a registry. The source is borrowed as long as it lives. Everything goes
 * over verified TLS, but plain HTTP is what a registry on loopback may speak, and any source that
 * is insecure.
 */
int registry_open(const struct source *source, const struct registry_options *options,
		  struct registry *ret, struct err *err);
void registry_done(struct registry *r);
/* Connections to it, for one thread. */
struct http *registry_connect(const struct registry *r);

/*
 * Are the credentials of a source good for its registry? Asks for nothing but its greeting. DENIED
 * "invalid username/password".
 */
int registry_login(const struct source *source, const struct registry_options *options,
		   struct err *err);

/*
 * A request of any kind, with what the registry wants to be shown. A 401 is answered, and stands
 * where what was had for this very request did not do. A URL of another origin is shown nothing.
 */
int registry_ask(const struct registry *r, struct http *h, const struct http_request *request,
		 struct http_response *ret, struct err *err);
/*
 * An answer that is not a success, in words. what: "manifest latest", "layer sha256:…". Returns -1.
 */
int registry_refusal(const struct registry *r, const struct http_response *response,
		     const char *what, struct err *err);

/*
 * An answer of 200 to a request of ours, with what the registry wants to be shown, in as many
 * attempts as it takes. what: for messages.
 */
int registry_get(const struct registry *r, struct http *h, const struct http_request *request,
		 const char *what, struct http_response *ret, struct err *err);

struct document {
	struct buf body;
	char *content_type; /* or NULL */
	char digest[DIGEST_SIZE];
};
void document_done(struct document *d);

/*
 * A manifest by tag or digest. Its digest is computed, never believed: where which is a digest, it
 * is that one.
 */
int registry_manifest(const struct registry *r, struct http *h, const char *which,
		      struct document *ret, struct err *err);
/* A small blob of this digest and size: a configuration. */
int registry_config(const struct registry *r, struct http *h, const char *digest, int64_t size,
		    struct document *ret, struct err *err);

/*
 * The digest that a tag stands for, if the registry says so without sending the manifest: "" if
 * not.
 */
int registry_manifest_digest(const struct registry *r, struct http *h, const char *tag,
			     char ret[DIGEST_SIZE], struct err *err);

/*
 * A blob, from the offset on, to the sink, which is given the bytes from there on whether or not
 * the registry heeds ranges. *io_offset counts up as it goes, so that where the connection breaks
 * the next attempt goes on from there; one that brought 64 KiB is none of those that failed.
 */
typedef int registry_sink(void *arg, const void *data, size_t len, struct err *err);
int registry_blob(const struct registry *r, struct http *h, const char *digest, int64_t size,
		  int64_t *io_offset, registry_sink *sink, void *arg, struct err *err);

#endif
