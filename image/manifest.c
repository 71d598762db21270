#include "image/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"

#define LAYERS_MAX    500		  /* as many as overlayfs stacks */
#define MANIFESTS_MAX 1000		  /* in an index */
#define BLOB_MAX      ((int64_t)64 << 30) /* bytes of one layer, as downloaded */

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

enum type {
	TYPE_IMAGE = MANIFEST_IMAGE,
	TYPE_INDEX = MANIFEST_INDEX,
	TYPE_SCHEMA1,
	TYPE_SILENT, /* says nothing of what it is */
	TYPE_OTHER,
};

static const struct {
	const char *name;
	enum type type;
} media_types[] = {
	{ OCI "manifest.v1+json", TYPE_IMAGE },
	{ OCI "index.v1+json", TYPE_INDEX },
	{ DOCKER "distribution.manifest.v2+json", TYPE_IMAGE },
	{ DOCKER "distribution.manifest.list.v2+json", TYPE_INDEX },
	{ DOCKER "distribution.manifest.v1+json", TYPE_SCHEMA1 },
	{ DOCKER "distribution.manifest.v1+prettyjws", TYPE_SCHEMA1 },
	{ "application/json", TYPE_SILENT },
	{ "application/octet-stream", TYPE_SILENT },
	{ "text/plain", TYPE_SILENT },
	{ "", TYPE_SILENT },
};

static const char *const config_types[] = {
	OCI "config.v1+json",
	DOCKER "container.image.v1+json",
	NULL,
};

/* How a layer is compressed is seen from its first bytes; here only: is it a tar archive at all? */
static const char *const layer_types[] = {
	OCI "layer.v1.tar",
	OCI "layer.v1.tar+gzip",
	OCI "layer.v1.tar+zstd",
	OCI "layer.nondistributable.v1.tar",
	OCI "layer.nondistributable.v1.tar+gzip",
	OCI "layer.nondistributable.v1.tar+zstd",
	DOCKER "image.rootfs.diff.tar",
	DOCKER "image.rootfs.diff.tar.gzip",
	DOCKER "image.rootfs.diff.tar.zstd",
	DOCKER "image.rootfs.foreign.diff.tar",
	DOCKER "image.rootfs.foreign.diff.tar.gzip",
	NULL,
};

void manifest_done(struct manifest *m)
{
	free(m->entries);
	*m = (struct manifest){ 0 };
}

/* A media type's name ends where its parameters begin ("; charset=utf-8"). */
static enum type type_of(const char *s)
{
	size_t len = s ? strcspn(s, "; \t") : 0;

	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++)
		if (strlen(media_types[i].name) == len &&
		    strncasecmp(media_types[i].name, s ?: "", len) == 0)
			return media_types[i].type;
	return TYPE_OTHER;
}

static int refuse(struct err *err, enum err_kind kind, const char *what, const char *stranger)
{
	CLEAN(clean_free) char *safe = str_printable(stranger ?: "");

	return err_set(err, kind, "%s '%.120s'", what, safe);
}

static bool one_of(const char *s, const char *const *list)
{
	for (; s && *list; list++)
		if (streq(s, *list))
			return true;
	return false;
}

/*
 * Which of the two kinds it is. The header, the document's mediaType and its members must not
 * contradict each other: whoever signs or scans an image may believe another of the three than we.
 */
static int decide(const json_t *doc, const char *content_type, enum manifest_kind *ret,
		  struct err *err)
{
	const char *media_type = js_str(doc, "mediaType");
	enum type header = type_of(content_type), said = type_of(media_type);
	bool image = json_object_get(doc, "config") || json_object_get(doc, "layers");
	bool index = json_object_get(doc, "manifests");

	if (header == TYPE_SCHEMA1 || said == TYPE_SCHEMA1 || js_int(doc, "schemaVersion") == 1)
		return err_set(err, ERR_UNSUPPORTED,
			       "its manifest is of the obsolete schema 1, which is not supported");
	if (js_int(doc, "schemaVersion") != 2)
		return err_set(err, ERR_CORRUPT,
			       "the answer is not a manifest of schema version 2");
	if (said == TYPE_OTHER)
		return refuse(err, ERR_UNSUPPORTED, "it is not a container image but of type",
			      media_type);
	if (image && index)
		return err_set(err, ERR_CORRUPT,
			       "its manifest is an image and an index at once (CVE-2021-41190)");
	if (!image && !index)
		return err_set(err, ERR_CORRUPT, "its manifest names neither layers nor manifests");
	if ((header <= TYPE_INDEX && index != (header == TYPE_INDEX)) ||
	    (said <= TYPE_INDEX && index != (said == TYPE_INDEX)))
		return err_set(err, ERR_CORRUPT,
			       "its manifest is not of the type that it is said to be");
	*ret = index ? MANIFEST_INDEX : MANIFEST_IMAGE;
	return 0;
}

static int parse_descriptor(const json_t *j, const char *what, int64_t max, struct descriptor *ret,
			    struct err *err)
{
	const char *digest = js_str(j, "digest");
	const json_t *size = json_object_get(j, "size");
	const json_t *platform = js_obj(j, "platform");

