#include "image/origin.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

#define HTTPS_PORT 443

void origin_done(struct origin *o)
{
	free(o->host);
	*o = (struct origin){ 0 };
}

static void clean_url(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void clean_part(char **part)
{
	curl_free(*part);
}

static bool has_part(CURLU *u, CURLUPart what)
{
	CLEAN(clean_part) char *part = NULL;

	return curl_url_get(u, what, &part, 0) == CURLUE_OK;
}

int origin_parse(const char *url, struct origin *ret)
{
	CLEAN(clean_url) CURLU *u = curl_url();
	CLEAN(clean_part) char *scheme = NULL;
	CLEAN(clean_part) char *host = NULL;
	CLEAN(clean_part) char *port = NULL;
	struct origin o;

	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return -1;
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD) ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return -1;
	if (!streq(scheme, "https") && !streq(scheme, "http"))
		return -1;
	o = (struct origin){
		.tls = streq(scheme, "https"),
		.host = xstrdup(host),
		.port = strtol(port, NULL, 10),
	};
	for (char *p = o.host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	*ret = o;
	return 0;
}

int origin_follow(const char *url, const char *location, const char *query, char **ret)
{
	CLEAN(clean_url) CURLU *u = curl_url();
	CLEAN(origin_done) struct origin origin = { 0 };
	CLEAN(clean_part) char *text = NULL;

	for (const char *p = location; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return -1;
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, location, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
	    (query && curl_url_set(u, CURLUPART_QUERY, query, CURLU_APPENDQUERY) != CURLUE_OK) ||
	    curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK || origin_parse(text, &origin) < 0)
		return -1;
	*ret = xstrdup(text);
	return 0;
}

bool origin_same(const struct origin *a, const struct origin *b)
{
	return a->tls == b->tls && a->port == b->port && streq(a->host, b->host);
}

static bool is_ipv4(const char *host)
{
	return host[strspn(host, "0123456789.")] == '\0';
}

bool origin_is_loopback(const struct origin *o)
{
	return streq(o->host, "localhost") || streq(o->host, "[::1]") ||
	       (starts_with(o->host, "127.") && is_ipv4(o->host));
}

/* "docker.io" of "auth.docker.io"; NULL where there are not two parts, or it is an address. */
static const char *domain_of(const char *host)
{
	const char *domain = NULL;
	int dots = 0;

	if (*host == '[' || is_ipv4(host))
		return NULL;
	for (const char *p = host + strlen(host); p > host && !domain; p--)
		if (p[-1] == '.' && ++dots == 2)
			domain = p;
	return dots == 0 ? NULL : domain ? domain : host;
}

bool origin_may_have(const struct origin *realm, const struct origin *registry)
{
	const char *theirs = domain_of(realm->host), *ours = domain_of(registry->host);

	if (origin_same(realm, registry))
		return true;
	return realm->tls && registry->tls && theirs && ours && streq(theirs, ours) &&
	       (realm->port == HTTPS_PORT || realm->port == registry->port);
}
