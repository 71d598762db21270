#include "image/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "image/hash.h"
#include "image/manifest.h"
#include "image/origin.h"

#define HUB	 "docker.io"
#define HUB_HOST "registry-1.docker.io"
#define GAIN	 (64 << 10)
#define ATTEMPTS 3 /* of one request, while other threads are given tokens */

void registry_done(struct registry *r)
{
	free(r->name);
	free(r->base);
	auth_free(r->auth);
	*r = (struct registry){ 0 };
}

void document_done(struct document *d)
{
	buf_done(&d->body);
	free(d->content_type);
	*d = (struct document){ 0 };
}

struct http *registry_connect(const struct registry *r)
{
	const struct http_options options = {
		.peer = r->name,
		.verify = r->verify,
		.certificates = r->certificates,
		.cancel = r->cancel,
	};

	return http_new(&options);
}

/*
 * Who may speak plain HTTP is asked whether it speaks TLS, as docker does; a handshake costs next
 * to nothing there, and nothing was said yet that would need a secret kept.
 */
static int find_root(struct registry *r, char **ret, struct err *err)
{
	const char *host = streq(r->name, HUB) ? HUB_HOST : r->name;
	CLEAN(clean_free) char *url = xasprintf("https://%s/", host);
	CLEAN(origin_done) struct origin origin = { 0 };
	CLEAN(clean_http) struct http *h = NULL;
	int tls = 1;

	if (origin_parse(url, &origin) < 0)
		return err_set(err, ERR_USAGE, "'%.200s' is not a registry's host and port",
			       r->name);
	r->loopback = origin_is_loopback(&origin);
	if (r->loopback || !r->verify) {
		h = registry_connect(r);
		tls = http_speaks_tls(h, url, err);
	}
	if (tls < 0 && r->loopback)
		return -1;
	/* It may be that only a proxy for HTTP leads there, or that it has no port for TLS. */
	if (tls < 0 && err)
		*err = (struct err){ 0 };
	tls = tls > 0;
	*ret = xasprintf("%s://%s/v2/", tls ? "https" : "http", host);
	return 0;
}

/* What tokens are to be good for, with blanks between. The caller frees. */
static char *scope_of(const char *repository, const struct registry_options *options)
{
	struct buf b = { 0 };

	buf_addf(&b, "repository:%s:pull%s", repository, options->push ? ",push" : "");
	for (size_t i = 0; options->mounts && i < options->mounts->n; i++)
		buf_addf(&b, " repository:%s:pull", options->mounts->v[i]);
	return b.data;
}

int registry_open(const struct source *source, const struct registry_options *options,
		  struct registry *ret, struct err *err)
{
	const char *repository = source->repository;
	CLEAN(clean_free) char *root = NULL;
	CLEAN(clean_free) char *scope = NULL;
	CLEAN(registry_done)
	struct registry r = {
		.name = xstrdup(source->registry),
		.verify = !source->insecure,
		.certificates = &source->certificates,
		.cancel = options->cancel,
		.retry = options->retry,
	};

	if (find_root(&r, &root, err) < 0)
		return -1;
	r.base = xasprintf("%s%s", root, repository ?: "");
	if (repository)
		scope = scope_of(repository, options);
	r.auth = auth_new(&(struct auth_options){
		.registry = source->registry,
		.url = root,
		.scope = scope,
		.credentials = &source->credentials,
		.certificates = &source->certificates,
		.verify = !source->insecure,
		.cancel = options->cancel,
	});
	*ret = r;
	r = (struct registry){ 0 };
	return 0;
}

/* What is asked for elsewhere, where a redirect or an upload led, is none of our business. */
static bool is_own(const struct registry *r, const char *url)
{
	CLEAN(origin_done) struct origin own = { 0 };
	CLEAN(origin_done) struct origin theirs = { 0 };

	return origin_parse(r->base, &own) == 0 && url && origin_parse(url, &theirs) == 0 &&
	       origin_same(&own, &theirs);
}

int registry_ask(const struct registry *r, struct http *h, const struct http_request *request,
		 struct http_response *ret, struct err *err)
{
	const bool own = is_own(r, request->url);
	struct http_request with = *request;
	bool fresh = false;

	for (int n = 0;; n++) {
		enum auth_result what;
		unsigned int turn;
		CLEAN(clean_free) char *header = auth_header(r->auth, &turn);

		with.authorization = own ? header : NULL;
		if (http_get(h, &with, ret, err) < 0)
			return -1;
		if (ret->status != 401 || fresh || n == ATTEMPTS || !own ||
		    !is_own(r, ret->url))
			return 0;
		if (auth_answer(r->auth, ret->challenge, turn, &what, err) < 0)
			return -1;
		if (what == AUTH_NOTHING)
			return 0;
		fresh = what == AUTH_FRESH;
	}
}

