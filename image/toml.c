#include "image/toml.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "image/toml_text.h"

#define CLOSED_MAX 10000 /* tables and arrays: looked through one by one */

struct reader {
	struct toml_text text;
	int depth;
	json_t *root, *table; /* what keys are put into */
	/* What no header may name again, and no key extend: borrowed from root. */
	const json_t **closed;
	size_t n_closed;
};

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
		return toml_fail(&r->text, "there are too many tables");
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

		if (toml_skip_lines(&r->text) < 0)
			return -1;
		if (toml_take(&r->text, ']'))
			return 0;
		if (read_value(r, &item) < 0)
			return -1;
		json_array_append_new(array, item);
		if (toml_skip_lines(&r->text) < 0)
			return -1;
		if (toml_take(&r->text, ']'))
			return 0;
		if (!toml_take(&r->text, ','))
			return toml_fail(&r->text, "an array without its end");
	}
}

static int read_inline_table(struct reader *r, json_t *table)
{
	toml_skip_blanks(&r->text);
	if (toml_take(&r->text, '}'))
		return 0;
	for (;;) {
		if (read_pair(r, table) < 0)
			return -1;
		toml_skip_blanks(&r->text);
		if (toml_take(&r->text, '}'))
			return 0;
		if (!toml_take(&r->text, ','))
			return toml_fail(&r->text, "an inline table without its end");
	}
}

/* The table of tables within it, too: each is whole where it was written. */
static int read_nested(struct reader *r, json_t **ret)
{
	const bool is_array = *r->text.p++ == '[';
	CLEAN(clean_json) json_t *j = is_array ? json_array() : json_object();
	int result;

	if (r->depth == TOML_DEPTH_MAX)
		return toml_fail(&r->text, "too many levels");
	r->depth++;
	result = is_array ? read_array(r, j) : read_inline_table(r, j);
	r->depth--;
	if (result < 0 || close_value(r, j) < 0)
		return -1;
	*ret = ptr_take(&j);
	return 0;
}

static int read_value(struct reader *r, json_t **ret)
{
	CLEAN(buf_done) struct buf text = { 0 };

	toml_skip_blanks(&r->text);
	switch (toml_peek(&r->text)) {
	case '"':
	case '\'':
		if (toml_read_string(&r->text, &text) < 0)
			return -1;
		*ret = json_stringn(buf_str(&text), text.len);
		return *ret ? 0 : toml_fail(&r->text, "a string is not UTF-8");
	case '[':
	case '{':
		return read_nested(r, ret);
	default:
		if (toml_take_word(&r->text, "true"))
			*ret = json_true();
		else if (toml_take_word(&r->text, "false"))
			*ret = json_false();
		else
			return toml_read_number(&r->text, ret);
		return 0;
	}
}

/* a.b.c = value */
static int read_pair(struct reader *r, json_t *into)
{
	CLEAN(strv_done) struct strv key = { 0 };
	json_t *value;

	if (toml_read_key(&r->text, &key) < 0)
		return -1;
	if (!toml_take(&r->text, '='))
		return toml_fail(&r->text, "a key without '='");
	for (size_t i = 0; i + 1 < key.n; i++) {
		json_t *next = json_object_get(into, key.v[i]);

		if (!next) {
			next = json_object();
			json_object_set_new(into, key.v[i], next);
		} else if (!json_is_object(next) || is_closed(r, next)) {
			return toml_fail(&r->text, "a key is given twice");
		}
		into = next;
	}
	if (json_object_get(into, key.v[key.n - 1]))
		return toml_fail(&r->text, "a key is given twice");
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
		return toml_fail(&r->text, "a table within what is none");
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
		return toml_fail(&r->text, "a table is given twice");
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
		return toml_fail(&r->text, "an array of tables has the name of something else");
	}
	r->table = json_object();
	json_array_append_new(array, r->table);
	return 0;
}

/* [a.b], [[a.b]] */
static int read_header(struct reader *r)
{
	CLEAN(strv_done) struct strv key = { 0 };
	const bool element = toml_take(&r->text, '[');
	json_t *at = r->root;
	const char *last;

	if (toml_read_key(&r->text, &key) < 0)
		return -1;
	if (!toml_take(&r->text, ']') || (element && !toml_take(&r->text, ']')))
		return toml_fail(&r->text, "a table's name without its ']'");
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

		if (toml_skip_lines(&r->text) < 0)
			return -1;
		if (r->text.p == r->text.end)
			return 0;
		result = toml_take(&r->text, '[') ? read_header(r) : read_pair(r, r->table);
		if (result < 0 || toml_end_line(&r->text) < 0)
			return -1;
	}
}

int toml_parse(const char *data, size_t len, json_t **ret, struct err *err)
{
	CLEAN(clean_json) json_t *root = json_object();
	struct reader r = {
		.text = { .p = data, .end = data + len, .line = 1, .err = err },
		.root = root,
		.table = root,
	};
	int result = read_file(&r);

	free(r.closed);
	if (result == 0)
		*ret = ptr_take(&root);
	return result;
}
