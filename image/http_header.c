#include "image/http_header.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"

/* The value of a header line by name, without blanks around it, or NULL. The caller frees. */
static char *header_value(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	len -= n + 1;
	while (len && strchr(" \t", *line)) {
		line++;
		len--;
	}
	while (len && strchr(" \t\r\n", line[len - 1]))
		len--;
	return xstrndup(line, len);
}

static void read_text(const char *line, size_t len, const char *name, char **ret)
{
	char *value = header_value(line, len, name);

	if (value) {
		free(*ret);
		*ret = value;
	}
}

/* A field that may be there several times, as if it were one. */
static void read_list(const char *line, size_t len, const char *name, char **ret)
{
	CLEAN(clean_free) char *value = header_value(line, len, name);
	CLEAN(clean_free) char *before = NULL;

	if (!value)
		return;
	before = *ret;
	*ret = before ? xasprintf("%s, %s", before, value) : ptr_take(&value);
}

static void read_number(const char *line, size_t len, const char *name, const char *prefix,
			int64_t *ret)
{
	CLEAN(clean_free) char *value = header_value(line, len, name);
	size_t skip = strlen(prefix);

	if (value && strncasecmp(value, prefix, skip) == 0 && value[skip] >= '0' &&
	    value[skip] <= '9')
		*ret = strtoll(value + skip, NULL, 10);
}

/* Seconds, or the date and time at which they are over (RFC 9110, section 10.2.3). */
static void read_retry_after(const char *line, size_t len, int64_t *ret)
{
	CLEAN(clean_free) char *value = header_value(line, len, "Retry-After");
	const size_t digits = value ? strspn(value, "0123456789") : 0;
	time_t then;

	if (digits && !value[digits])
		*ret = digits < 10 ? strtoll(value, NULL, 10) : INT32_MAX;
	if (!value || digits)
		return;
	then = curl_getdate(value, NULL);
	if (then >= 0)
		*ret = then > time(NULL) ? then - time(NULL) : 0;
}

void http_header_read(const char *line, size_t len, struct http_response *r)
{
	read_text(line, len, "Content-Type", &r->content_type);
	read_text(line, len, "Link", &r->link);
	read_list(line, len, "WWW-Authenticate", &r->challenge);
	read_text(line, len, "Location", &r->location);
	read_text(line, len, "Docker-Content-Digest", &r->digest);
	read_text(line, len, "Range", &r->range);
	read_number(line, len, "Content-Length", "", &r->content_length);
	read_number(line, len, "Content-Range", "bytes ", &r->range_start);
	read_retry_after(line, len, &r->retry_after);
}
