#include "cmd/rootfs_option.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

static bool cut_suffix(char *text, const char *suffix)
{
	size_t n = strlen(text), len = strlen(suffix);

	if (n <= len || !streq(text + n - len, suffix))
		return false;
	text[n - len] = '\0';
	return true;
}

int rootfs_option(const char *text, struct start *s, struct err *err)
{
	CLEAN(clean_free) char *path = xstrdup(text);

	if (cut_suffix(path, ":idmap"))
		return err_set(err, ERR_UNSUPPORTED,
			       "--rootfs %s: idmap takes mounts that only root can "
			       "make",
			       text);
	s->discard = cut_suffix(path, ":O");
	s->rootfs = realpath(path, NULL);
	if (!s->rootfs)
		return err_sys(err, "--rootfs '%s'", path);
	s->driver = &rootfs_directory;
	return 0;
}

void rootfs_to_json(const struct start *s, json_t *record)
{
	js_set_str(record, "rootfs", s->rootfs);
	js_set_bool(record, "rootfs_overlay", s->discard);
}

void rootfs_from_json(const json_t *record, struct start *s)
{
	s->rootfs = xstrdup(js_str(record, "rootfs"));
	s->discard = js_bool(record, "rootfs_overlay");
}