/* The message in {"errors": [{"code": …, "message": …}]}, or NULL. The caller frees. */
static char *error_text(const struct http_response *r)
{
	CLEAN(clean_json) json_t *doc = NULL;
	const char *message;

	if (js_parse(buf_str(&r->body), r->body.len, &doc, NULL) < 0)
		return NULL;
	message = js_str(json_array_get(js_arr(doc, "errors"), 0), "message");
	return message && *message ? str_printable(message) : NULL;
}

int registry_refusal(const struct registry *r, const struct http_response *response,
		     const char *what, struct err *err)
{
	CLEAN(clean_free) char *text = error_text(response);
	const char *phrase = response->status == 401 ? "authentication required" : "access denied";
	const bool more = text && strcasecmp(text, phrase) != 0;
	const char *colon = more ? ": " : "", *says = more ? text : "";

	switch (response->status) {
	case 401:
	case 403:
		err_set(err, ERR_DENIED, "registry '%.120s': %s: %s%s%.200s", r->name, what,
			phrase, colon, says);
		return auth_hint(r->auth, err);
	case 404:
		/* For a manifest the well-known phrase, whatever the registry says. */
		if (starts_with(what, "manifest"))
			return err_set(err, ERR_NOT_FOUND,
				       "registry '%.120s': %s: manifest unknown", r->name, what);
		return err_set(err, ERR_NOT_FOUND, "registry '%.120s': %s: it has none%s%.200s",
			       r->name, what, colon, says);
	case 416:
		return err_set(err, ERR_CORRUPT, "registry '%.120s': %s ends before its size",
			       r->name, what);
	case 429:
		err_set(err, ERR_NETWORK, "registry '%.120s': %s: too many requests%s%.200s",
			r->name, what, colon, says);
		return err_hint(err, "wait a while, and try again");
	default:
		return err_set(err, response->status >= 500 ? ERR_NETWORK : ERR_CORRUPT,
			       "registry '%.120s': %s: it answers with status %ld%s%.200s",
			       r->name, what, response->status, colon, says);
	}
}

int registry_login(const struct source *source, const struct registry_options *options,
		   struct err *err)
{
	CLEAN(registry_done) struct registry r = { 0 };
	CLEAN(http_response_done) struct http_response response = { 0 };
	CLEAN(clean_http) struct http *h = NULL;
	struct http_request req = { .max_body = MANIFEST_MAX };

	if (registry_open(source, options, &r, err) < 0)
		return -1;
	h = registry_connect(&r);
	req.url = r.base;
	if (registry_ask(&r, h, &req, &response, err) < 0)
		return -1;
	if (response.status == 401 || (response.status == 200 && auth_withheld(r.auth))) {
		err_set(err, ERR_DENIED, "registry '%.120s': invalid username/password", r.name);
		return auth_withheld(r.auth) ? auth_hint(r.auth, err) : -1;
	}
	return response.status == 200 ? 0 : registry_refusal(&r, &response, "its greeting", err);
}

/* An answer of 200, in as many attempts as it takes; one where there is nobody at all. */
int registry_get(const struct registry *reg, struct http *h, const struct http_request *req,
		 const char *what, struct http_response *ret, struct err *err)
{
	struct retries retries = { .policy = reg->retry, .cancel = reg->cancel };

	for (;;) {
		struct err why = { 0 };
		int more;

		if (registry_ask(reg, h, req, ret, &why) == 0 &&
		    (ret->status == 200 || registry_refusal(reg, ret, what, &why) == 0))
			return 0;
		more = http_has_reached(h) ?
			       retries_wait(&retries, &why, ret->retry_after, err) :
			       0;
		if (more == 0 && err)
			*err = why;
		if (more <= 0)
			return -1;
	}
}

static int get_document(const struct registry *reg, struct http *h, const struct http_request *req,
			const char *what, struct document *ret, struct err *err)
{
	CLEAN(http_response_done) struct http_response r = { 0 };

	if (registry_get(reg, h, req, what, &r, err) < 0)
		return -1;
	digest_of(buf_str(&r.body), r.body.len, ret->digest);
	ret->body = r.body;
	r.body = (struct buf){ 0 };
	ret->content_type = ptr_take(&r.content_type);
	return 0;
}

static int wrong_digest(const struct registry *reg, const char *what, const char *got,
			struct err *err)
{
	return err_set(err, ERR_CORRUPT, "registry '%.120s': %s: wrong digest, what came is %.19s…",
		       reg->name, what, got);
}

int registry_manifest(const struct registry *r, struct http *h, const char *which,
		      struct document *ret, struct err *err)
{
	CLEAN(clean_free) char *url = xasprintf("%s/manifests/%s", r->base, which);
	CLEAN(clean_free) char *what = xasprintf("manifest %s", which);
	CLEAN(document_done) struct document d = { 0 };
	const struct http_request req = {
		.url = url,
		.accept = MANIFEST_ACCEPT,
		.max_body = MANIFEST_MAX,
	};

	if (get_document(r, h, &req, what, &d, err) < 0)
		return -1;
	if (digest_valid(which) && !streq(d.digest, which))
		return wrong_digest(r, what, d.digest, err);
	*ret = d;
	d = (struct document){ 0 };
	return 0;
}

