#include "cmd/event.h"

#include <stdarg.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "storage/journal.h"

/* Labels come last: they are the ones that may be many, and none of them takes another's place. */
static void add_labels(json_t *attributes, const json_t *record)
{
	CLEAN(strv_done) struct strv labels = { 0 };

	js_strv(record, "labels", &labels);
	for (size_t i = 0; i < labels.n; i++) {
		size_t len = strcspn(labels.v[i], "=");
		CLEAN(clean_free) char *key = xstrndup(labels.v[i], len);

		if (!json_object_get(attributes, key))
			js_set_str(attributes, key, labels.v[i][len] ? labels.v[i] + len + 1 : "");
	}
}

void event_container(const struct store *s, const json_t *record, const char *action, ...)
{
	const char *id = js_str(record, "id"), *name = js_str(record, "name"), *key;
	json_t *attributes = json_object();
	va_list ap;

	js_set_str(attributes, "image", js_str(record, "image"));
	js_set_str(attributes, "name", name);
	va_start(ap, action);
	while ((key = va_arg(ap, const char *)))
		js_set_str(attributes, key, va_arg(ap, const char *));
	va_end(ap);
	add_labels(attributes, record);
	journal_add(s, "container", action, id ?: "", name ?: "", attributes);
}

void event_image(const struct store *s, const char *action, const char *id, const char *name)
{
	json_t *attributes = json_object();

	js_set_str(attributes, "name", name ?: id);
	journal_add(s, "image", action, id, name ?: "", attributes);
}

void event_volume(const struct store *s, const char *action, const char *name)
{
	json_t *attributes = json_object();

	js_set_str(attributes, "driver", "local");
	journal_add(s, "volume", action, name, name, attributes);
}

void event_pruned(const struct store *s, const char *type, long long reclaimed)
{
	json_t *attributes = json_object();

	js_set_str_take(attributes, "reclaimed", xasprintf("%lld", reclaimed));
	journal_add(s, type, "prune", "", "", attributes);
}
