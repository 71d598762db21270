#include "image/result.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

void pull_result_done(struct pull_result *r)
{
	free(r->name);
	*r = (struct pull_result){ 0 };
}

static json_t *error_object(const struct err *err)
{
	json_t *e = json_object();

	js_set_int(e, "kind", err->kind);
	js_set_int(e, "sys", err->sys);
	js_set_str(e, "text", err->text);
	js_set_str(e, "hint", err->hint);
	return e;
}

char *pull_result_format(const struct pull_result *result, const struct err *err)
{
	CLEAN(clean_json) json_t *j = json_object();

	if (err) {
		json_object_set_new(j, "error", error_object(err));
	} else {
		js_set_str(j, "id", result->id);
		js_set_str(j, "name", result->name);
		js_set_str(j, "digest", result->digest);
	}
	return js_dump(j);
}

static int read_error(const json_t *e, struct err *err)
{
	CLEAN(clean_free) char *text = str_printable(js_str(e, "text") ?: "");
	CLEAN(clean_free) char *hint = str_printable(js_str(e, "hint") ?: "");
	int64_t kind = js_int(e, "kind");

	if (kind <= ERR_NONE || kind > ERR_SYSTEM)
		kind = ERR_SYSTEM;
	err_set(err, (enum err_kind)kind, "%s", text);
	if (err)
		err->sys = (int)js_int(e, "sys");
	return *hint ? err_hint(err, "%s", hint) : -1;
}

int pull_result_parse(const char *data, size_t len, struct pull_result *ret, struct err *err)
{
	CLEAN(clean_json) json_t *j = NULL;
	const char *id, *digest;

	if (js_parse(data, len, &j, NULL) < 0)
		return err_set(err, ERR_SYSTEM, "tiffin-image ended without a result");
	if (js_obj(j, "error"))
		return read_error(js_obj(j, "error"), err);
	id = js_str(j, "id");
	digest = js_str(j, "digest");
	if (!id || strlen(id) != 64 || !is_hex(id, 64) || !digest_valid(digest))
		return err_set(err, ERR_SYSTEM, "tiffin-image ended without a result");
	*ret = (struct pull_result){ .name = xstrdup(js_str(j, "name") ?: "") };
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	return 0;
}

char *done_result_format(const char *text)
{
	CLEAN(clean_json) json_t *j = json_object();

	js_set_bool(j, "done", true);
	js_set_str(j, "text", text);
	return js_dump(j);
}

int done_result_parse(const char *data, size_t len, char **ret_text, struct err *err)
{
	CLEAN(clean_json) json_t *j = NULL;

	if (js_parse(data, len, &j, NULL) < 0)
		return err_set(err, ERR_SYSTEM, "tiffin-image ended without a result");
	if (js_obj(j, "error"))
		return read_error(js_obj(j, "error"), err);
	if (!js_bool(j, "done"))
		return err_set(err, ERR_SYSTEM, "tiffin-image ended without a result");
	if (ret_text)
		*ret_text = xstrdup(js_str(j, "text") ?: "");
	return 0;
}