int registry_manifest_digest(const struct registry *r, struct http *h, const char *tag,
			     char ret[DIGEST_SIZE], struct err *err)
{
	CLEAN(clean_free) char *url = xasprintf("%s/manifests/%s", r->base, tag);
	CLEAN(clean_free) char *what = xasprintf("manifest %s", tag);
	CLEAN(http_response_done) struct http_response response = { 0 };
	const struct http_request req = { .url = url, .accept = MANIFEST_ACCEPT, .method = "HEAD" };
	const bool good = registry_get(r, h, &req, what, &response, err) == 0;

	if (!good)
		return -1;
	snprintf(ret, DIGEST_SIZE, "%s",
		 response.digest && digest_valid(response.digest) ? response.digest : "");
	return 0;
}

int registry_config(const struct registry *r, struct http *h, const char *digest, int64_t size,
		    struct document *ret, struct err *err)
{
	CLEAN(clean_free) char *url = xasprintf("%s/blobs/%s", r->base, digest);
	CLEAN(document_done) struct document d = { 0 };
	const struct http_request req = { .url = url, .max_body = MANIFEST_MAX };
	char what[64];

	snprintf(what, sizeof(what), "configuration %.19s", digest);
	if (get_document(r, h, &req, what, &d, err) < 0)
		return -1;
	if (!streq(d.digest, digest))
		return wrong_digest(r, what, d.digest, err);
	if ((int64_t)d.body.len != size)
		return err_set(err, ERR_CORRUPT,
			       "registry '%.120s': %s has %zu bytes, and %lld in the manifest",
			       r->name, what, d.body.len, (long long)size);
	*ret = d;
	d = (struct document){ 0 };
	return 0;
}

/* A blob on its way from the response to the caller's sink. */
struct blob {
	int64_t size, *offset;
	int64_t position; /* of the next byte of this response, in the blob; -1 before the first */
	registry_sink *sink;
	void *arg;
};

/* What was had before is passed over, where the registry does not heed ranges and begins anew. */
static int blob_sink(void *arg, const struct http_response *r, const void *data, size_t len,
		     struct err *err)
{
	struct blob *b = arg;
	int64_t skip;

	if (b->position < 0)
		b->position = r->status == 206 && r->range_start >= 0 ? r->range_start : 0;
	if (b->position > *b->offset)
		return err_set(err, ERR_CORRUPT, "it resumes where nobody asked it to");
	if ((int64_t)len > b->size - b->position)
		return err_set(err, ERR_CORRUPT,
			       "it is longer than the %lld bytes the manifest says",
			       (long long)b->size);
	skip = *b->offset - b->position;
	b->position += (int64_t)len;
	if (skip >= (int64_t)len)
		return 0;
	data = (const char *)data + skip;
	len -= (size_t)skip;
	*b->offset += (int64_t)len;
	return b->sink(b->arg, data, len, err);
}

/* One attempt. */
static int try_blob(const struct registry *r, struct http *h, const char *digest, int64_t size,
		    int64_t *io_offset, registry_sink *sink, void *arg,
		    struct http_response *response, struct err *err)
{
	CLEAN(clean_free) char *url = xasprintf("%s/blobs/%s", r->base, digest);
	CLEAN(clean_free) char *what = xasprintf("layer %.19s", digest);
	struct blob b = {
		.size = size,
		.offset = io_offset,
		.position = -1,
		.sink = sink,
		.arg = arg,
	};
	const struct http_request req = {
		.url = url,
		.offset = *io_offset,
		.sink = blob_sink,
		.arg = &b,
	};

	if (registry_ask(r, h, &req, response, err) < 0)
		return err_wrap(err, "%s", what);
	if (response->status != 200 && response->status != 206)
		return registry_refusal(r, response, what, err);
	if (*io_offset == size)
		return 0;
	/* A registry that told the length, and kept to it, will not do better another time. */
	return err_set(err, response->content_length >= 0 ? ERR_CORRUPT : ERR_NETWORK,
		       "registry '%.120s': %s has %lld bytes, and %lld in the manifest", r->name,
		       what, (long long)*io_offset, (long long)size);
}

int registry_blob(const struct registry *r, struct http *h, const char *digest, int64_t size,
		  int64_t *io_offset, registry_sink *sink, void *arg, struct err *err)
{
	CLEAN(http_response_done) struct http_response response = { 0 };
	struct retries retries = { .policy = r->retry, .cancel = r->cancel };

	for (;;) {
		const int64_t before = *io_offset;
		struct err why = { 0 };
		int more = 1;

		if (try_blob(r, h, digest, size, io_offset, sink, arg, &response, &why) == 0)
			return 0;
		if (why.kind == ERR_NETWORK && *io_offset - before >= GAIN)
			retries_reset(&retries);
		else
			more = retries_wait(&retries, &why, response.retry_after, err);
		if (more == 0 && err)
			*err = why;
		if (more <= 0)
			return -1;
	}
}
