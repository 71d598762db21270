/* registries.conf and the TOML that it is written in; laid over itself, it says the same. */
#include "base/cleanup.h"
#include "base/json.h"
#include "image/registries_conf.h"
#include "image/toml.h"
#include "tests/fuzz/fuzz.h"

static void try_toml(const char *data, size_t size)
{
	CLEAN(clean_json) json_t *j = NULL;
	CLEAN(clean_json) json_t *again = NULL;
	CLEAN(clean_free) char *text = NULL;
	struct err err = { 0 };

	if (toml_parse(data, size, &j, &err) < 0) {
		MUST(err.kind == ERR_CORRUPT && *err.text && !j);
		return;
	}
	/* What comes of it is JSON, in a form that may be passed on. */
	MUST(json_is_object(j));
	text = js_dump(j);
	MUST(js_parse(text, strlen(text), &again, NULL) == 0 && json_equal(j, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(registries_conf_done) struct registries_conf one = { 0 };
	CLEAN(registries_conf_done) struct registries_conf two = { 0 };
	/* Of its own, so that reading past it is seen. */
	CLEAN(clean_free) char *text = xmalloc(size ? size : 1);
	struct err err = { 0 };

	memcpy(text, data, size);
	try_toml(text, size);
	if (registries_conf_parse(text, size, "f", &one, &err) < 0) {
		MUST(err.kind && *err.text && !one.rules);
		return 0;
	}
	for (size_t i = 0; i < one.n; i++)
		MUST(one.rules[i].prefix && *one.rules[i].prefix);
	MUST(registries_conf_parse(text, size, "f", &two, NULL) == 0);
	const size_t rules = one.n, search = one.search.n;

	registries_conf_merge(&one, &two);
	MUST(one.n == rules && one.search.n == search && !two.n);
	return 0;
}
