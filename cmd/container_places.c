#include "cmd/container_places.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "runtime/spec.h"

/* "/a//b/./" is "a/b". */
static void add(struct strv *ret, const char *path)
{
	CLEAN(buf_done) struct buf clean = { 0 };
	CLEAN(clean_free) char *copy = xstrdup(path);
	char *rest;

	for (char *part = strtok_r(copy, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
		if (!streq(part, "."))
			buf_addf(&clean, "%s%s", clean.len ? "/" : "", part);
	strv_add(ret, buf_str(&clean));
}

int container_places(const struct container *c, struct strv *ret, struct err *err)
{
	static const char *const always[] = {
		"proc", "sys", "dev", "etc/hosts", "etc/hostname", "etc/resolv.conf",
	};
	CLEAN(container_spec_done) struct container_spec spec = { 0 };

	if (container_spec_from_json(js_obj(c->config, "spec"), &spec, err) < 0)
		return err_wrap(err, "container %s", c->name);
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		strv_add(ret, always[i]);
	for (size_t i = 0; i < spec.n_mounts; i++)
		add(ret, spec.mounts[i].target);
	return 0;
}
