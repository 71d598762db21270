#include "image/user_path.h"

#include <stdlib.h>

#include "base/str.h"

const char *user_variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

char *user_path(const char *name, const char *home, const char *rest)
{
	const char *dir = user_variable(name);

	if (dir)
		return xasprintf("%s/%s", dir, rest);
	dir = home ? user_variable("HOME") : NULL;
	return dir ? xasprintf("%s/%s/%s", dir, home, rest) : NULL;
}
