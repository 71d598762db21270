/*
 * Templates, the first step: text and actions told apart, actions cut into tokens.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/template_tree.h"

#define BLANKS " \t\r\n"

int lex_error(const struct lexer *l, struct err *err, const char *fmt, ...)
{
	char text[256];
	size_t line = 1;
	va_list ap;

	for (size_t i = 0; i < l->at && l->text[i]; i++)
		line += l->text[i] == '\n';
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_USAGE, "template: %s:%zu: %s", l->name, line, text);
}

/* Docker's convenience: a shell's '…\t…' is a tab. */
static void add_unescaped(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\' && i + 1 < len && (s[i + 1] == 't' || s[i + 1] == 'n'))
			buf_adds(out, s[++i] == 't' ? "\t" : "\n");
		else
			buf_add(out, s + i, 1);
	}
}

static void trim_left(struct buf *b, size_t from)
{
	size_t blanks = strspn(buf_str(b) + from, BLANKS);

	if (!blanks)
		return;
	memmove(b->data + from, b->data + from + blanks, b->len - from - blanks + 1);
	b->len -= blanks;
}

static void trim_right(struct buf *b)
{
	while (b->len && strchr(BLANKS, b->data[b->len - 1]))
		b->data[--b->len] = '\0';
}

/* "}}" or " -}}" here? */
static bool take_end(struct lexer *l)
{
	const char *s = l->text + l->at, *p = s + strspn(s, BLANKS);

	l->trim = p > s && starts_with(p, "-}}");
	if (!l->trim && !starts_with(s, "}}"))
		return false;
	l->at = (size_t)((l->trim ? p + 3 : s + 2) - l->text);
	return true;
}

int lex_text(struct lexer *l, struct buf *ret, bool *ret_action, struct err *err)
{
	for (;;) {
		const char *s = l->text + l->at, *open = strstr(s, "{{"), *end;
		size_t from = ret->len;

		add_unescaped(ret, s, open ? (size_t)(open - s) : strlen(s));
		if (l->trim)
			trim_left(ret, from);
		l->trim = false;
		*ret_action = open != NULL;
		if (!open) {
			l->at += strlen(s);
			return 0;
		}
		l->at = (size_t)(open + 2 - l->text);
		if (open[2] == '-' && open[3] && strchr(BLANKS, open[3])) {
			trim_right(ret);
			l->at += 2;
		}
		if (!starts_with(l->text + l->at, "/*"))
			return 0;
		end = strstr(l->text + l->at + 2, "*/");
		if (!end)
			return lex_error(l, err, "unclosed comment");
		l->at = (size_t)(end + 2 - l->text);
		if (!take_end(l))
			return lex_error(l, err, "comment ends before closing delimiter");
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (is_word(s[n]))
		n++;
	return n;
}

/* Up to and with the quote that ends it; 0 where none does. */
static size_t quoted_length(const char *s)
{
	for (size_t i = 1; s[i] && (s[0] == '`' || s[i] != '\n'); i++) {
		if (s[i] == s[0])
			return i + 1;
		if (s[i] == '\\' && s[0] != '`' && s[i + 1])
			i++;
	}
	return 0;
}

/* What begins like a number is one, or an error: "1.F", "-p". */
static size_t number_length(const char *s)
{
	size_t n = strspn(s, "+-");

	while (is_word(s[n]) || s[n] == '.' ||
	       (strchr("+-", s[n]) && s[n] && strchr("eE", s[n - 1])))
		n++;
	return n;
}

static int lex_quoted(const struct lexer *l, const char *s, size_t *ret, struct err *err)
{
	*ret = quoted_length(s);
	if (*ret)
		return 0;
	return lex_error(l, err, "unterminated %s",
			 *s == '"' ? "quoted string" :
			 *s == '`' ? "raw quoted string" :
				     "character constant");
}

/* The kind and length of what begins at s. */
static int classify(const struct lexer *l, const char *s, enum token_kind *ret, size_t *ret_len,
		    struct err *err)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} marks[] = { { ":=", TOKEN_DECLARE }, { "=", TOKEN_ASSIGN }, { "|", TOKEN_PIPE },
		      { ",", TOKEN_COMMA },	{ "(", TOKEN_LEFT },   { ")", TOKEN_RIGHT } };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		if (starts_with(s, marks[i].text)) {
			*ret = marks[i].kind;
			*ret_len = strlen(marks[i].text);
			return 0;
		}
	}
	if (*s == '"' || *s == '`' || *s == '\'') {
		*ret = *s == '"' ? TOKEN_STRING : *s == '`' ? TOKEN_RAW : TOKEN_CHAR;
		return lex_quoted(l, s, ret_len, err);
	}
	if (isdigit((unsigned char)*s) || *s == '+' || *s == '-' ||
	    (*s == '.' && isdigit((unsigned char)s[1]))) {
		*ret = TOKEN_NUMBER;
		*ret_len = number_length(s);
	} else if (*s == '.') {
		*ret_len = 1 + word_length(s + 1);
		*ret = *ret_len > 1 ? TOKEN_FIELD : TOKEN_DOT;
	} else if (*s == '$') {
		*ret_len = 1 + word_length(s + 1);
		*ret = TOKEN_VARIABLE;
	} else {
		*ret_len = word_length(s);
		*ret = *ret_len ? TOKEN_WORD : TOKEN_OTHER;
		*ret_len = *ret_len ? *ret_len : 1;
	}
	return 0;
}