	if (!digest_valid(digest)) {
		CLEAN(clean_free) char *safe = str_printable(digest ?: "");

		return err_set(err, ERR_CORRUPT,
			       "the digest of %s, '%.80s', is not a SHA-256 digest", what, safe);
	}
	if (!json_is_integer(size) || json_integer_value(size) < 0 ||
	    json_integer_value(size) > max)
		return err_set(err, ERR_CORRUPT, "the size of %s %.19s is absent or out of bounds",
			       what, digest);
	*ret = (struct descriptor){ .size = json_integer_value(size) };
	snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	/* A name too long for the buffer is no platform of ours, cut off or not. */
	snprintf(ret->platform.os, sizeof(ret->platform.os), "%s", js_str(platform, "os") ?: "");
	snprintf(ret->platform.arch, sizeof(ret->platform.arch), "%s",
		 js_str(platform, "architecture") ?: "");
	snprintf(ret->platform.variant, sizeof(ret->platform.variant), "%s",
		 js_str(platform, "variant") ?: "");
	return 0;
}

static int parse_layers(const json_t *doc, struct manifest *m, struct err *err)
{
	const json_t *layers = js_arr(doc, "layers");
	json_t *item;
	size_t i;

	if (!layers)
		return err_set(err, ERR_CORRUPT, "its manifest has no list of layers");
	if (json_array_size(layers) > LAYERS_MAX)
		return err_set(err, ERR_CORRUPT, "it has %zu layers, and %d is the most",
			       json_array_size(layers), LAYERS_MAX);
	m->entries = xcalloc(json_array_size(layers), sizeof(*m->entries));
	json_array_foreach(layers, i, item) {
		if (!one_of(js_str(item, "mediaType"), layer_types))
			return refuse(err, ERR_UNSUPPORTED, "a layer of it is of the unknown type",
				      js_str(item, "mediaType"));
		if (parse_descriptor(item, "layer", BLOB_MAX, &m->entries[m->n++], err) < 0)
			return -1;
		m->entries[i].compression = compression_of_type(js_str(item, "mediaType"));
	}
	return 0;
}

static int parse_image(const json_t *doc, struct manifest *m, struct err *err)
{
	const json_t *config = js_obj(doc, "config");
	const char *type = js_str(config, "mediaType");

	if (!config)
		return err_set(err, ERR_CORRUPT, "its manifest names no configuration");
	if (!one_of(type, config_types))
		return refuse(err, ERR_UNSUPPORTED,
			      "it is an artifact, not a container image, of type", type);
	if (parse_descriptor(config, "the configuration", MANIFEST_MAX, &m->config, err) < 0)
		return -1;
	return parse_layers(doc, m, err);
}

static int parse_index(const json_t *doc, struct manifest *m, struct err *err)
{
	const json_t *manifests = js_arr(doc, "manifests");
	json_t *item;
	size_t i;

	if (!manifests)
		return err_set(err, ERR_CORRUPT, "its index has no list of manifests");
	if (json_array_size(manifests) > MANIFESTS_MAX)
		return err_set(err, ERR_CORRUPT, "its index has %zu manifests, and %d is the most",
			       json_array_size(manifests), MANIFESTS_MAX);
	m->entries = xcalloc(json_array_size(manifests), sizeof(*m->entries));
	json_array_foreach(manifests, i, item) {
		enum type type = type_of(js_str(item, "mediaType"));

		/* Attestations and the like stand beside images. */
		if (type != TYPE_IMAGE && type != TYPE_INDEX)
			continue;
		if (parse_descriptor(item, "manifest", MANIFEST_MAX, &m->entries[m->n++], err) < 0)
			return -1;
	}
	return 0;
}

int manifest_parse(const char *data, size_t len, const char *content_type, struct manifest *ret,
		   struct err *err)
{
	CLEAN(manifest_done) struct manifest m = { 0 };
	CLEAN(clean_json) json_t *doc = NULL;

	/* A page of HTML is better told by its type than by JSON's complaint about it. */
	if (type_of(content_type) == TYPE_OTHER)
		return refuse(err, ERR_CORRUPT, "the answer is not a manifest but of type",
			      content_type);
	if (js_parse(data, len, &doc, err) < 0)
		return err_wrap(err, "the answer is not a manifest");
	if (decide(doc, content_type, &m.kind, err) < 0 ||
	    (m.kind == MANIFEST_INDEX ? parse_index(doc, &m, err) : parse_image(doc, &m, err)) < 0)
		return -1;
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

int manifest_select(const struct manifest *index, const struct platform *want,
		    const struct descriptor **ret, struct err *err)
{
	char wanted[PLATFORM_TEXT_MAX];
	int best = -1;

	for (size_t i = 0; i < index->n; i++) {
		int rank = platform_rank(want, &index->entries[i].platform);

		if (rank >= 0 && (best < 0 || rank < best)) {
			best = rank;
			*ret = &index->entries[i];
		}
	}
	if (best < 0)
		return err_set(err, ERR_NOT_FOUND, "no image found for platform %s",
			       platform_text(want, wanted));
	return 0;
}
