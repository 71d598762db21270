#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

static void *or_die(void *p)
{
	static const char text[] = "Error: out of memory\n";

	if (!p) {
		ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

		(void)ignored;
		_exit(125);
	}
	return p;
}

void *xmalloc(size_t n)
{
	return or_die(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size));
}

void *xrealloc(void *p, size_t n)
{
	return or_die(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
	return s ? or_die(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return or_die(strndup(s, n));
}

static char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return or_die(s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (len >= SIZE_MAX / 2 - b->len)
		or_die(NULL);
	if (b->len + len + 1 > b->cap) {
		b->cap = (b->len + len + 1) * 2;
		b->data = xrealloc(b->data, b->cap);
	}
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	buf_adds(b, s);
	free(s);
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

void strv_add_take(struct strv *s, char *item)
{
	s->v = xrealloc(s->v, (s->n + 2) * sizeof(*s->v));
	s->v[s->n++] = item;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *item)
{
	strv_add_take(s, xstrdup(item));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_add_take(s, xvasprintf(fmt, ap));
	va_end(ap);
}

bool strv_has(const struct strv *s, const char *item)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->v[i], item))
			return true;
	return false;
}

void strv_done(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

static bool same_key(const char *entry, const char *key, size_t len)
{
	return strncmp(entry, key, len) == 0 && entry[len] == '=';
}

void strv_set_env(struct strv *s, const char *entry)
{
	size_t len = strcspn(entry, "=");

	for (size_t i = 0; i < s->n; i++) {
		if (same_key(s->v[i], entry, len)) {
			free(s->v[i]);
			s->v[i] = xstrdup(entry);
			return;
		}
	}
	strv_add(s, entry);
}

const char *strv_get_env(const struct strv *s, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < s->n; i++)
		if (same_key(s->v[i], key, len))
			return s->v[i] + len + 1;
	return NULL;
}

/* Decodes one UTF-8 sequence: its length, or 0 where the bytes are not UTF-8 (RFC 3629). */
static size_t utf8_decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
	uint32_t c;

	if (n == 0 || s[0] > 0xf4)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *str_printable(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	struct buf out = { 0 };

	/* Most text is nothing else. */
	while (*p >= ' ' && *p < 0x7f)
		p++;
	buf_add(&out, s, (size_t)(p - (const unsigned char *)s));
	while (*p) {
		uint32_t c = 0;
		size_t n = utf8_decode(p, &c);

		if (n == 0 || (n == 1 && is_control(c)))
			buf_addf(&out, "\\x%02x", *p);
		else if (is_control(c))
			buf_addf(&out, "\\u{%x}", c);
		else
			buf_add(&out, p, n);
		p += n ? n : 1;
	}
	return out.data ? out.data : xstrdup("");
}

/* Levenshtein's distance; words are short. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(b), row[64];

	if (strlen(a) >= sizeof(row) / sizeof(row[0]) || n >= sizeof(row) / sizeof(row[0]))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[n];
}

const char *str_nearest(const char *word, const char *const *names)
{
	size_t best = strlen(word) / 3 + 2;
	const char *found = NULL;

	for (; *names; names++) {
		size_t d = distance(word, *names);

		if (d < best) {
			best = d;
			found = *names;
		}
	}
	return found;
}

void random_hex(char *ret, size_t n)
{
	unsigned char raw[64];
	size_t got = 0;

	while (got < n) {
		ssize_t r = getrandom(raw + got, n - got, 0);

		if (r > 0)
			got += (size_t)r;
	}
	for (size_t i = 0; i < n; i++)
		sprintf(ret + 2 * i, "%02x", raw[i]);
}

bool is_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}
