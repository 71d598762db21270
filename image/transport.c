#include "image/transport.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

static const struct {
	const char *prefix;
	enum transport_kind kind;
} local[] = {
	{ "docker-archive:", TRANSPORT_DOCKER_ARCHIVE },
	{ "oci-archive:", TRANSPORT_OCI_ARCHIVE },
	{ "oci:", TRANSPORT_OCI },
	{ "dir:", TRANSPORT_DIR },
};

static const char *const foreign[] = {
	"containers-storage:", "docker-daemon:", "ostree:", "sif:", "tarball:", "atomic:",
};

void transport_done(struct transport *t)
{
	free(t->path);
	free(t->reference);
	*t = (struct transport){ 0 };
}

/* containers/image: what may stand in an archive's or a layout's name for an image. */
static bool reference_is_plain(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "-._:@+/")];
}

/* "PATH[:REFERENCE]": a path has no colon in it. */
static int parse_local(const char *text, const char *rest, enum transport_kind kind,
		       struct transport *ret, struct err *err)
{
	const size_t len = kind == TRANSPORT_DIR ? strlen(rest) : strcspn(rest, ":");

	if (!len)
		return err_set(err, ERR_USAGE, "'%.200s': a path is missing", text);
	if (rest[len] && !reference_is_plain(rest + len + 1))
		return err_set(err, ERR_USAGE, "'%.200s': invalid reference format", text);
	*ret = (struct transport){ .kind = kind, .path = xstrndup(rest, len) };
	if (rest[len])
		ret->reference = xstrdup(rest + len + 1);
	return 0;
}

int transport_parse(const char *text, struct transport *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(local); i++)
		if (starts_with(text, local[i].prefix))
			return parse_local(text, text + strlen(local[i].prefix), local[i].kind, ret,
					   err);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (starts_with(text, foreign[i]))
			return err_set(err, ERR_UNSUPPORTED,
				       "'%.200s': the transport '%.*s' is not supported", text,
				       (int)strlen(foreign[i]) - 1, foreign[i]);
	*ret = (struct transport){ .kind = TRANSPORT_REGISTRY };
	ret->reference =
		xstrdup(starts_with(text, "docker://") ? text + strlen("docker://") : text);
	return 0;
}
