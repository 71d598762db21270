#include "image/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/http_header.h"

/*
 * Older ones keep an Authorization on the way to another port or scheme (CVE-2022-27774, -27776).
 */
_Static_assert(LIBCURL_VERSION_NUM >= 0x075300, "libcurl 7.83.0 or newer is needed");

#define CONNECT_SECONDS	 15L
#define STALL_SECONDS	 15L /* without so many bytes a second, on average */
#define STALL_BYTES	 64L
#define DOCUMENT_SECONDS 180L
#define UPLOAD_SECONDS	 120L /* STALL_SECONDS of what sends: a registry may take its time with it */
#define REDIRECTS	 10L
#define HEADERS_MAX	 (256u << 10)
#define ERROR_BODY_MAX	 (64u << 10)
#define AUTHORITIES_MAX	 (16u << 20)
#define RECEIVE_BUFFER	 (256L << 10)

struct http {
	CURL *curl;
	char *peer;
	bool verify, reached;
	const struct certificates *certificates;
	char *no_proxy;
	char *authorities; /* what is trusted, or NULL: the system's alone */
	const struct cancel *cancel;
	char curl_says[CURL_ERROR_SIZE];
};

/* A request on its way, for libcurl's callbacks. */
struct transfer {
	CURL *curl;
	const struct http_request *request;
	struct http_response *response;
	const struct cancel *cancel;
	struct err *err;
	size_t headers;
	bool sink_failed, too_large, error_cut, cancelled;
};

/*
 * libcurl knows HTTP_PROXY in lower case alone, since as a CGI variable it is a header of whoever
 * asked (CVE-2016-5385, "httpoxy"); Go, and with it docker and podman, in both, but there.
 */
static void know_proxy(void)
{
	const char *proxy = getenv("HTTP_PROXY");

	if (proxy && !getenv("http_proxy") && !getenv("REQUEST_METHOD"))
		setenv("http_proxy", proxy, 1);
}

int http_global_init(struct err *err)
{
	know_proxy();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_SYSTEM, "cannot initialise libcurl");
	return 0;
}

/*
 * What is given in memory takes the place of libcurl's default file, not of its default directory:
 * where there is only the file, as on Fedora, the system's authorities are put behind ours.
 */
static char *add_system(CURL *c, const char *own)
{
	char *directory = NULL, *file = NULL;
	CLEAN(clean_fd) int fd = -1;
	struct buf all = { 0 };

	buf_adds(&all, own);
	curl_easy_getinfo(c, CURLINFO_CAPATH, &directory);
	curl_easy_getinfo(c, CURLINFO_CAINFO, &file);
	if (!directory && file)
		fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		read_all(fd, AUTHORITIES_MAX, &all, NULL);
	return all.data;
}

/* What is not to be had by a proxy: what the environment says, and this machine. */
static char *no_proxy(void)
{
	const char *said = getenv("no_proxy") ?: getenv("NO_PROXY");

	if (said && streq(said, "*"))
		return xstrdup(said);
	return xasprintf("localhost,127.0.0.0/8,127.0.0.1,::1%s%s", said ? "," : "", said ?: "");
}

struct http *http_new(const struct http_options *options)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->curl = curl_easy_init();
	if (!h->curl)
		abort();
	h->peer = str_printable(options->peer);
	h->verify = options->verify;
	h->no_proxy = no_proxy();
	h->certificates = options->certificates;
	if (h->certificates && h->certificates->authorities)
		h->authorities = add_system(h->curl, h->certificates->authorities);
	h->cancel = options->cancel;
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	free(h->peer);
	free(h->authorities);
	free(h->no_proxy);
	free(h);
}

void clean_http(struct http **h)
{
	http_free(*h);
}

void http_response_done(struct http_response *r)
{
	free(r->url);
	free(r->content_type);
	free(r->challenge);
	free(r->location);
	free(r->digest);
	free(r->range);
	free(r->link);
	buf_done(&r->body);
	*r = (struct http_response){ .content_length = -1, .range_start = -1, .retry_after = -1 };
}

