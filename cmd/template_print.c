/*
 * Templates: values as text, the way Go's package fmt prints them.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/template_tree.h"

#define WIDTH_MAX 4096

/* A verb and what stands between it and its "%". */
struct verb {
	char c;
	bool minus, plus, sharp, zero, blank;
	int width, precision; /* -1: none */
};

static const struct verb plain = { .c = 'v', .width = -1, .precision = -1 };

static void print_verb(struct buf *out, const struct value *v, const struct verb *verb);

/*
 * The shortest digits that read back as the number; with an exponent below 1e-4 and from 1e6 on
 * (strconv's rule).
 */
static void print_real(struct buf *out, double n)
{
	char text[40];
	int precision = 0, exponent;

	do
		snprintf(text, sizeof(text), "%.*e", precision, n);
	while (strtod(text, NULL) != n && precision++ < 17);
	exponent = atoi(strchr(text, 'e') ? strchr(text, 'e') + 1 : "0");
	if (exponent < -4 || exponent >= 6)
		buf_adds(out, text);
	else
		buf_addf(out, "%.*f", precision > exponent ? precision - exponent : 0, n);
}

/* strconv.Quote, near enough: what is not printable is escaped. */
static void print_quoted(struct buf *out, const char *s)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";

	buf_adds(out, "\"");
	for (; *s; s++) {
		const char *known = strchr(from, *s);

		if (known)
			buf_addf(out, "\\%c", to[known - from]);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			buf_addf(out, "\\x%02x", (unsigned char)*s);
		else
			buf_add(out, s, 1);
	}
	buf_adds(out, "\"");
}

static void print_members(struct buf *out, const struct value *v, const struct verb *verb)
{
	bool map = value_is_map(v);
	const char *key;
	json_t *item;
	size_t n = 0;

	buf_adds(out, map ? "map[" : "{");
	json_object_foreach(v->json, key, item) {
		const struct value member = { item, key };

		buf_addf(out, "%s%s%s", n++ ? " " : "", map ? key : "", map ? ":" : "");
		print_verb(out, &member, verb);
	}
	buf_adds(out, map ? "]" : "}");
}

static void print_items(struct buf *out, const struct value *v, const struct verb *verb)
{
	json_t *item;
	size_t i;

	buf_adds(out, "[");
	json_array_foreach(v->json, i, item) {
		const struct value member = { item, NULL };

		if (i)
			buf_adds(out, " ");
		print_verb(out, &member, verb);
		if (out->len > TEMPLATE_OUTPUT_MAX)
			break;
	}
	buf_adds(out, "]");
}

/* "%!d(string=a)" */
static void print_mismatch(struct buf *out, const struct value *v, char c)
{
	buf_addf(out, "%%!%c(", c);
	if (!json_is_null(v->json))
		buf_addf(out, "%s=", value_type(v, "struct"));
	print_verb(out, v, &plain);
	buf_adds(out, ")");
}

static void print_utf8(struct buf *out, json_int_t c)
{
	CLEAN(clean_free) char *text = NULL;
	char escape[16];
	json_t *j;

	/* jansson knows how: what is no character is U+FFFD, as in Go. */
	if (c <= 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x10000)
		snprintf(escape, sizeof(escape), "\"\\u%04x\"", (unsigned)c);
	else
		snprintf(escape, sizeof(escape), "\"\\u%04x\\u%04x\"",
			 (unsigned)(0xd7c0 + (c >> 10)), (unsigned)(0xdc00 | (c & 0x3ff)));
	j = json_loads(escape, JSON_DECODE_ANY, NULL);
	buf_adds(out, json_string_value(j) ?: "");
	json_decref(j);
}

static void print_binary(struct buf *out, json_int_t n)
{
	unsigned long long bits = n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n;
	int top = 63;

	while (top > 0 && !(bits >> top & 1))
		top--;
	buf_adds(out, n < 0 ? "-" : "");
	for (; top >= 0; top--)
		buf_adds(out, bits >> top & 1 ? "1" : "0");
}