int lex_token(struct lexer *l, struct token *ret, struct err *err)
{
	struct token token = { .at.pos = l->at };
	size_t blanks, len = 0;

	if (take_end(l)) {
		token.at.end = l->at;
		*ret = token;
		return 0;
	}
	blanks = strspn(l->text + l->at, BLANKS);
	token.after_space = blanks > 0;
	l->at += blanks;
	token.at.pos = l->at;
	if (!take_end(l)) {
		const char *s = l->text + l->at;

		if (!*s)
			return lex_error(l, err, "unclosed action");
		if (classify(l, s, &token.kind, &len, err) < 0)
			return -1;
		l->at += len;
		/* Go's rule: a word is followed by what can end one. */
		if ((token.kind == TOKEN_WORD || token.kind == TOKEN_FIELD ||
		     token.kind == TOKEN_VARIABLE) &&
		    s[len] && !strchr(BLANKS ".,|:()=", s[len]) && !starts_with(s + len, "}}"))
			return lex_error(l, err, "bad character U+%04X '%c'", s[len], s[len]);
	}
	token.at.end = l->at;
	*ret = token;
	return 0;
}

static void add_utf8(struct buf *out, unsigned long c)
{
	char bytes[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(n == 1 ? c : (0xf00 >> n & 0xff) | c);
	buf_add(out, bytes, n);
}

/* One escape, past its backslash; the bytes read, or 0 where it is none. */
static size_t add_escape(struct buf *out, const char *s, char quote)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
	const char *simple = *s ? strchr(from, *s) : NULL;
	size_t digits = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
	char number[9] = "";
	unsigned long c;
	char *end;

	if (simple || *s == quote) {
		buf_add(out, simple ? &to[simple - from] : s, 1);
		return 1;
	}
	if (!digits && (*s < '0' || *s > '7'))
		return 0;
	snprintf(number, sizeof(number), "%.*s", digits ? (int)digits : 3, digits ? s + 1 : s);
	if (!isxdigit((unsigned char)*number))
		return 0;
	c = strtoul(number, &end, digits ? 16 : 8);
	/* No string of ours holds a NUL. */
	if (*end || strlen(number) != (digits ? digits : 3) || c == 0 || c > 0x10ffff)
		return 0;
	if (*s == 'u' || *s == 'U') {
		add_utf8(out, c);
	} else {
		char byte = (char)c;

		buf_add(out, &byte, 1);
	}
	return digits ? digits + 1 : 3;
}

static int read_string(const struct lexer *l, const char *s, size_t len, json_t **ret,
		       struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };

	for (size_t i = 1; i < len - 1; i++) {
		size_t n = 1;

		if (*s == '`' || s[i] != '\\') {
			buf_add(&text, s + i, 1);
			continue;
		}
		n = add_escape(&text, s + i + 1, *s);
		if (!n)
			return lex_error(l, err, "invalid syntax");
		i += n;
	}
	return value_from_text(buf_str(&text), text.len, ret, err);
}

/* A character constant is the number of the character. */
static int read_char(const struct lexer *l, const char *s, size_t len, json_t **ret,
		     struct err *err)
{
	CLEAN(clean_free) char *all = xstrndup(s, len);
	json_t *string = NULL;
	const unsigned char *c;
	size_t n, extra;
	json_int_t value;

	if (read_string(l, s, len, &string, err) < 0)
		return -1;
	c = (const unsigned char *)json_string_value(string);
	n = json_string_length(string);
	extra = *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : *c >= 0xc2 ? 1 : 0;
	value = extra ? *c & (0x3f >> extra) : *c;
	for (size_t i = 1; i <= extra && i < n; i++)
		value = value << 6 | (c[i] & 0x3f);
	json_decref(string);
	if (n != extra + 1)
		return lex_error(l, err, "malformed character constant: %.40s", all);
	*ret = json_integer(value);
	return 0;
}

static int read_number(const struct lexer *l, const char *s, size_t len, json_t **ret,
		       struct err *err)
{
	CLEAN(clean_free) char *text = xstrndup(s, len);
	size_t sign = strspn(text, "+-");
	char *end;
	long long n;
	double real;

	errno = 0;
	n = strtoll(text, &end, 0);
	if (!*end && errno == ERANGE)
		return lex_error(l, err, "integer overflow: \"%.40s\"", text);
	if (!*end && end > text) {
		*ret = json_integer(n);
		return 0;
	}
	errno = 0;
	real = strtod(text, &end);
	if (*end || end == text || errno == ERANGE || !strchr("0123456789.", text[sign]))
		return lex_error(l, err, "bad number syntax: \"%.40s\"", text);
	*ret = json_real(real);
	return 0;
}

int lex_literal(const struct lexer *l, const struct token *token, json_t **ret, struct err *err)
{
	const char *s = l->text + token->at.pos;
	size_t len = token->at.end - token->at.pos;

	if (token->kind == TOKEN_NUMBER)
		return read_number(l, s, len, ret, err);
	if (token->kind == TOKEN_CHAR)
		return read_char(l, s, len, ret, err);
	return read_string(l, s, len, ret, err);
}