static bool is_success(long status)
{
	return status >= 200 && status < 300;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct http_response *r = t->response;
	size_t len = size * n;

	t->headers += len;
	if (t->headers > HEADERS_MAX) {
		t->too_large = true;
		return 0;
	}
	/* Each response of a chain of redirects begins so: only the last one counts. */
	if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
		http_response_done(r);
	http_header_read(line, len, r);
	return len;
}

/* Returns less than it was given to end the transfer. */
static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct http_response *r = t->response;
	size_t len = size * n;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &r->status);
	if (is_success(r->status) && t->request->sink) {
		t->sink_failed = t->request->sink(t->request->arg, r, data, len, t->err) < 0;
		return t->sink_failed ? 0 : len;
	}
	if (is_success(r->status)) {
		t->too_large = r->body.len + len > t->request->max_body;
		if (t->too_large)
			return 0;
	} else {
		t->error_cut = r->body.len + len > ERROR_BODY_MAX;
		if (t->error_cut)
			return 0;
	}
	buf_add(&r->body, data, len);
	return len;
}

/* libcurl calls it with every piece of the body, and once a second without one. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *t = arg;

	(void)a, (void)b, (void)c, (void)d;
	t->cancelled = cancel_wanted(t->cancel);
	return t->cancelled;
}

static int reach_err(struct http *h, const char *cause, struct err *err)
{
	err_set(err, ERR_NETWORK, "cannot reach registry '%.200s': %s", h->peer, cause);
	return err_hint(err, "see whether the registry is running, and the network is up");
}

/* libcurl's code in words: who, what, and what can be done about it. */
static int explain(struct http *h, CURLcode code, struct err *err)
{
	CLEAN(clean_free)
	char *safe = str_printable(*h->curl_says ? h->curl_says : curl_easy_strerror(code));
	long sys = 0;

	curl_easy_getinfo(h->curl, CURLINFO_OS_ERRNO, &sys);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return reach_err(h, sys ? strerror((int)sys) : safe, err);
	case CURLE_COULDNT_RESOLVE_HOST:
		return reach_err(h, "there is no such host", err);
	case CURLE_COULDNT_RESOLVE_PROXY:
		return reach_err(h, "there is no such host as the proxy", err);
	case CURLE_OPERATION_TIMEDOUT:
		err_set(err, ERR_NETWORK, "registry '%.200s' does not answer: timed out", h->peer);
		if (err)
			err->sys = ETIMEDOUT;
		return err_hint(err, "see whether the network is up, and try again");
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		err_set(err, ERR_DENIED, "cannot trust registry '%.120s': %.250s", h->peer, safe);
		return err_hint(err, "install the certificate of its authority, or use "
				     "--tls-verify=false where nobody can listen in");
	case CURLE_SSL_CERTPROBLEM:
		return err_set(err, ERR_DENIED,
			       "the client certificate for registry '%.120s' is of no use: %.250s",
			       h->peer, safe);
	case CURLE_TOO_MANY_REDIRECTS:
		return err_set(err, ERR_CORRUPT, "registry '%.200s' redirects in a circle",
			       h->peer);
	case CURLE_UNSUPPORTED_PROTOCOL:
		return err_set(err, ERR_CORRUPT,
			       "registry '%.200s' redirects to where no registry leads: refused",
			       h->peer);
	default:
		return err_set(err, ERR_NETWORK, "registry '%.120s' broke off: %.250s", h->peer,
			       safe);
	}
}

static void set_blob(CURL *c, CURLoption option, char *text)
{
	struct curl_blob blob = {
		.data = text,
		.len = text ? strlen(text) : 0,
		.flags = CURL_BLOB_NOCOPY,
	};

	if (text)
		curl_easy_setopt(c, option, &blob);
}

static void set_common(struct http *h, bool verify)
{
	CURL *c = h->curl;

	curl_easy_reset(c);
	*h->curl_says = '\0';
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->curl_says);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	set_blob(c, CURLOPT_CAINFO_BLOB, h->authorities);
	if (h->certificates) {
		set_blob(c, CURLOPT_SSLCERT_BLOB, h->certificates->certificate);
		set_blob(c, CURLOPT_SSLKEY_BLOB, h->certificates->key);
	}
	curl_easy_setopt(c, CURLOPT_NOPROXY, h->no_proxy);
	/* What a proxy says is not the registry's answer. */
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static bool is_sending(const struct http_request *req)
{
	return req->form ||
	       (req->method && !streq(req->method, "HEAD") && !streq(req->method, "GET"));
}

