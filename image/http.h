/*
 * HTTP requests, over libcurl: one host at a time, bounded in every dimension.
 *
 * A struct http holds open connections to reuse; one thread uses it at a time. What a response
 * brings goes either into a buffer (documents) or, as it comes, to a sink (blobs).
 *
 * Only http and https are spoken, also after a redirect, and never http after https. A connection
 * must come about within 15 s, and bring some bytes in every 15 s; a redirect leads to a redirect
 * at most 10 times.
 *
 * An authorization goes to the origin of the URL that it was given with, and to no other, wherever
 * redirects lead. What is sent (a form, a blob) goes to no other either: a redirect is the answer
 * then.
 *
 * Proxies are what the environment says: http_proxy, https_proxy, all_proxy, no_proxy, and in upper
 * case. Loopback is asked without one.
 *
 * The registry's own certificates are borrowed as long as it lives; the authorities among them are
 * trusted besides the system's.
 *
 * Errors: NETWORK (no connection, or one that broke off: worth another try), DENIED (a certificate
 * that nobody we trust has signed), CORRUPT (more bytes than any honest answer has). They name the
 * registry. What took too long has ETIMEDOUT as its sys.
 */
#ifndef IMAGE_HTTP_H
#define IMAGE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "image/cancel.h"
#include "image/certificates.h"

struct http;

struct http_options {
	const char *peer; /* the registry, for messages */
	bool verify;	  /* certificates */
	const struct certificates *certificates; /* NULL: the system's alone */
	const struct cancel *cancel;
};

/* Before the first thread is made, once. */
int http_global_init(struct err *err);
struct http *http_new(const struct http_options *options);
void http_free(struct http *h);
void clean_http(struct http **h);

struct http_response {
	long status;
	char *url;		/* whose answer it is, after redirects */
	char *content_type;	/* NULL where absent, as the others */
	char *link;		/* Link */
	char *challenge;	/* WWW-Authenticate, all of them, with commas between */
	int64_t content_length; /* -1 where absent */
	int64_t range_start;	/* of Content-Range; -1 where absent */
	int64_t retry_after;	/* seconds; -1 where absent */
	char *location;		/* Location */
	char *digest;		/* Docker-Content-Digest */
	char *range;		/* Range, of an upload: "0-1023" */
	struct buf body;	/* of a document, or of an error (its beginning) */
};
void http_response_done(struct http_response *r);

struct http_request {
	const char *url;
	const char *accept; /* NULL: anything */
	const char *authorization; /* the header's value; NULL: none */
	const char *form;   /* is posted; NULL: what method says */
	const char *method; /* NULL: GET. HEAD has no body, the others send data */
	const void *data;   /* may be NULL, where data_len is 0; sent again where the connection broke */
	size_t data_len;
	const char *content_type, *content_range; /* of data; NULL: none */
	int64_t offset;	    /* > 0: asks for the bytes from there on */
	/*
	 * Takes the body of a 2xx response as it comes; -1 ends the transfer with err. NULL: it
	 * goes into the response's body, which may have max_body bytes.
	 */
	int (*sink)(void *arg, const struct http_response *r, const void *data, size_t len,
		    struct err *err);
	void *arg;
	size_t max_body;
};

/* 0 where there was an answer, of whatever status. *ret is to be emptied in either case. */
int http_get(struct http *h, const struct http_request *request, struct http_response *ret,
	     struct err *err);

/* Text as a part of a query: all but the unreserved of RFC 3986 is encoded. */
void http_add_encoded(struct buf *b, const char *text);

/* Did anybody ever take a connection of it? */
bool http_has_reached(const struct http *h);

/* Does "https://host:port/" speak TLS? 1, 0, or -1 where it can't be reached. */
int http_speaks_tls(struct http *h, const char *url, struct err *err);

#endif
