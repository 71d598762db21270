#include "cmd/registry_name.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "image/reference.h"

#define HUB "docker.io"

/* Its grammar is that of a reference which begins so. */
int registry_name_parse(const char *text, char **ret_key, char **ret_host, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *key = NULL;
	CLEAN(clean_free) char *probe = NULL;
	const char *start = text ?: HUB;
	size_t len;

	if (starts_with(start, "https://"))
		start += strlen("https://");
	else if (starts_with(start, "http://"))
		start += strlen("http://");
	if (start != text && text)
		key = xstrndup(start, strcspn(start, "/"));
	else
		key = xstrdup(start);
	len = strlen(key);
	if (len && key[len - 1] == '/')
		key[len - 1] = '\0';
	probe = xasprintf("%s/x", key);
	if (reference_parse(probe, &ref, NULL) < 0 || ref.digest ||
	    !streq(ref.tag ?: "", "latest") ||
	    (!starts_with(key, ref.registry) && !streq(key, "index.docker.io")))
		return err_set(err, ERR_USAGE, "'%.200s' is not a registry's host and port",
			       text ?: HUB);
	*ret_key = streq(key, "index.docker.io") ? xstrdup(HUB) : ptr_take(&key);
	*ret_host = xstrdup(ref.registry);
	return 0;
}
