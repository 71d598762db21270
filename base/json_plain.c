#include "base/json_plain.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

#define LEVELS	16
#define KEY_MAX 64

struct cursor {
	const char *at, *end;
};

static void clean_json(json_t **j)
{
	json_decref(*j);
}

static json_t *read_value(struct cursor *c, int levels);

static bool take(struct cursor *c, char expected)
{
	if (c->at == c->end || *c->at != expected)
		return false;
	c->at++;
	return true;
}

/* What is between two quotes: its length in *ret_len. */
static const char *read_text(struct cursor *c, size_t *ret_len)
{
	const char *text;

	if (!take(c, '"'))
		return NULL;
	text = c->at;
	/* Neither a control character nor, which is below 0 here, a byte beyond ASCII. */
	while (c->at < c->end && (signed char)*c->at >= ' ' && *c->at != '"' && *c->at != '\\')
		c->at++;
	*ret_len = (size_t)(c->at - text);
	return take(c, '"') ? text : NULL;
}

static json_t *read_string(struct cursor *c)
{
	size_t len;
	const char *text = read_text(c, &len);

	return text ? json_stringn_nocheck(text, len) : NULL;
}

static json_t *read_number(struct cursor *c)
{
	const bool negative = take(c, '-');
	const char *first = c->at;
	json_int_t n = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *c->at - '0', &n))
			return NULL;
	if (c->at == first || (*first == '0' && c->at - first > 1))
		return NULL;
	return json_integer(negative ? -n : n);
}

static json_t *read_word(struct cursor *c, const char *word, json_t *value)
{
	const size_t len = strlen(word);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
		return NULL;
	c->at += len;
	return value;
}

static bool read_member(struct cursor *c, json_t *object, int levels)
{
	char key[KEY_MAX];
	size_t len, before = json_object_size(object);
	const char *text = read_text(c, &len);

	if (!text || len >= sizeof(key))
		return false;
	memcpy(key, text, len);
	key[len] = '\0';
	return take(c, ':') &&
	       json_object_set_new_nocheck(object, key, read_value(c, levels)) == 0 &&
	       json_object_size(object) > before;
}

static json_t *read_object(struct cursor *c, int levels)
{
	CLEAN(clean_json) json_t *object = json_object();

	if (!take(c, '{'))
		return NULL;
	if (take(c, '}'))
		return ptr_take(&object);
	do
		if (!read_member(c, object, levels))
			return NULL;
	while (take(c, ','));
	return take(c, '}') ? ptr_take(&object) : NULL;
}

static json_t *read_array(struct cursor *c, int levels)
{
	CLEAN(clean_json) json_t *array = json_array();

	if (!take(c, '['))
		return NULL;
	if (take(c, ']'))
		return ptr_take(&array);
	do
		if (json_array_append_new(array, read_value(c, levels)) < 0)
			return NULL;
	while (take(c, ','));
	return take(c, ']') ? ptr_take(&array) : NULL;
}

static json_t *read_value(struct cursor *c, int levels)
{
	if (c->at == c->end || levels == 0)
		return NULL;
	switch (*c->at) {
	case '"':
		return read_string(c);
	case '{':
		return read_object(c, levels - 1);
	case '[':
		return read_array(c, levels - 1);
	case 't':
		return read_word(c, "true", json_true());
	case 'f':
		return read_word(c, "false", json_false());
	case 'n':
		return read_word(c, "null", json_null());
	default:
		return read_number(c);
	}
}

json_t *json_plain(const char *text, size_t len)
{
	struct cursor c = { text, text + len };
	CLEAN(clean_json) json_t *object = len && *text == '{' ? read_value(&c, LEVELS) : NULL;

	return c.at == c.end ? ptr_take(&object) : NULL;
}
