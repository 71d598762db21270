/*
 * JSON, on jansson: objects parsed strictly (no duplicate keys, bounded depth), members read with a
 * type, so that a document with the wrong shape reads as one without the member.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

static inline void clean_json(json_t **j)
{
	json_decref(*j);
}

/* Parses one object; anything else, and anything after it, is ERR_CORRUPT. The caller decrefs. */
int js_parse(const char *data, size_t len, json_t **ret, struct err *err);
/* The same, for what we wrote ourselves (base/json_plain.h); never for what strangers wrote. */
int js_parse_own(const char *data, size_t len, json_t **ret, struct err *err);

/* Members of obj, which may be NULL. Borrowed; NULL, 0 or false where absent or of another type. */
const char *js_str(const json_t *obj, const char *key);
json_t *js_obj(const json_t *obj, const char *key);
json_t *js_arr(const json_t *obj, const char *key);
int64_t js_int(const json_t *obj, const char *key);
bool js_bool(const json_t *obj, const char *key);
/* Appends the strings of an array; items of other types are passed over. */
void js_strv(const json_t *obj, const char *key, struct strv *ret);

/* Setters that take NULL for "leave it out". */
void js_set_str(json_t *obj, const char *key, const char *value);
void js_set_str_take(json_t *obj, const char *key, char *value); /* takes the string over */
void js_set_int(json_t *obj, const char *key, int64_t value);
void js_set_bool(json_t *obj, const char *key, bool value);
void js_set_strv(json_t *obj, const char *key, const struct strv *value);
/* {KEY: VALUE} of texts KEY=VALUE; one that is said again is said anew. The caller decrefs. */
json_t *js_map(const struct strv *pairs);

/* Compact text. The caller frees. */
char *js_dump(const json_t *j);

#endif