static void print_integer(struct buf *out, const struct value *v, const struct verb *verb)
{
	json_int_t n = json_integer_value(v->json);
	unsigned long long size = n < 0 ? 0 - (unsigned long long)n : (unsigned long long)n;
	const char *sign = n < 0 ? "-" : verb->plus ? "+" : verb->blank ? " " : "";

	switch (verb->c) {
	case 'v':
	case 'd':
		buf_addf(out, "%s%llu", sign, size);
		break;
	case 'x':
		buf_addf(out, verb->sharp ? "%s0x%llx" : "%s%llx", sign, size);
		break;
	case 'X':
		buf_addf(out, verb->sharp ? "%s0X%llX" : "%s%llX", sign, size);
		break;
	case 'o':
		buf_addf(out, verb->sharp ? "%s0%llo" : "%s%llo", sign, size);
		break;
	case 'b':
		print_binary(out, n);
		break;
	case 'c':
		print_utf8(out, n);
		break;
	case 'U':
		buf_addf(out, "U+%04llX", size);
		break;
	default:
		print_mismatch(out, v, verb->c);
	}
}

static void print_float(struct buf *out, const struct value *v, const struct verb *verb)
{
	double n = json_real_value(v->json);
	int precision = verb->precision < 0 ? 6 : verb->precision;

	if (n >= 0 && verb->plus)
		buf_adds(out, "+");
	switch (verb->c) {
	case 'v':
	case 'g':
		if (verb->precision < 0)
			print_real(out, n);
		else
			buf_addf(out, "%.*g", precision, n);
		break;
	case 'f':
	case 'F':
		buf_addf(out, "%.*f", precision, n);
		break;
	case 'e':
		buf_addf(out, "%.*e", precision, n);
		break;
	default:
		print_mismatch(out, v, verb->c);
	}
}

static void print_string(struct buf *out, const struct value *v, const struct verb *verb)
{
	const char *s = json_string_value(v->json);
	CLEAN(clean_free) char *cut = NULL;

	if (verb->precision >= 0) {
		size_t end = 0;

		for (int i = 0; i < verb->precision && s[end]; i++)
			for (end++; (s[end] & 0xc0) == 0x80;)
				end++;
		s = cut = xstrndup(s, end);
	}
	if (verb->c == 'q' || (verb->c == 'v' && verb->sharp))
		print_quoted(out, s);
	else if (verb->c == 'v' || verb->c == 's')
		buf_adds(out, s);
	else if (verb->c == 'x' || verb->c == 'X')
		for (; *s; s++)
			buf_addf(out, verb->c == 'x' ? "%02x" : "%02X", (unsigned char)*s);
	else
		print_mismatch(out, v, verb->c);
}

static void print_verb(struct buf *out, const struct value *v, const struct verb *verb)
{
	if (verb->c == 'T') {
		buf_adds(out, value_type(v, "struct"));
		return;
	}
	switch (json_typeof(v->json)) {
	case JSON_OBJECT:
		print_members(out, v, verb);
		break;
	case JSON_ARRAY:
		print_items(out, v, verb);
		break;
	case JSON_STRING:
		print_string(out, v, verb);
		break;
	case JSON_INTEGER:
		print_integer(out, v, verb);
		break;
	case JSON_REAL:
		print_float(out, v, verb);
		break;
	case JSON_NULL:
		if (verb->c == 'v')
			buf_adds(out, "<nil>");
		else
			print_mismatch(out, v, verb->c);
		break;
	default:
		if (verb->c == 'v' || verb->c == 't')
			buf_adds(out, json_is_true(v->json) ? "true" : "false");
		else
			print_mismatch(out, v, verb->c);
	}
}

void print_value(struct buf *out, const struct value *v)
{
	print_verb(out, v, &plain);
}

void print_values(struct buf *out, const struct value *args, size_t n, bool line)
{
	for (size_t i = 0; i < n && out->len <= TEMPLATE_STRING_MAX; i++) {
		if (i &&
		    (line || (!json_is_string(args[i].json) && !json_is_string(args[i - 1].json))))
			buf_adds(out, " ");
		print_value(out, &args[i]);
	}
	if (line)
		buf_adds(out, "\n");
}

/* --- printf --- */

