/* References and platforms: what parses is written in a form that parses to the same. */
#include "base/cleanup.h"
#include "image/digest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "tests/fuzz/fuzz.h"

static void try_reference(const char *text)
{
	CLEAN(reference_done) struct reference r = { 0 };
	CLEAN(reference_done) struct reference again = { 0 };
	CLEAN(clean_free) char *canonical = NULL;
	CLEAN(clean_free) char *twice = NULL;
	struct err err = { 0 };

	if (reference_parse(text, &r, &err) < 0) {
		MUST(err.kind == ERR_USAGE && *err.text && !r.registry);
		return;
	}
	MUST(r.registry && r.repository && (r.tag || r.digest));
	MUST(!r.digest || digest_valid(r.digest));
	/* Of these a URL and a path are made. */
	MUST(!strstr(r.repository, "..") && !strstr(r.repository, "//"));
	MUST(!strpbrk(r.repository, "?#%@: \\") && r.repository[0] != '/');
	canonical = reference_canonical(&r);
	MUST(reference_parse(canonical, &again, &err) == 0);
	twice = reference_canonical(&again);
	MUST(streq(canonical, twice));
}

static void try_platform(const char *text)
{
	char again[PLATFORM_TEXT_MAX];
	struct platform p, q;

	if (platform_parse(text, &p, NULL) < 0)
		return;
	MUST(platform_rank(&p, &p) == 0);
	MUST(platform_parse(platform_text(&p, again), &q, NULL) == 0);
	MUST(streq(p.os, q.os) && streq(p.arch, q.arch) && streq(p.variant, q.variant));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(clean_free) char *text = fuzz_text(data, size);

	try_reference(text);
	try_platform(text);
	return 0;
}
