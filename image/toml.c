#include "image/toml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

#define DEPTH_MAX  16	 /* of arrays and inline tables in each other, and of the parts of a key */
#define CLOSED_MAX 10000 /* tables and arrays: looked through one by one */

struct reader {
	const char *p, *end;
	int line, depth;
	json_t *root, *table; /* what keys are put into */
	/* What no header may name again, and no key extend: borrowed from root. */
	const json_t **closed;
	size_t n_closed;
	struct err *err;
};

static int fail(struct reader *r, const char *what)
{
	return err_set(r->err, ERR_CORRUPT, "line %d: %s", r->line, what);
}

static int peek(const struct reader *r)
{
	return r->p < r->end ? (unsigned char)*r->p : -1;
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != (unsigned char)c)
		return false;
	r->p++;
	return true;
}

static void skip_blanks(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\t')
		r->p++;
}

/* A comment, if any, and the end of the line. */
static int end_line(struct reader *r)
{
	skip_blanks(r);
	if (peek(r) == '#')
		while (r->p < r->end && *r->p != '\n') {
			const unsigned char c = (unsigned char)*r->p;

			if ((c < ' ' && c != '\t' &&
			     (c != '\r' || r->p + 1 == r->end || r->p[1] != '\n')) ||
			    c == 0x7f)
				return fail(r, "a control character in a comment");
			r->p++;
		}
	if (peek(r) == '\r' && r->p + 1 < r->end && r->p[1] == '\n')
		r->p++;
	if (r->p == r->end)
		return 0;
	if (!take(r, '\n'))
		return fail(r, "something follows the value");
	r->line++;
	return 0;
}

