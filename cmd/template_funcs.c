/*
 * Templates: the functions of Go's text/template. template_text.c has those that docker and podman
 * add.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "cmd/template_tree.h"

int value_from_text(const char *text, size_t len, json_t **ret, struct err *err)
{
	if (len > TEMPLATE_STRING_MAX)
		return err_set(err, ERR_USAGE, "a string of more than %d bytes",
			       TEMPLATE_STRING_MAX);
	*ret = json_stringn_nocheck(text, len);
	return 0;
}

int value_from_buf(const struct buf *b, json_t **ret, struct err *err)
{
	return value_from_text(buf_str(b), b->len, ret, err);
}

const char *arg_string(const struct value *v, struct err *err)
{
	if (!json_is_string(v->json))
		err_set(err, ERR_USAGE, "wrong type for value; expected string; got %s",
			value_type(v, "struct"));
	return json_string_value(v->json);
}

int arg_count(const struct value *v, size_t max, size_t *ret, struct err *err)
{
	json_int_t n = json_integer_value(v->json);

	if (!json_is_integer(v->json))
		return err_set(err, ERR_USAGE, "wrong type for value; expected int; got %s",
			       value_type(v, "struct"));
	if (n < 0 || (size_t)n > max)
		return err_set(err, ERR_USAGE, "index out of range: %lld", (long long)n);
	*ret = (size_t)n;
	return 0;
}

static int fn_not(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	(void)n;
	(void)err;
	*ret = json_boolean(!value_is_true(&args[0]));
	return 0;
}

static int fn_len(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	const struct value *v = &args[0];

	(void)n;
	if (!json_is_string(v->json) && !json_is_array(v->json) && !value_is_map(v))
		return err_set(err, ERR_USAGE, "len of type %s", value_type(v, "struct"));
	*ret = json_integer((json_int_t)(json_is_string(v->json) ? json_string_length(v->json) :
					 json_is_array(v->json)	 ? json_array_size(v->json) :
								   json_object_size(v->json)));
	return 0;
}

/* What a map has for a key that is not there: the zero of its kind of values, as in Go. */
static json_t *zero_of(json_t *map)
{
	const json_t *first = json_object_iter_value(json_object_iter(map));

	return !first || json_is_string(first) ? json_string("") :
	       json_is_array(first)	       ? json_array() :
						 json_null();
}

/* Replaces *v (owned) by its element. */
static int index_once(struct value *v, const struct value *by, struct err *err)
{
	json_t *item = NULL;
	size_t i = 0;

	if (json_is_null(v->json))
		return err_set(err, ERR_USAGE, "index of untyped nil");
	if (value_is_map(v)) {
		const char *key = arg_string(by, err);

		if (!key)
			return -1;
		item = json_incref(json_object_get(v->json, key)) ?: zero_of(v->json);
	} else if (json_is_array(v->json) || json_is_string(v->json)) {
		size_t size = json_is_array(v->json) ? json_array_size(v->json) :
						       json_string_length(v->json);

		if (arg_count(by, SIZE_MAX >> 1, &i, err) < 0)
			return -1;
		if (i >= size)
			return err_set(err, ERR_USAGE, "index out of range: %zu", i);
		item = json_is_array(v->json) ?
			       json_incref(json_array_get(v->json, i)) :
			       json_integer((unsigned char)json_string_value(v->json)[i]);
	} else {
		return err_set(err, ERR_USAGE, "can't index item of type %s",
			       value_type(v, "struct"));
	}
	value_done(v);
	*v = (struct value){ item, NULL };
	return 0;
}

static int fn_index(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	CLEAN(value_done) struct value v = { json_incref(args[0].json), args[0].field };

	for (size_t i = 1; i < n; i++)
		if (index_once(&v, &args[i], err) < 0)
			return -1;
	*ret = ptr_take(&v.json);
	return 0;
}

static int fn_slice(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	const json_t *v = args[0].json;
	bool string = json_is_string(v);
	size_t from = 0, to = string ? json_string_length(v) : json_array_size(v);

	if (!string && !json_is_array(v))
		return err_set(err, ERR_USAGE, "can't slice item of type %s",
			       value_type(&args[0], "struct"));
	if ((n > 2 && arg_count(&args[2], to, &to, err) < 0) ||
	    (n > 1 && arg_count(&args[1], string ? json_string_length(v) : json_array_size(v),
				&from, err) < 0))
		return -1;
	if (from > to)
		return err_set(err, ERR_USAGE, "invalid slice index: %zu > %zu", from, to);
	if (string)
		return value_from_text(json_string_value(v) + from, to - from, ret, err);
	*ret = json_array();
	for (size_t i = from; i < to; i++)
		json_array_append(*ret, json_array_get(v, i));
	return 0;
}

