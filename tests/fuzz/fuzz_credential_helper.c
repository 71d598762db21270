/* What a credential helper answers. */
#include "base/cleanup.h"
#include "image/credential_helper.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(credentials_done) struct credentials c = { 0 };
	struct err err = { 0 };
	bool found = false;

	if (credential_helper_read((const char *)data, size, &c, &found, &err) < 0)
		MUST(err.kind == ERR_CORRUPT && !credentials_are_set(&c));
	else
		MUST(found == credentials_are_set(&c));
	return 0;
}
