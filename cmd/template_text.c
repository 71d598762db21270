/*
 * Templates: the functions that docker and podman add, which dress strings.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/template_tree.h"

#define ITEMS_MAX 65536 /* that split makes */

static int fn_json(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	CLEAN(clean_free) char *text = json_dumps(args[0].json, JSON_COMPACT | JSON_ENCODE_ANY);

	(void)n;
	/* Functions that cut strings into bytes can make such. */
	if (!text)
		return err_set(err, ERR_USAGE, "a string is not UTF-8");
	return value_from_text(text, strlen(text), ret, err);
}

static int fn_join(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	const char *between = arg_string(&args[1], err);
	CLEAN(buf_done) struct buf text = { 0 };
	json_t *item;
	size_t i;

	(void)n;
	if (!between)
		return -1;
	if (!json_is_array(args[0].json) && !json_is_null(args[0].json))
		return err_set(err, ERR_USAGE, "wrong type for value; expected []string; got %s",
			       value_type(&args[0], "struct"));
	json_array_foreach(args[0].json, i, item) {
		const struct value v = { item, NULL };

		if (i)
			buf_adds(&text, between);
		print_value(&text, &v);
		if (text.len > TEMPLATE_STRING_MAX)
			break;
	}
	return value_from_buf(&text, ret, err);
}

/* An empty separator cuts between characters. */
static size_t piece_length(const char *s, const char *separator)
{
	const char *next;
	size_t n = 1;

	if (*separator) {
		next = strstr(s, separator);
		return next ? (size_t)(next - s) : strlen(s);
	}
	while ((s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static int fn_split(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	const char *s = arg_string(&args[0], err), *separator = arg_string(&args[1], err);
	CLEAN(clean_json) json_t *list = json_array();

	(void)n;
	if (!s || !separator)
		return -1;
	for (bool more = *s || *separator; more;) {
		size_t len = piece_length(s, separator);

		if (json_array_size(list) == ITEMS_MAX)
			return err_set(err, ERR_USAGE, "more than %d pieces", ITEMS_MAX);
		json_array_append_new(list, json_stringn_nocheck(s, len));
		more = s[len] != '\0';
		s += len + (more ? strlen(separator) : 0);
	}
	*ret = ptr_take(&list);
	return 0;
}

enum letter_case { LOWER, UPPER, TITLE };

/* ASCII's letters; the rest stays. */
static int convert(const struct value *v, enum letter_case to, json_t **ret, struct err *err)
{
	const char *s = arg_string(v, err);
	CLEAN(buf_done) struct buf text = { 0 };
	bool begins = true;

	if (!s)
		return -1;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		char converted = (char)(to == UPPER || (to == TITLE && begins) ? toupper(c) :
					to == LOWER			       ? tolower(c) :
										 c);

		begins = !isalnum(c) && c != '_' && c < 0x80;
		buf_add(&text, &converted, 1);
	}
	return value_from_buf(&text, ret, err);
}

static int fn_lower(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	(void)n;
	return convert(&args[0], LOWER, ret, err);
}

static int fn_upper(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	(void)n;
	return convert(&args[0], UPPER, ret, err);
}

static int fn_title(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	(void)n;
	return convert(&args[0], TITLE, ret, err);
}

/* Blanks before and behind; nothing around nothing. */
static int fn_pad(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	const char *s = arg_string(&args[0], err);
	CLEAN(buf_done) struct buf text = { 0 };
	size_t before, behind;

	(void)n;
	if (!s || arg_count(&args[1], 4096, &before, err) < 0 ||
	    arg_count(&args[2], 4096, &behind, err) < 0)
		return -1;
	if (*s)
		buf_addf(&text, "%*s%s%*s", (int)before, "", s, (int)behind, "");
	return value_from_buf(&text, ret, err);
}

/* Counts characters, where docker counts bytes and may cut one in two. */
static int fn_truncate(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	const char *s = arg_string(&args[0], err), *end = s;
	size_t most;

	(void)n;
	if (!s || arg_count(&args[1], SIZE_MAX >> 1, &most, err) < 0)
		return -1;
	while (*end && most--)
		end += piece_length(end, "");
	return value_from_text(s, (size_t)(end - s), ret, err);
}

static int fn_trim_suffix(const struct value *args, size_t n, json_t **ret, struct err *err)
{
	const char *s = arg_string(&args[0], err), *suffix = arg_string(&args[1], err);

	(void)n;
	if (!s || !suffix)
		return -1;
	return value_from_text(s, strlen(s) - (ends_with(s, suffix) ? strlen(suffix) : 0), ret,
			       err);
}

const struct template_function template_text_functions[] = {
	{ "json", 1, 1, fn_json, true },
	{ "join", 2, 2, fn_join, true },
	{ "split", 2, 2, fn_split, true },
	{ "lower", 1, 1, fn_lower, true },
	{ "upper", 1, 1, fn_upper, true },
	{ "title", 1, 1, fn_title, true },
	{ "pad", 3, 3, fn_pad, true },
	{ "truncate", 2, 2, fn_truncate, true },
	{ "trimSuffix", 2, 2, fn_trim_suffix, true },
	{ 0 },
};
