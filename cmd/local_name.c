#include "cmd/local_name.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "image/reference.h"

int local_name_parse(const char *text, char **ret, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };

	/* What is made here and has no registry is nobody's but ours. */
	CLEAN(clean_free) char *local = xasprintf("localhost/%s", text);
	const size_t first = strcspn(text, "/");
	const bool has_registry = text[first] == '/' &&
				  (memchr(text, '.', first) || memchr(text, ':', first) ||
				   (first == 9 && strncmp(text, "localhost", 9) == 0));

	if (reference_parse(has_registry ? text : local, &ref, err) < 0)
		return -1;
	if (ref.digest)
		return err_set(err, ERR_USAGE, "'%s' is a digest, and no name to give", text);
	*ret = reference_canonical(&ref);
	return 0;
}