struct format {
	const char *at;
	const struct value *args;
	size_t n, next;
	bool reordered; /* then what is left over is no mistake */
};

/* A number written there, or "*": the next argument. */
static int take_number(struct format *f)
{
	long n = -1;

	if (*f->at == '*') {
		f->at++;
		if (f->next < f->n && json_is_integer(f->args[f->next].json))
			n = (long)json_integer_value(f->args[f->next].json);
		f->next += f->next < f->n;
	} else if (isdigit((unsigned char)*f->at)) {
		for (n = 0; isdigit((unsigned char)*f->at); f->at++)
			n = n < WIDTH_MAX ? n * 10 + (*f->at - '0') : n;
	}
	return n < 0 ? -1 : n > WIDTH_MAX ? WIDTH_MAX : (int)n;
}

/* "[2]": that argument is next. */
static void take_index(struct format *f)
{
	const char *p = f->at + 1;
	size_t n = 0;

	if (*f->at != '[')
		return;
	for (; isdigit((unsigned char)*p) && n <= f->n; p++)
		n = n * 10 + (size_t)(*p - '0');
	if (*p != ']')
		return;
	f->at = p + 1;
	f->next = n ? n - 1 : f->n;
	f->reordered = true;
}

static struct verb take_verb(struct format *f)
{
	struct verb v = plain;

	for (; *f->at && strchr("-+# 0", *f->at); f->at++) {
		v.minus = v.minus || *f->at == '-';
		v.plus = v.plus || *f->at == '+';
		v.sharp = v.sharp || *f->at == '#';
		v.blank = v.blank || *f->at == ' ';
		v.zero = v.zero || *f->at == '0';
	}
	take_index(f);
	v.width = take_number(f);
	if (*f->at == '.') {
		f->at++;
		take_index(f);
		v.precision = take_number(f);
		if (v.precision < 0)
			v.precision = 0;
	}
	take_index(f);
	v.c = *f->at;
	if (*f->at)
		f->at++;
	return v;
}

static void add_padded(struct buf *out, const char *text, const struct verb *verb, bool number)
{
	int width = 0, pad;
	bool zero = verb->zero && number && !verb->minus;

	for (const char *p = text; *p; p++)
		width += (*p & 0xc0) != 0x80;
	pad = verb->width > width ? verb->width - width : 0;
	if (zero && strchr("+- ", *text) && *text)
		buf_add(out, text++, 1);
	for (int i = 0; i < pad && !verb->minus; i++)
		buf_adds(out, zero ? "0" : " ");
	buf_adds(out, text);
	if (verb->minus)
		buf_addf(out, "%*s", pad, "");
}

static void print_extra(struct buf *out, const struct format *f)
{
	buf_adds(out, "%!(EXTRA ");
	for (size_t i = f->next; i < f->n && out->len <= TEMPLATE_STRING_MAX; i++) {
		const struct value *v = &f->args[i];

		buf_adds(out, i > f->next ? ", " : "");
		if (!json_is_null(v->json))
			buf_addf(out, "%s=", value_type(v, "struct"));
		print_value(out, v);
	}
	buf_adds(out, ")");
}

void print_format(struct buf *out, const char *format, const struct value *args, size_t n)
{
	struct format f = { .at = format, .args = args, .n = n };

	while (*f.at && out->len <= TEMPLATE_STRING_MAX) {
		size_t text = strcspn(f.at, "%");
		CLEAN(buf_done) struct buf one = { 0 };
		struct verb verb;

		buf_add(out, f.at, text);
		f.at += text;
		if (!*f.at)
			break;
		f.at++;
		verb = take_verb(&f);
		if (verb.c == '%') {
			buf_adds(out, "%");
		} else if (!verb.c) {
			buf_adds(out, "%!(NOVERB)");
		} else if (f.next >= n) {
			buf_addf(out, "%%!%c(%s)", verb.c, f.reordered ? "BADINDEX" : "MISSING");
		} else {
			print_verb(&one, &args[f.next], &verb);
			add_padded(out, buf_str(&one), &verb, json_is_number(args[f.next].json));
			f.next++;
		}
	}
	if (f.next < n && !f.reordered)
		print_extra(out, &f);
}
