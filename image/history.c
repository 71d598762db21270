#include "image/history.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "image/config.h"

void history_done(struct history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].created_by);
		free(h->v[i].comment);
		free(h->v[i].author);
	}
	free(h->v);
	*h = (struct history){ 0 };
}

int history_parse(const char *config, size_t len, struct history *ret, struct err *err)
{
	CLEAN(clean_json) json_t *doc = NULL;
	struct history h = { 0 };
	const json_t *list;
	json_t *entry;
	size_t i;

	if (js_parse(config, len, &doc, err) < 0)
		return -1;
	list = js_arr(doc, "history");
	h.v = xcalloc(json_array_size(list) + 1, sizeof(*h.v));
	json_array_foreach(list, i, entry)
		h.v[h.n++] = (struct history_entry){
			.created = image_config_time(js_str(entry, "created")),
			.created_by = xstrdup(js_str(entry, "created_by") ?: ""),
			.comment = xstrdup(js_str(entry, "comment") ?: ""),
			.author = xstrdup(js_str(entry, "author") ?: ""),
			.empty = js_bool(entry, "empty_layer"),
		};
	*ret = h;
	return 0;
}
