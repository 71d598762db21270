#include "image/upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "image/origin.h"

#define ERROR_MAX (64u << 10)

void upload_done(struct upload *u)
{
	free(u->url);
	*u = (struct upload){ 0 };
}

/*
 * After an error: waits for another try. -1 where there is none to be made, with the error that
 * stands.
 */
static int wait_for_another(struct upload *u, const struct http_response *r, struct err *err)
{
	const struct err why = *err;

	return retries_wait(&u->retries, &why, r->retry_after, err) > 0 ? 0 : -1;
}

/* A request whose body is an error's at most. */
static int ask(struct upload *u, struct http_request *request, struct http_response *ret,
	       struct err *err)
{
	request->max_body = ERROR_MAX;
	if (registry_ask(u->registry, u->http, request, ret, err) < 0)
		return -1;
	u->lost = ret->status == 404 && u->url;
	return 0;
}

static int refusal(const struct upload *u, const struct http_response *r, struct err *err)
{
	return registry_refusal(u->registry, r, u->what, err);
}

static int nonsense(const struct upload *u, const char *says, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "registry '%.120s': %s: %s", u->registry->name, u->what,
		       says);
}

/* Where the upload goes on, as the answer has it; where it says nothing, where it was. */
static int follow(struct upload *u, const struct http_response *r, struct err *err)
{
	const bool tls = starts_with(u->registry->base, "https:");
	char *url = NULL;

	if (!r->location)
		return u->url ? 0 : nonsense(u, "it does not say where to upload to", err);
	if (origin_follow(r->url, r->location, NULL, &url) < 0)
		return nonsense(u, "what it says is no place to upload to", err);
	free(u->url);
	u->url = url;
	if (tls && u->registry->verify && !starts_with(url, "https:"))
		return err_set(err, ERR_DENIED,
			       "registry '%.120s': %s: it wants it uploaded without TLS: refused",
			       u->registry->name, u->what);
	return 0;
}

int64_t upload_range_length(const char *range)
{
	char *end;
	long long last;

	if (starts_with(range, "bytes="))
		range += strlen("bytes=");
	if (!starts_with(range, "0-") || range[2] < '0' || range[2] > '9')
		return -1;
	last = strtoll(range + 2, &end, 10);
	/* Distribution says "0-0" of nothing, as well as of one byte, which we never send alone. */
	return *end ? -1 : last == 0 ? 0 : last < INT64_MAX ? last + 1 : -1;
}

/*
 * Asks until it is answered with one of the two; what a registry out of order says is asked again.
 */
static int insist(struct upload *u, struct http_request *request, long good, long as_good,
		  struct http_response *ret, struct err *err)
{
	for (;;) {
		struct err why = { 0 };

		if (ask(u, request, ret, &why) == 0) {
			if (ret->status == good || ret->status == as_good)
				return 0;
			refusal(u, ret, &why);
		}
		if (wait_for_another(u, ret, &why) < 0) {
			*err = why;
			return -1;
		}
	}
}

static struct upload upload_of(const struct registry *r, struct http *h, const char *what)
{
	return (struct upload){
		.registry = r,
		.http = h,
		.what = what,
		.retries = { .policy = r->retry, .cancel = r->cancel },
	};
}

int upload_has(const struct registry *r, struct http *h, const char *digest, int64_t size,
	       bool *ret, struct err *err)
{
	CLEAN(http_response_done) struct http_response response = { 0 };
	CLEAN(clean_free) char *url = xasprintf("%s/blobs/%s", r->base, digest);
	CLEAN(clean_free) char *what = xasprintf("blob %.19s", digest);
	CLEAN(upload_done) struct upload u = upload_of(r, h, what);
	struct http_request req = { .url = url, .method = "HEAD" };

	if (insist(&u, &req, 200, 404, &response, err) < 0)
		return -1;
	*ret = response.status == 200 &&
	       (response.content_length < 0 || response.content_length == size);
	return 0;
}

