#include "runtime/mount_spec.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

static const char *const kinds[] = {
	[MOUNT_BIND] = "bind",
	[MOUNT_TMPFS] = "tmpfs",
	[MOUNT_VOLUME] = "volume",
	[MOUNT_IMAGE] = "image",
};

/* What is recorded, by the name that it has there. */
static const struct {
	const char *key;
	size_t at;
} flags[] = {
	{ "read_only", offsetof(struct mount_spec, read_only) },
	{ "no_exec", offsetof(struct mount_spec, no_exec) },
	{ "no_suid", offsetof(struct mount_spec, no_suid) },
	{ "no_dev", offsetof(struct mount_spec, no_dev) },
	{ "alone", offsetof(struct mount_spec, alone) },
	{ "chown", offsetof(struct mount_spec, chown) },
	{ "no_copy", offsetof(struct mount_spec, no_copy) },
	{ "copy_up", offsetof(struct mount_spec, copy_up) },
	{ "anonymous", offsetof(struct mount_spec, anonymous) },
	{ "said", offsetof(struct mount_spec, said) },
	{ "shared", offsetof(struct mount_spec, shared) },
	{ "overlay", offsetof(struct mount_spec, overlay) },
	{ "spread", offsetof(struct mount_spec, spread) },
};

static const struct {
	const char *key;
	size_t at;
} strings[] = {
	{ "source", offsetof(struct mount_spec, source) },
	{ "target", offsetof(struct mount_spec, target) },
	{ "name", offsetof(struct mount_spec, name) },
	{ "upper", offsetof(struct mount_spec, upper) },
	{ "work", offsetof(struct mount_spec, work) },
};

static bool *flag_at(const struct mount_spec *m, size_t i)
{
	return (bool *)((char *)m + flags[i].at);
}

static char **string_at(const struct mount_spec *m, size_t i)
{
	return (char **)((char *)m + strings[i].at);
}

void mount_spec_done(struct mount_spec *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*string_at(m, i));
	strv_done(&m->layers);
	strv_done(&m->labels);
	strv_done(&m->options);
	*m = (struct mount_spec){ 0 };
}

static struct strv copy_of(const struct strv *list)
{
	struct strv copy = { 0 };

	for (size_t i = 0; i < list->n; i++)
		strv_add(&copy, list->v[i]);
	return copy;
}

struct mount_spec mount_spec_copy(const struct mount_spec *m)
{
	struct mount_spec copy = *m;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		*string_at(&copy, i) = xstrdup(*string_at(m, i));
	copy.layers = copy_of(&m->layers);
	copy.labels = copy_of(&m->labels);
	copy.options = copy_of(&m->options);
	return copy;
}

json_t *mount_spec_to_json(const struct mount_spec *m)
{
	json_t *j = json_object();

	js_set_str(j, "kind", kinds[m->kind]);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		js_set_str(j, strings[i].key, *string_at(m, i));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (*flag_at(m, i))
			js_set_bool(j, flags[i].key, true);
	if (m->propagation)
		js_set_int(j, "propagation", m->propagation);
	if (m->layers.n)
		js_set_strv(j, "layers", &m->layers);
	return j;
}

int mount_spec_from_json(const json_t *j, struct mount_spec *ret, struct err *err)
{
	const char *kind = js_str(j, "kind") ?: "";
	int64_t propagation = js_int(j, "propagation");
	struct mount_spec m = { 0 };
	size_t k = 0;

	while (k < ARRAY_SIZE(kinds) && !streq(kind, kinds[k]))
		k++;
	m.kind = (enum mount_kind)k;
	if (k == ARRAY_SIZE(kinds) || !js_str(j, "target") ||
	    !js_str(j, k == MOUNT_VOLUME ? "name" : "source") || propagation < 0 ||
	    propagation > PROPAGATION_SHARED)
		return err_set(err, ERR_CORRUPT, "the record has a mount without kind or places");
	m.propagation = (enum mount_propagation)propagation;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		*string_at(&m, i) = xstrdup(js_str(j, strings[i].key));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		*flag_at(&m, i) = js_bool(j, flags[i].key);
	js_strv(j, "layers", &m.layers);
	*ret = m;
	return 0;
}
