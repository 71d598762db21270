/*
 * Manifests and indexes: the first line is the Content-Type ("-": there was none), the rest the
 * document. What is taken holds valid digests and sizes, and is of one kind under any other header.
 */
#include "base/cleanup.h"
#include "image/manifest.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct manifest *m)
{
	struct platform host = { .os = "linux", .arch = "amd64" };
	const struct descriptor *chosen = NULL;

	MUST(m->kind == MANIFEST_IMAGE || m->kind == MANIFEST_INDEX);
	for (size_t i = 0; i < m->n; i++)
		MUST(digest_valid(m->entries[i].digest) && m->entries[i].size >= 0);
	if (m->kind == MANIFEST_IMAGE)
		MUST(digest_valid(m->config.digest) && m->config.size <= MANIFEST_MAX);
	else if (manifest_select(m, &host, &chosen, NULL) == 0)
		MUST(chosen >= m->entries && chosen < m->entries + m->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		NULL, "application/json", "application/vnd.oci.image.manifest.v1+json",
		"application/vnd.oci.image.index.v1+json",
	};
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	CLEAN(clean_free) char *type = NULL;
	CLEAN(clean_free) char *doc = NULL;
	enum manifest_kind kind = MANIFEST_IMAGE;
	bool taken = false;
	size_t len;

	if (!end)
		return 0;
	type = fuzz_text(data, (size_t)(end - data));
	len = size - (size_t)(end + 1 - data);
	doc = xmalloc(len ? len : 1);
	memcpy(doc, end + 1, len);
	for (size_t i = 0; i <= ARRAY_SIZE(types); i++) {
		CLEAN(manifest_done) struct manifest m = { 0 };
		const char *header = i < ARRAY_SIZE(types) ? types[i] : streq(type, "-") ? NULL : type;
		struct err err = { 0 };

		if (manifest_parse(doc, len, header, &m, &err) < 0) {
			MUST(err.kind && *err.text && !m.entries);
			continue;
		}
		check(&m);
		MUST(!taken || m.kind == kind);
		kind = m.kind;
		taken = true;
	}
	return 0;
}
