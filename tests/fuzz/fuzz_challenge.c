/* WWW-Authenticate, and the realm that is in it as an origin. */
#include "base/cleanup.h"
#include "image/challenge.h"
#include "image/origin.h"
#include "tests/fuzz/fuzz.h"

static void check_realm(const char *realm)
{
	CLEAN(origin_done) struct origin theirs = { 0 };
	CLEAN(origin_done) struct origin ours = { 0 };

	MUST(origin_parse("https://registry.example:5000/v2/", &ours) == 0);
	if (origin_parse(realm, &theirs) < 0)
		return;
	MUST(theirs.host && *theirs.host && theirs.port >= 0 && theirs.port <= 65535);
	MUST(origin_same(&theirs, &theirs));
	/* Nothing leaves TLS, and nothing leaves the domain. */
	if (origin_may_have(&theirs, &ours))
		MUST(theirs.tls && ends_with(theirs.host, "example"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(challenge_done) struct challenge c = { 0 };
	CLEAN(clean_free) char *text = fuzz_text(data, size);
	struct err err = { 0 };

	if (challenge_parse(text, &c, &err) < 0) {
		MUST(err.kind == ERR_CORRUPT && !c.realm && !c.service && !c.scope && !c.error);
		return 0;
	}
	MUST(c.bearer || !c.realm);
	if (c.realm)
		check_realm(c.realm);
	return 0;
}
