#include "image/toml_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

int toml_peek(const struct toml_text *t)
{
	return t->p < t->end ? (unsigned char)*t->p : -1;
}

bool toml_take(struct toml_text *t, char c)
{
	if (toml_peek(t) != (unsigned char)c)
		return false;
	t->p++;
	return true;
}

void toml_skip_blanks(struct toml_text *t)
{
	while (toml_peek(t) == ' ' || toml_peek(t) == '\t')
		t->p++;
}

int toml_end_line(struct toml_text *t)
{
	toml_skip_blanks(t);
	if (toml_peek(t) == '#')
		while (t->p < t->end && *t->p != '\n') {
			const unsigned char c = (unsigned char)*t->p;

			if ((c < ' ' && c != '\t' &&
			     (c != '\r' || t->p + 1 == t->end || t->p[1] != '\n')) ||
			    c == 0x7f)
				return toml_fail(t, "a control character in a comment");
			t->p++;
		}
	if (toml_peek(t) == '\r' && t->p + 1 < t->end && t->p[1] == '\n')
		t->p++;
	if (t->p == t->end)
		return 0;
	if (!toml_take(t, '\n'))
		return toml_fail(t, "something follows the value");
	t->line++;
	return 0;
}

int toml_skip_lines(struct toml_text *t)
{
	for (;;) {
		toml_skip_blanks(t);
		if (toml_peek(t) != '\n' && toml_peek(t) != '\r' && toml_peek(t) != '#')
			return 0;
		if (toml_end_line(t) < 0)
			return -1;
	}
}

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* \uXXXX, \UXXXXXXXX */
static int read_code_point(struct toml_text *t, int digits, struct buf *text)
{
	unsigned long c = 0;

	for (int i = 0; i < digits; i++) {
		static const char hex[] = "0123456789abcdef";
		const int got = toml_peek(t);
		const char *digit = is_bare(got) ? strchr(hex, got | 0x20) : NULL;

		if (!digit)
			return toml_fail(t, "an escape without its hex digits");
		c = c << 4 | (unsigned long)(digit - hex);
		t->p++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return toml_fail(t, "an escape that is no character");
	if (c < 0x80) {
		buf_addf(text, "%c", (int)c);
	} else if (c < 0x800) {
		buf_addf(text, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addf(text, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
			 (int)(0x80 | (c & 0x3f)));
	} else {
		buf_addf(text, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)),
			 (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
	}
	return 0;
}

static int read_escape(struct toml_text *t, struct buf *text)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const int c = toml_peek(t);
	const char *simple = c > 0 ? strchr(from, c) : NULL;

	if (c == 'u' || c == 'U') {
		t->p++;
		return read_code_point(t, c == 'u' ? 4 : 8, text);
	}
	if (!simple)
		return toml_fail(t, "an escape that TOML does not know");
	t->p++;
	buf_add(text, &to[simple - from], 1);
	return 0;
}

int toml_read_string(struct toml_text *t, struct buf *text)
{
	const char quote = *t->p++;

	if (t->end - t->p >= 2 && t->p[0] == quote && t->p[1] == quote)
		return toml_fail(t, "strings of several lines are not supported");
	while (toml_peek(t) != (unsigned char)quote) {
		const int c = toml_peek(t);

		if (c < 0 || c == '\n')
			return toml_fail(t, "a string without its end");
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return toml_fail(t, "a control character in a string");
		t->p++;
		if (c == '\\' && quote == '"') {
			if (read_escape(t, text) < 0)
				return -1;
		} else {
			buf_add(text, t->p - 1, 1);
		}
	}
	t->p++;
	return 0;
}

static int read_key_part(struct toml_text *t, struct strv *key)
{
	CLEAN(buf_done) struct buf text = { 0 };

	toml_skip_blanks(t);
	if (toml_peek(t) == '"' || toml_peek(t) == '\'') {
		CLEAN(clean_json) json_t *valid = NULL;

		if (toml_read_string(t, &text) < 0)
			return -1;
		valid = json_stringn(buf_str(&text), text.len);
		if (!valid)
			return toml_fail(t, "a key is not UTF-8");
	} else {
		while (is_bare(toml_peek(t)))
			buf_add(&text, t->p++, 1);
		if (!text.len)
			return toml_fail(t, "a key is missing");
	}
	strv_add(key, buf_str(&text));
	toml_skip_blanks(t);
	return 0;
}

int toml_read_key(struct toml_text *t, struct strv *key)
{
	do
		if (key->n == TOML_DEPTH_MAX)
			return toml_fail(t, "a key of too many parts");
		else if (read_key_part(t, key) < 0)
			return -1;
	while (toml_take(t, '.'));
	return 0;
}

bool toml_take_word(struct toml_text *t, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(t->end - t->p) < len || memcmp(t->p, word, len) != 0)
		return false;
	t->p += len;
	return true;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Digits, with single '_' between them, and no 0 in front. */
int toml_read_number(struct toml_text *t, json_t **ret)
{
	static const char what[] =
		"a value that is no string, whole number, boolean, array or table";
	char text[24];
	size_t n = 0, sign;
	long long number;

	if (toml_peek(t) == '+' || toml_peek(t) == '-')
		text[n++] = *t->p++;
	sign = n;
	for (; n < sizeof(text) - 1 && is_digit(toml_peek(t)); t->p++) {
		text[n++] = *t->p;
		if (t->end - t->p > 2 && t->p[1] == '_' && is_digit(t->p[2]))
			t->p++;
	}
	text[n] = '\0';
	errno = 0;
	number = strtoll(text, NULL, 10);
	if (errno || n == sign || (text[sign] == '0' && n > sign + 1) || is_bare(toml_peek(t)) ||
	    toml_peek(t) == '.' || toml_peek(t) == ':')
		return toml_fail(t, what);
	*ret = json_integer(number);
	return 0;
}
