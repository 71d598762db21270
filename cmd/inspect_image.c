#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/driver.h"
#include "cmd/human.h"
#include "cmd/inspect.h"

/* Members of a configuration that are passed on, if they are of the type that they should be. */
static const struct member {
	const char *key;
	json_type type;
} members[] = {
	{ "Cmd", JSON_ARRAY },	   { "Entrypoint", JSON_ARRAY }, { "Env", JSON_ARRAY },
	{ "Labels", JSON_OBJECT }, { "ExposedPorts", JSON_OBJECT }, { "Volumes", JSON_OBJECT },
	{ "User", JSON_STRING },   { "WorkingDir", JSON_STRING },   { "StopSignal", JSON_STRING },
};

static json_t *nothing_of(json_type type)
{
	return type == JSON_ARRAY  ? json_array() :
	       type == JSON_OBJECT ? json_object() :
				     json_string("");
}

static json_t *config_of(const json_t *doc)
{
	const json_t *config = js_obj(doc, "config");
	json_t *j = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const struct member *m = &members[i];
		json_t *value = json_object_get(config, m->key);

		json_object_set_new(j, m->key,
				    value && json_typeof(value) == m->type ? json_incref(value) :
									     nothing_of(m->type));
	}
	return j;
}

int inspect_image(const struct tiffin *t, const struct image_record *image, json_t **ret,
		  struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *doc = NULL;
	CLEAN(clean_free) char *id = xasprintf("sha256:%s", image->id);
	CLEAN(clean_free) char *seconds = rfc3339_nano(image->created * 1000000000);
	const struct rootfs_driver *driver = &rootfs_overlay;
	json_t *j, *root = json_object(), *config, *history;

	js_set_str(root, "Type", "layers");
	js_set_strv(root, "Layers", &image->layers);
	if (image_read_config(&t->store, image->id, &text, err) < 0 ||
	    js_parse(buf_str(&text), text.len, &doc, err) < 0) {
		json_decref(root);
		return err_wrap(err, "image %.12s", image->id);
	}
	config = config_of(doc);
	j = json_object();
	js_set_str(j, "Id", id);
	js_set_str(j, "Digest", image->manifest_digest);
	js_set_strv(j, "RepoTags", &image->names);
	js_set_strv(j, "RepoDigests", &image->digests);
	js_set_str(j, "Parent", "");
	js_set_str(j, "Comment", js_str(doc, "comment") ?: "");
	/* To the nanosecond, where it is a time at all. */
	js_set_str(j, "Created", image->created > 0 ? js_str(doc, "created") : seconds);
	js_set_str(j, "Author", js_str(doc, "author") ?: "");
	js_set_str(j, "Architecture", js_str(doc, "architecture") ?: "");
	js_set_str(j, "Variant", js_str(doc, "variant") ?: "");
	js_set_str(j, "Os", js_str(doc, "os") ?: "");
	js_set_int(j, "Size", image->size);
	js_set_int(j, "VirtualSize", image->size);
	json_object_set(j, "Labels", json_object_get(config, "Labels"));
	json_object_set(j, "User", json_object_get(config, "User"));
	json_object_set_new(j, "Config", config);
	driver_choose(t, &driver, NULL);
	json_object_set_new(j, "GraphDriver",
			    inspect_graph_driver(&t->store, driver, &image->layers, NULL));
	json_object_set_new(j, "RootFS", root);
	history = js_arr(doc, "history");
	json_object_set_new(j, "History", history ? json_incref(history) : json_array());
	*ret = j;
	return 0;
}
