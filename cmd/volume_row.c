#include "cmd/volume_row.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/human.h"

const struct heading volume_headings[] = {
	{ "Anonymous", "ANONYMOUS" },
	{ "CreatedAt", "CREATED AT" },
	{ "Driver", "DRIVER" },
	{ "Labels", "LABELS" },
	{ "Mountpoint", "MOUNTPOINT" },
	{ "Name", "VOLUME NAME" },
	{ "Options", "OPTIONS" },
	{ "Scope", "SCOPE" },
	{ 0 },
};

json_t *volume_json(const struct volume *v)
{
	json_t *j = json_object();

	js_set_str(j, "Name", v->name);
	js_set_str(j, "Driver", "local");
	js_set_str(j, "Mountpoint", v->path);
	js_set_str_take(j, "CreatedAt", rfc3339_nano(v->created));
	json_object_set_new(j, "Labels", js_map(&v->labels));
	js_set_str(j, "Scope", "local");
	json_object_set_new(j, "Options", js_map(&v->options));
	js_set_bool(j, "Anonymous", v->anonymous);
	js_set_bool(j, "NeedsCopyUp", v->fresh && !v->elsewhere);
	return j;
}

json_t *volume_row(const struct volume *v)
{
	CLEAN(buf_done) struct buf labels = { 0 };
	json_t *row = volume_json(v);

	for (size_t i = 0; i < v->labels.n; i++)
		buf_addf(&labels, "%s%s%s", i ? "," : "", v->labels.v[i],
			 strchr(v->labels.v[i], '=') ? "" : "=");
	js_set_str(row, "Labels", buf_str(&labels));
	return row;
}

json_t *volume_row_methods(const struct volume *v)
{
	return json_pack("{so}", "Label", js_map(&v->labels));
}
