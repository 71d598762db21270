#include "base/cleanup.h"
#include "base/json.h"

#include "base/json_plain.h"

int js_parse_own(const char *data, size_t len, json_t **ret, struct err *err)
{
	json_t *j = json_plain(data, len);

	if (!j)
		return js_parse(data, len, ret, err);
	*ret = j;
	return 0;
}

int js_parse(const char *data, size_t len, json_t **ret, struct err *err)
{
	json_error_t e;
	json_t *j = json_loadb(data, len, JSON_REJECT_DUPLICATES, &e);

	if (!j)
		return err_set(err, ERR_CORRUPT, "not JSON: %s (line %d)", e.text, e.line);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(err, ERR_CORRUPT, "not a JSON object");
	}
	*ret = j;
	return 0;
}

const char *js_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

json_t *js_obj(const json_t *obj, const char *key)
{
	json_t *j = json_object_get(obj, key);

	return json_is_object(j) ? j : NULL;
}

json_t *js_arr(const json_t *obj, const char *key)
{
	json_t *j = json_object_get(obj, key);

	return json_is_array(j) ? j : NULL;
}

int64_t js_int(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

bool js_bool(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}

void js_strv(const json_t *obj, const char *key, struct strv *ret)
{
	json_t *item;
	size_t i;

	json_array_foreach(js_arr(obj, key), i, item)
		if (json_is_string(item))
			strv_add(ret, json_string_value(item));
}

/* jansson fails these only where memory does, or where a string of ours is not UTF-8. */
static void set_new(json_t *obj, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(obj, key, value);
}

static json_t *string_of(const char *s)
{
	json_t *j = json_string(s);
	char *safe;

	if (j)
		return j;
	safe = str_printable(s);
	j = json_string(safe);
	free(safe);
	return j;
}

void js_set_str(json_t *obj, const char *key, const char *value)
{
	if (value)
		set_new(obj, key, string_of(value));
}

void js_set_str_take(json_t *obj, const char *key, char *value)
{
	js_set_str(obj, key, value);
	free(value);
}

void js_set_int(json_t *obj, const char *key, int64_t value)
{
	set_new(obj, key, json_integer(value));
}

void js_set_bool(json_t *obj, const char *key, bool value)
{
	set_new(obj, key, json_boolean(value));
}

void js_set_strv(json_t *obj, const char *key, const struct strv *value)
{
	json_t *array = json_array();

	for (size_t i = 0; i < value->n; i++)
		json_array_append_new(array, string_of(value->v[i]));
	set_new(obj, key, array);
}

json_t *js_map(const struct strv *pairs)
{
	json_t *map = json_object();

	for (size_t i = 0; i < pairs->n; i++) {
		const size_t len = strcspn(pairs->v[i], "=");
		CLEAN(clean_free) char *key = xstrndup(pairs->v[i], len);

		js_set_str(map, key, pairs->v[i] + len + (pairs->v[i][len] == '='));
	}
	return map;
}

char *js_dump(const json_t *j)
{
	char *s = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	return s ? s : xstrdup("null");
}