/* Redirects are not followed: another would have what was meant for this one. */
static void set_sending(CURL *c, const struct http_request *req)
{
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	if (req->form) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, req->form);
		return;
	}
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->data_len);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, req->data ? req->data : "");
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, req->method);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, UPLOAD_SECONDS);
}

static void set_transfer(struct http *h, struct transfer *t)
{
	const struct http_request *req = t->request;
	CURL *c = h->curl;
	char range[24];

	set_common(h, h->verify);
	curl_easy_setopt(c, CURLOPT_URL, req->url);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "tiffin/" TIFFIN_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	if (is_sending(req))
		set_sending(c, req);
	else if (req->method && streq(req->method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS);
	/* Who began over TLS stays there, unless nobody's certificate was asked for anyway. */
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
			 starts_with(req->url, "https:") && h->verify ? "https" : "http,https");
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	/* Not CURLOPT_RESUME_FROM: whether the server heeded it is for the sink to see. */
	if (req->offset > 0) {
		snprintf(range, sizeof(range), "%lld-", (long long)req->offset);
		curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	if (!req->sink && !req->data_len)
		curl_easy_setopt(c, CURLOPT_TIMEOUT, DOCUMENT_SECONDS);
}

static void clean_slist(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static void add_header(struct curl_slist **list, const char *name, const char *value)
{
	CLEAN(clean_free) char *line = value ? xasprintf("%s: %s", name, value) : NULL;

	if (!line)
		return;
	*list = curl_slist_append(*list, line);
	explicit_bzero(line, strlen(line));
}

int http_get(struct http *h, const struct http_request *request, struct http_response *ret,
	     struct err *err)
{
	struct transfer t = {
		.curl = h->curl,
		.request = request,
		.response = ret,
		.cancel = h->cancel,
		.err = err,
	};
	CLEAN(clean_slist) struct curl_slist *headers = NULL;
	char *url = NULL;
	CURLcode code;

	http_response_done(ret);
	set_transfer(h, &t);
	add_header(&headers, "Accept", request->accept);
	add_header(&headers, "Content-Range", request->content_range);
	if (is_sending(request) && !request->form) {
		headers = curl_slist_append(headers, "Expect:");
		add_header(&headers, "Content-Type",
			   request->content_type ?: "application/octet-stream");
	}
	/* As a header of ours libcurl drops it at the border of the origin, and keeps no copy. */
	add_header(&headers, "Authorization", request->authorization);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(h->curl);
	h->reached |= code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST &&
		      code != CURLE_COULDNT_RESOLVE_PROXY;
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &ret->status);
	curl_easy_getinfo(h->curl, CURLINFO_EFFECTIVE_URL, &url);
	free(ret->url);
	ret->url = xstrdup(url);
	/* The list above goes out of scope, and libcurl keeps no copy. */
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	if (t.cancelled)
		return cancel_err(err);
	if (t.sink_failed)
		return -1;
	if (t.too_large)
		return err_set(err, ERR_CORRUPT,
			       "registry '%.200s' sends an answer that has no end", h->peer);
	return code == CURLE_OK || t.error_cut ? 0 : explain(h, code, err);
}

void http_add_encoded(struct buf *b, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_add(b, text, 1);
		else
			buf_addf(b, "%%%02X", (unsigned int)(unsigned char)*text);
	}
}

bool http_has_reached(const struct http *h)
{
	return h->reached;
}

int http_speaks_tls(struct http *h, const char *url, struct err *err)
{
	CURLcode code;

	set_common(h, false);
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_CONNECT_ONLY, 1L);
	code = curl_easy_perform(h->curl);
	if (code == CURLE_OK)
		return 1;
	return code == CURLE_SSL_CONNECT_ERROR ? 0 : explain(h, code, err);
}
