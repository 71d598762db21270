#include "image/manifest_make.h"

#include "base/cleanup.h"
#include "base/json.h"

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

const struct manifest_types manifest_types_oci = {
	OCI "manifest.v1+json",
	OCI "config.v1+json",
	OCI "layer.v1.tar",
};
const struct manifest_types manifest_types_docker = {
	DOCKER "distribution.manifest.v2+json",
	DOCKER "container.image.v1+json",
	DOCKER "image.rootfs.diff.tar",
};

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
