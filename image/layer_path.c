#include "image/layer_path.h"

#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define META ".wh..wh." /* AUFS' own: of these only the opaque marker is for others */

int layer_refuse(struct err *err, const char *name, const char *why)
{
	CLEAN(clean_free) char *safe = str_printable(name ?: "");

	return err_set(err, ERR_CORRUPT, "the entry '%.200s' %s", safe, why);
}

int layer_path(const char *name, char **ret, struct err *err)
{
	CLEAN(clean_free) char *out = NULL;
	size_t len = 0, n;

	if (!name || !*name)
		return layer_refuse(err, name, "has no name");
	if (strlen(name) >= PATH_MAX)
		return layer_refuse(err, name, "has a path of more than 4095 bytes");
	out = xmalloc(strlen(name) + 1);
	for (const char *p = name; *p; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n == 2 && memcmp(p, "..", 2) == 0)
			return layer_refuse(err, name, "leads out of the layer");
		if (n == 0 || (n == 1 && *p == '.'))
			continue;
		if (len)
			out[len++] = '/';
		memcpy(out + len, p, n);
		len += n;
	}
	out[len] = '\0';
	*ret = ptr_take(&out);
	return 0;
}

bool layer_path_is_meta(const char *path)
{
	const char *p = strstr(path, META);

	for (; p; p = strstr(p + 1, META))
		if (p == path || p[-1] == '/')
			return true;
	return false;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

size_t path_parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}