/* What a mount that was not to be has begun is of no use. */
static void give_up(const struct registry *r, struct http *h, const struct http_response *begun)
{
	CLEAN(http_response_done) struct http_response response = { 0 };
	CLEAN(clean_free) char *url = NULL;
	struct http_request req = { .method = "DELETE", .max_body = ERROR_MAX };

	if (!begun->location || origin_follow(begun->url, begun->location, NULL, &url) < 0)
		return;
	req.url = url;
	registry_ask(r, h, &req, &response, NULL);
}

int upload_mount(const struct registry *r, struct http *h, const char *digest, const char *from,
		 bool *ret, struct err *err)
{
	CLEAN(http_response_done) struct http_response response = { 0 };
	CLEAN(clean_free)
	char *url = xasprintf("%s/blobs/uploads/?mount=%s&from=%s", r->base, digest, from);
	const struct http_request req = { .url = url, .method = "POST", .max_body = ERROR_MAX };

	if (registry_ask(r, h, &req, &response, err) < 0)
		return -1;
	*ret = response.status == 201;
	if (response.status == 202)
		give_up(r, h, &response);
	return 0;
}

int upload_begin(const struct registry *r, struct http *h, const char *what, struct upload *ret,
		 struct err *err)
{
	CLEAN(http_response_done) struct http_response response = { 0 };
	CLEAN(clean_free) char *url = xasprintf("%s/blobs/uploads/", r->base);
	CLEAN(upload_done) struct upload u = upload_of(r, h, what);
	struct http_request req = { .url = url, .method = "POST" };

	if (insist(&u, &req, 202, 202, &response, err) < 0 || follow(&u, &response, err) < 0)
		return -1;
	retries_reset(&u.retries);
	*ret = u;
	u = (struct upload){ 0 };
	return 0;
}

/* How far the upload got, as the registry has it. */
static int find_place(struct upload *u, int64_t *ret, struct err *err)
{
	CLEAN(http_response_done) struct http_response response = { 0 };
	struct http_request req = { .url = u->url };
	CLEAN(clean_free) char *url = xstrdup(u->url);

	req.url = url;
	if (insist(u, &req, 204, 202, &response, err) < 0 || follow(u, &response, err) < 0)
		return -1;
	*ret = response.range ? upload_range_length(response.range) : 0;
	return *ret < 0 ? nonsense(u, "how far its upload got can't be told", err) : 0;
}

/* One PATCH. *io_done: of data, what the registry has had. */
static int send_part(struct upload *u, const char *data, size_t len, size_t *io_done,
		     struct http_response *response, struct err *err)
{
	CLEAN(clean_free) char *url = xstrdup(u->url);
	const int64_t start = u->offset + (int64_t)*io_done;
	struct http_request req = {
		.url = url,
		.method = "PATCH",
		.data = data + *io_done,
		.data_len = len - *io_done,
	};
	int64_t had = u->offset + (int64_t)len;
	char range[48];

	snprintf(range, sizeof(range), "%lld-%lld", (long long)start, (long long)had - 1);
	req.content_range = range;
	if (ask(u, &req, response, err) < 0)
		return -1;
	/* It is not where we are: ask it where. */
	if (response->status == 416)
		return err_set(err, ERR_NETWORK, "registry '%.120s': %s: it has lost its place",
			       u->registry->name, u->what);
	if (response->status != 202)
		return refusal(u, response, err);
	if (follow(u, response, err) < 0)
		return -1;
	if (response->range)
		had = upload_range_length(response->range);
	if (had < start || had > u->offset + (int64_t)len)
		return nonsense(u, "it has had what it was not sent", err);
	*io_done = (size_t)(had - u->offset);
	return 0;
}