static int fn_print(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };

	print_values(&text, args, n, false);
	return value_from_buf(&text, ret, err);
}

static int fn_println(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };

	print_values(&text, args, n, true);
	return value_from_buf(&text, ret, err);
}

static int fn_printf(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	const char *format = arg_string(&args[0], err);

	if (!format)
		return -1;
	print_format(&text, format, args + 1, n - 1);
	return value_from_buf(&text, ret, err);
}

/* --- comparisons --- */

/* Only values of one basic kind compare: *ret is <0, 0 or >0. */
static int compare(const struct value *a, const struct value *b, bool ordered, int *ret,
		   struct err *err)
{
	bool bools = json_is_boolean(a->json) && json_is_boolean(b->json);

	if (json_is_array(a->json) || json_is_array(b->json) || json_is_object(a->json) ||
	    json_is_object(b->json))
		return err_set(err, ERR_USAGE, "non-comparable type %s",
			       value_type(json_is_array(a->json) || json_is_object(a->json) ? a : b,
					  "struct"));
	if (!bools && json_typeof(a->json) != json_typeof(b->json)) {
		/* nil is equal to nothing but itself. */
		if (!ordered && (json_is_null(a->json) || json_is_null(b->json))) {
			*ret = 1;
			return 0;
		}
		return err_set(err, ERR_USAGE, "incompatible types for comparison");
	}
	if (ordered && (bools || json_is_null(a->json)))
		return err_set(err, ERR_USAGE, "invalid type for comparison");
	if (json_is_string(a->json)) {
		*ret = strcmp(json_string_value(a->json), json_string_value(b->json));
	} else if (bools || json_is_null(a->json)) {
		*ret = json_typeof(a->json) != json_typeof(b->json);
	} else if (json_is_integer(a->json)) {
		json_int_t x = json_integer_value(a->json), y = json_integer_value(b->json);

		*ret = (x > y) - (x < y);
	} else {
		double x = json_real_value(a->json), y = json_real_value(b->json);

		*ret = (x > y) - (x < y);
	}
	return 0;
}

/* The first is equal to one of the others. */
static int fn_eq(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	int difference = 1;

	for (size_t i = 1; i < n && difference; i++)
		if (compare(&args[0], &args[i], false, &difference, err) < 0)
			return -1;
	*ret = json_boolean(!difference);
	return 0;
}

static int fn_ne(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	int difference;

	(void)n;
	if (compare(&args[0], &args[1], false, &difference, err) < 0)
		return -1;
	*ret = json_boolean(difference);
	return 0;
}

#define ORDER(name, operator)                                                                      \
	static int name(const struct value *args, size_t n, json_t **ret, struct err *err)         \
	{                                                                                          \
		int difference;                                                                    \
                                                                                                   \
		(void)n;                                                                           \
		if (compare(&args[0], &args[1], true, &difference, err) < 0)                       \
			return -1;                                                                 \
		*ret = json_boolean(difference operator 0);                                        \
		return 0;                                                                          \
	}

ORDER(fn_lt, <)
ORDER(fn_le, <=)
ORDER(fn_gt, >)
ORDER(fn_ge, >=)

static const struct template_function functions[] = {
	{ "and", 1, SIZE_MAX, NULL, false },
	{ "or", 1, SIZE_MAX, NULL, false },
	{ "not", 1, 1, fn_not, false },
	{ "len", 1, 1, fn_len, false },
	{ "index", 1, SIZE_MAX, fn_index, false },
	{ "slice", 1, 3, fn_slice, false },
	{ "print", 0, SIZE_MAX, fn_print, false },
	{ "println", 0, SIZE_MAX, fn_println, false },
	{ "printf", 1, SIZE_MAX, fn_printf, false },
	{ "eq", 2, SIZE_MAX, fn_eq, false },
	{ "ne", 2, 2, fn_ne, false },
	{ "lt", 2, 2, fn_lt, false },
	{ "le", 2, 2, fn_le, false },
	{ "gt", 2, 2, fn_gt, false },
	{ "ge", 2, 2, fn_ge, false },
	{ 0 },
};

const struct template_function *template_function_find(const char *name, size_t len)
{
	const struct template_function *const tables[] = { functions, template_text_functions };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct template_function *f = tables[i]; f->name; f++)
			if (strlen(f->name) == len && strncmp(f->name, name, len) == 0)
				return f;
	return NULL;
}
