/* Image configurations. */
#include "base/cleanup.h"
#include "image/config.h"
#include "image/digest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(image_config_done) struct image_config c = { 0 };
	CLEAN(clean_free) char *text = fuzz_text(data, size);
	struct err err = { 0 };

	image_config_time(text);
	if (image_config_parse((const char *)data, size, &c, &err) < 0) {
		MUST(err.kind == ERR_CORRUPT && *err.text && !c.diff_ids.v);
		return 0;
	}
	for (size_t i = 0; i < c.diff_ids.n; i++)
		MUST(digest_valid(c.diff_ids.v[i]));
	for (size_t i = 0; i < c.labels.n; i++)
		MUST(strchr(c.labels.v[i], '='));
	return 0;
}
