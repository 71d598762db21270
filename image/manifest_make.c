#include "image/manifest_make.h"

#include "base/cleanup.h"
#include "base/json.h"

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

const struct manifest_types manifest_types_oci = {
	OCI "manifest.v1+json",
	OCI "config.v1+json",
	OCI "layer.v1.tar",
	"+gzip",
	"+zstd",
};
const struct manifest_types manifest_types_docker = {
	DOCKER "distribution.manifest.v2+json",
	DOCKER "container.image.v1+json",
	DOCKER "image.rootfs.diff.tar",
	".gzip",
	NULL,
};

const struct manifest_types *manifest_types_of(const char *data, size_t len)
{
	CLEAN(clean_json) json_t *j = NULL;
	const char *type;

	if (js_parse(data, len, &j, NULL) < 0)
		return &manifest_types_oci;
	/* OCI's need not say what they are, their configuration's descriptor must. */
	type = js_str(j, "mediaType") ?: js_str(js_obj(j, "config"), "mediaType");
	return type && starts_with(type, DOCKER) ? &manifest_types_docker : &manifest_types_oci;
}

json_t *descriptor_make(const char *type, const char *digest, int64_t size)
{
	json_t *j = json_object();

	js_set_str(j, "mediaType", type);
	js_set_str(j, "digest", digest);
	js_set_int(j, "size", size);
	return j;
}

char *manifest_make(const struct manifest_types *types, const char *config_digest,
		    size_t config_size, const struct strv *diff_ids, const int64_t *sizes)
{
	CLEAN(clean_json) json_t *manifest = json_object();
	json_t *layers = json_array();

	js_set_int(manifest, "schemaVersion", 2);
	js_set_str(manifest, "mediaType", types->manifest);
	json_object_set_new(manifest, "config",
			    descriptor_make(types->config, config_digest, (int64_t)config_size));
	json_object_set_new(manifest, "layers", layers);
	for (size_t i = 0; i < diff_ids->n; i++)
		json_array_append_new(layers,
				      descriptor_make(types->layer, diff_ids->v[i], sizes[i]));
	return js_dump(manifest);
}

static char *layer_type(const struct manifest_types *types, enum compression how)
{
	const char *end = how == COMPRESSION_GZIP ? types->gzip :
			  how == COMPRESSION_ZSTD ? types->zstd :
						    NULL;

	return xasprintf("%s%s", types->layer, end ?: "");
}

char *manifest_remake(const char *before, size_t before_len, const struct manifest_types *types,
		      const char *config_digest, size_t config_size, const struct layer_blob *layers,
		      size_t n)
{
	CLEAN(clean_json) json_t *manifest = NULL;
	json_t *list = json_array(), *old;

	if (!before || js_parse(before, before_len, &manifest, NULL) < 0)
		manifest = json_object();
	old = js_arr(manifest, "layers");
	js_set_int(manifest, "schemaVersion", 2);
	js_set_str(manifest, "mediaType", types->manifest);
	json_object_set_new(manifest, "config",
			    descriptor_make(types->config, config_digest, (int64_t)config_size));
	for (size_t i = 0; i < n; i++) {
		CLEAN(clean_free) char *type = layer_type(types, layers[i].compression);
		json_t *entry = descriptor_make(type, layers[i].digest, layers[i].size);

		json_object_set(entry, "annotations",
				js_obj(json_array_get(old, i), "annotations"));
		json_array_append_new(list, entry);
	}
	json_object_set_new(manifest, "layers", list);
	return js_dump(manifest);
}
