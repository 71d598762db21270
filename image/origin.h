/*
 * Origins: scheme, host and port of a URL, and which of them may have what was meant for another.
 *
 * URLs are taken apart by libcurl, which also sends the requests, so that nobody is asked but whom
 * the rules were applied to. Only in tiffin-image.
 */
#ifndef IMAGE_ORIGIN_H
#define IMAGE_ORIGIN_H

#include <stdbool.h>

struct origin {
	bool tls;
	char *host; /* lower case; an IPv6 address in brackets */
	long port;
};

void origin_done(struct origin *o);
/* -1 where url is not an absolute URL of http or https, or has a user in it. */
int origin_parse(const char *url, struct origin *ret);

/*
 * Where a Location leads from the URL of the answer that it was in, with a query ("digest=…") added
 * to it, if any. -1 where that is no URL that origin_parse takes. The caller frees.
 */
int origin_follow(const char *url, const char *location, const char *query, char **ret);

bool origin_same(const struct origin *a, const struct origin *b);
/* "localhost", 127.0.0.0/8 and ::1 by name: what a name resolves to is up to others. */
bool origin_is_loopback(const struct origin *o);
/*
 * May what is meant for the registry be sent to the realm that it names? Where that is the
 * registry itself; else over TLS to a host of the same domain (auth.docker.io for
 * registry-1.docker.io), on its port or the standard one, as no registry of many users does
 * without.
 */
bool origin_may_have(const struct origin *realm, const struct origin *registry);

#endif