/* After a part that broke off. */
static int find_part(struct upload *u, size_t len, size_t *io_done, struct err *err)
{
	int64_t had;

	if (find_place(u, &had, err) < 0)
		return -1;
	if (had > u->offset + (int64_t)len)
		return nonsense(u, "it has had what it was not sent", err);
	u->lost = had < u->offset;
	if (u->lost)
		return nonsense(u, "it has lost what it was sent", err);
	if ((size_t)(had - u->offset) > *io_done)
		retries_reset(&u->retries);
	*io_done = (size_t)(had - u->offset);
	return 0;
}

int upload_chunk(struct upload *u, const void *data, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		CLEAN(http_response_done) struct http_response response = { 0 };
		const size_t before = done;
		struct err why = { 0 };

		if (send_part(u, data, len, &done, &response, &why) == 0) {
			if (done == before)
				return nonsense(u, "it takes nothing more", err);
			retries_reset(&u->retries);
			continue;
		}
		if (u->lost || wait_for_another(u, &response, &why) < 0) {
			*err = why;
			return -1;
		}
		if (find_part(u, len, &done, err) < 0)
			return -1;
	}
	u->offset += (int64_t)len;
	return 0;
}

/* One PUT. What it says to have got is what it was sent. */
static int commit(struct upload *u, const char *digest, const void *data, size_t len,
		  struct http_response *response, struct err *err)
{
	CLEAN(clean_free) char *query = xasprintf("digest=%s", digest);
	CLEAN(clean_free) char *url = NULL;
	struct http_request req = { .method = "PUT", .data = data, .data_len = len };

	if (origin_follow(u->url, u->url, query, &url) < 0)
		return nonsense(u, "what it says is no place to upload to", err);
	req.url = url;
	if (ask(u, &req, response, err) < 0)
		return -1;
	if (response->status < 200 || response->status > 299)
		return refusal(u, response, err);
	if (response->digest && !streq(response->digest, digest))
		return nonsense(u, "it says that it got something else", err);
	return 0;
}

int upload_finish(struct upload *u, const char *digest, const void *data, size_t len,
		  struct err *err)
{
	for (;;) {
		CLEAN(http_response_done) struct http_response response = { 0 };
		struct err why = { 0 };
		bool there = false;

		if (commit(u, digest, data, len, &response, &why) == 0)
			return 0;
		if (wait_for_another(u, &response, &why) < 0) {
			*err = why;
			return -1;
		}
		/* Only its answer may have been lost. */
		if (upload_has(u->registry, u->http, digest, u->offset + (int64_t)len, &there,
			       err) < 0 || there)
			return there ? 0 : -1;
		if (len) {
			u->lost = true;
			*err = why;
			return -1;
		}
	}
}

int upload_data(const struct registry *r, struct http *h, const char *what, const char *digest,
		const void *data, size_t len, struct err *err)
{
	for (int attempt = 1;; attempt++) {
		CLEAN(upload_done) struct upload u = { 0 };

		if (upload_begin(r, h, what, &u, err) < 0)
			return -1;
		if (upload_finish(&u, digest, data, len, err) == 0)
			return 0;
		if (!u.lost || attempt == UPLOAD_ATTEMPTS)
			return -1;
	}
}

int upload_manifest(const struct registry *r, struct http *h, const char *tag, const char *type,
		    const void *data, size_t len, const char *digest, struct err *err)
{
	CLEAN(http_response_done) struct http_response response = { 0 };
	CLEAN(clean_free) char *url = xasprintf("%s/manifests/%s", r->base, tag);
	CLEAN(clean_free) char *what = xasprintf("the manifest for %s", tag);
	CLEAN(upload_done) struct upload u = upload_of(r, h, what);
	struct http_request req = {
		.url = url,
		.method = "PUT",
		.data = data,
		.data_len = len,
		.content_type = type,
	};

	if (insist(&u, &req, 201, 200, &response, err) < 0)
		return -1;
	if (response.digest && !streq(response.digest, digest))
		return nonsense(&u, "it says that it got something else", err);
	return 0;
}