/* Within an array, lines may end anywhere. */
static int skip_lines(struct reader *r)
{
	for (;;) {
		skip_blanks(r);
		if (peek(r) != '\n' && peek(r) != '\r' && peek(r) != '#')
			return 0;
		if (end_line(r) < 0)
			return -1;
	}
}

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* \uXXXX, \UXXXXXXXX */
static int read_code_point(struct reader *r, int digits, struct buf *text)
{
	unsigned long c = 0;

	for (int i = 0; i < digits; i++) {
		static const char hex[] = "0123456789abcdef";
		const int got = peek(r);
		const char *digit = is_bare(got) ? strchr(hex, got | 0x20) : NULL;

		if (!digit)
			return fail(r, "an escape without its hex digits");
		c = c << 4 | (unsigned long)(digit - hex);
		r->p++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return fail(r, "an escape that is no character");
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

static int read_escape(struct reader *r, struct buf *text)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const int c = peek(r);
	const char *simple = c > 0 ? strchr(from, c) : NULL;

	if (c == 'u' || c == 'U') {
		r->p++;
		return read_code_point(r, c == 'u' ? 4 : 8, text);
	}
	if (!simple)
		return fail(r, "an escape that TOML does not know");
	r->p++;
	buf_add(text, &to[simple - from], 1);
	return 0;
}

/* "basic" and 'literal' */
static int read_string(struct reader *r, struct buf *text)
{
	const char quote = *r->p++;

	if (r->end - r->p >= 2 && r->p[0] == quote && r->p[1] == quote)
		return fail(r, "strings of several lines are not supported");
	while (peek(r) != (unsigned char)quote) {
		const int c = peek(r);

		if (c < 0 || c == '\n')
			return fail(r, "a string without its end");
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return fail(r, "a control character in a string");
		r->p++;
		if (c == '\\' && quote == '"') {
			if (read_escape(r, text) < 0)
				return -1;
		} else {
			buf_add(text, r->p - 1, 1);
		}
	}
	r->p++;
	return 0;
}

static int read_key_part(struct reader *r, struct strv *key)
{
	CLEAN(buf_done) struct buf text = { 0 };

	skip_blanks(r);
	if (peek(r) == '"' || peek(r) == '\'') {
		CLEAN(clean_json) json_t *valid = NULL;

		if (read_string(r, &text) < 0)
			return -1;
		valid = json_stringn(buf_str(&text), text.len);
		if (!valid)
			return fail(r, "a key is not UTF-8");
	} else {
		while (is_bare(peek(r)))
			buf_add(&text, r->p++, 1);
		if (!text.len)
			return fail(r, "a key is missing");
	}
	strv_add(key, buf_str(&text));
	skip_blanks(r);
	return 0;
}

static int read_key(struct reader *r, struct strv *key)
{
	do
		if (key->n == DEPTH_MAX)
			return fail(r, "a key of too many parts");
		else if (read_key_part(r, key) < 0)
			return -1;
	while (take(r, '.'));
	return 0;
}

static bool is_closed(const struct reader *r, const json_t *j)
{
	for (size_t i = 0; i < r->n_closed; i++)
		if (r->closed[i] == j)
			return true;
	return false;
}

static int close_value(struct reader *r, const json_t *j)
{
	if (r->n_closed == CLOSED_MAX)
		return fail(r, "there are too many tables");
	r->closed = xrealloc(r->closed, (r->n_closed + 1) * sizeof(void *));
	r->closed[r->n_closed++] = j;
	return 0;
}

static int read_pair(struct reader *r, json_t *into);
static int read_value(struct reader *r, json_t **ret);

static int read_array(struct reader *r, json_t *array)
{
	for (;;) {
		json_t *item;

		if (skip_lines(r) < 0)
			return -1;
		if (take(r, ']'))
			return 0;
		if (read_value(r, &item) < 0)
			return -1;
		json_array_append_new(array, item);
		if (skip_lines(r) < 0)
			return -1;
		if (take(r, ']'))
			return 0;
		if (!take(r, ','))
			return fail(r, "an array without its end");
	}
}

static int read_inline_table(struct reader *r, json_t *table)
{
	skip_blanks(r);
	if (take(r, '}'))
		return 0;
	for (;;) {
		if (read_pair(r, table) < 0)
			return -1;
		skip_blanks(r);
		if (take(r, '}'))
			return 0;
		if (!take(r, ','))
			return fail(r, "an inline table without its end");
	}
}

/* The table of tables within it, too: each is whole where it was written. */
static int read_nested(struct reader *r, json_t **ret)
{
	const bool is_array = *r->p++ == '[';
	CLEAN(clean_json) json_t *j = is_array ? json_array() : json_object();
	int result;

	if (r->depth == DEPTH_MAX)
		return fail(r, "too many levels");
	r->depth++;
	result = is_array ? read_array(r, j) : read_inline_table(r, j);
	r->depth--;
	if (result < 0 || close_value(r, j) < 0)
		return -1;
	*ret = ptr_take(&j);
	return 0;
}

static bool take_word(struct reader *r, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
		return false;
	r->p += len;
	return true;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Digits, with single '_' between them, and no 0 in front. */
static int read_number(struct reader *r, json_t **ret)
{
	static const char what[] =
		"a value that is no string, whole number, boolean, array or table";
	char text[24];
	size_t n = 0, sign;
	long long number;

	if (peek(r) == '+' || peek(r) == '-')
		text[n++] = *r->p++;
	sign = n;
	for (; n < sizeof(text) - 1 && is_digit(peek(r)); r->p++) {
		text[n++] = *r->p;
		if (r->end - r->p > 2 && r->p[1] == '_' && is_digit(r->p[2]))
			r->p++;
	}
	text[n] = '\0';
	errno = 0;
	number = strtoll(text, NULL, 10);
	if (errno || n == sign || (text[sign] == '0' && n > sign + 1) || is_bare(peek(r)) ||
	    peek(r) == '.' || peek(r) == ':')
		return fail(r, what);
	*ret = json_integer(number);
	return 0;
}

static int read_value(struct reader *r, json_t **ret)
{
	CLEAN(buf_done) struct buf text = { 0 };

	skip_blanks(r);
	switch (peek(r)) {
	case '"':
	case '\'':
		if (read_string(r, &text) < 0)
			return -1;
		*ret = json_stringn(buf_str(&text), text.len);
		return *ret ? 0 : fail(r, "a string is not UTF-8");
	case '[':
	case '{':
		return read_nested(r, ret);
	default:
		if (take_word(r, "true"))
			*ret = json_true();
		else if (take_word(r, "false"))
			*ret = json_false();
		else
			return read_number(r, ret);
		return 0;
	}
}

/* a.b.c = value */
static int read_pair(struct reader *r, json_t *into)
{
	CLEAN(strv_done) struct strv key = { 0 };
	json_t *value;

	if (read_key(r, &key) < 0)
		return -1;
	if (!take(r, '='))
		return fail(r, "a key without '='");
	for (size_t i = 0; i + 1 < key.n; i++) {
		json_t *next = json_object_get(into, key.v[i]);

		if (!next) {
			next = json_object();
			json_object_set_new(into, key.v[i], next);
		} else if (!json_is_object(next) || is_closed(r, next)) {
			return fail(r, "a key is given twice");
		}
		into = next;
	}
	if (json_object_get(into, key.v[key.n - 1]))
		return fail(r, "a key is given twice");
	if (read_value(r, &value) < 0)
		return -1;
	json_object_set_new(into, key.v[key.n - 1], value);
	return 0;
}

/* Where a header's way leads through: an array of tables stands for its last one. */
static int enter(struct reader *r, json_t **io_at, const char *name)
{
	json_t *next = json_object_get(*io_at, name);

	if (!next) {
		next = json_object();
		json_object_set_new(*io_at, name, next);
	} else if (json_is_array(next) && !is_closed(r, next)) {
		next = json_array_get(next, json_array_size(next) - 1);
	} else if (!json_is_object(next)) {
		return fail(r, "a table within what is none");
	}
	*io_at = next;
	return 0;
}

static int open_table(struct reader *r, json_t *at, const char *name)
{
	json_t *table = json_object_get(at, name);

	if (!table) {
		table = json_object();
		json_object_set_new(at, name, table);
	} else if (!json_is_object(table) || is_closed(r, table)) {
		return fail(r, "a table is given twice");
	}
	r->table = table;
	return close_value(r, table);
}

static int open_element(struct reader *r, json_t *at, const char *name)
{
	json_t *array = json_object_get(at, name);

	if (!array) {
		array = json_array();
		json_object_set_new(at, name, array);
	} else if (!json_is_array(array) || is_closed(r, array)) {
		return fail(r, "an array of tables has the name of something else");
	}
	r->table = json_object();
	json_array_append_new(array, r->table);
	return 0;
}

/* [a.b], [[a.b]] */
static int read_header(struct reader *r)
{
	CLEAN(strv_done) struct strv key = { 0 };
	const bool element = take(r, '[');
	json_t *at = r->root;
	const char *last;

	if (read_key(r, &key) < 0)
		return -1;
	if (!take(r, ']') || (element && !take(r, ']')))
		return fail(r, "a table's name without its ']'");
	for (size_t i = 0; i + 1 < key.n; i++)
		if (enter(r, &at, key.v[i]) < 0)
			return -1;
	last = key.v[key.n - 1];
	return element ? open_element(r, at, last) : open_table(r, at, last);
}

static int read_file(struct reader *r)
{
	for (;;) {
		int result;

		if (skip_lines(r) < 0)
			return -1;
		if (r->p == r->end)
			return 0;
		result = take(r, '[') ? read_header(r) : read_pair(r, r->table);
		if (result < 0 || end_line(r) < 0)
			return -1;
	}
}

int toml_parse(const char *data, size_t len, json_t **ret, struct err *err)
{
	CLEAN(clean_json) json_t *root = json_object();
	struct reader r = {
		.p = data,
		.end = data + len,
		.line = 1,
		.root = root,
		.table = root,
		.err = err,
	};
	int result = read_file(&r);

	free(r.closed);
	if (result == 0)
		*ret = ptr_take(&root);
	return result;
}
