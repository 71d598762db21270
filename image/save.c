#include "image/save.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/config.h"
#include "image/deflate.h"
#include "image/digest.h"
#include "image/hash.h"
#include "image/manifest.h"
#include "image/manifest_make.h"
#include "image/output.h"
#include "image/skeleton.h"
#include "storage/image.h"

#define OCI_LAYOUT   "{\"imageLayoutVersion\":\"1.0.0\"}"
#define DIR_VERSION  "Directory Transport Version: 1.1\n"
#define REF_NAME     "org.opencontainers.image.ref.name"

struct save {
	const struct store *store;
	const struct save_options *options;
	struct output out;
};

/* One of the images, and what of it has to be known before its layers are written. */
struct item {
	char *id;
	struct strv names;
	struct buf config;
	struct image_config parsed;
	int64_t *sizes; /* of the layers */
	struct layer_blob *blobs; /* likewise; where they are compressed, as they are written */
};

static void item_done(struct item *i)
{
	free(i->id);
	strv_done(&i->names);
	buf_done(&i->config);
	image_config_done(&i->parsed);
	free(i->sizes);
	free(i->blobs);
}

/* "ID[,NAME…]" */
static void split_item(const char *text, struct item *ret)
{
	size_t len = strcspn(text, ",");

	ret->id = xstrndup(text, len);
	while (text[len]) {
		text += len + 1;
		len = strcspn(text, ",");
		strv_add_take(&ret->names, xstrndup(text, len));
	}
}

static int load_item(const struct save *s, const char *text, struct item *ret, struct err *err)
{
	char digest[DIGEST_SIZE];

	split_item(text, ret);
	if (strlen(ret->id) != 64 || !is_hex(ret->id, 64))
		return err_set(err, ERR_USAGE, "'%.80s' is no image ID", ret->id);
	if (image_read_config(s->store, ret->id, &ret->config, err) < 0 ||
	    image_config_parse(buf_str(&ret->config), ret->config.len, &ret->parsed, err) < 0)
		return -1;
	digest_of(buf_str(&ret->config), ret->config.len, digest);
	if (!streq(digest_hex(digest), ret->id))
		return err_set(err, ERR_CORRUPT, "its configuration was changed in the store");
	ret->sizes = xcalloc(ret->parsed.diff_ids.n + 1, sizeof(*ret->sizes));
	for (size_t i = 0; i < ret->parsed.diff_ids.n; i++)
		if (skeleton_size(s->store, ret->parsed.diff_ids.v[i], &ret->sizes[i], err) < 0)
			return -1;
	return 0;
}

static int layer_sink(void *arg, const void *data, size_t len, struct err *err)
{
	struct save *s = arg;

	if (cancel_wanted(s->options->cancel))
		return cancel_err(err);
	return output_write(&s->out, data, len, err);
}

/* The name of a blob in the format. The caller frees. */
static char *blob_name(const struct save *s, const char *digest)
{
	const bool oci = s->options->format == SAVE_OCI_ARCHIVE ||
			 s->options->format == SAVE_OCI_DIR;

	return xasprintf("%s%s", oci ? "blobs/sha256/" : "", digest_hex(digest));
}

static int write_layer(struct save *s, const char *name, const char *diff_id, int64_t size,
		       struct err *err)
{
	if (output_has(&s->out, name))
		return 0;
	if (output_begin(&s->out, name, size, err) < 0 ||
	    skeleton_replay(s->store, diff_id, layer_sink, s, err) < 0)
		return -1;
	return output_end(&s->out, err);
}

static int write_document(struct save *s, const char *name, const void *data, size_t len,
			  struct err *err)
{
	return output_has(&s->out, name) ? 0 : output_file(&s->out, name, data, len, err);
}

static int write_json(struct save *s, const char *name, const json_t *j, struct err *err)
{
	CLEAN(clean_free) char *text = js_dump(j);

	return write_document(s, name, text, strlen(text), err);
}

/* {"Config": …, "RepoTags": […], "Layers": […]}, and the files that it names. */
static int save_docker_image(struct save *s, struct item *item, json_t *list,
			     struct err *err)
{
	CLEAN(clean_free) char *config = xasprintf("%s.json", item->id);
	CLEAN(strv_done) struct strv layers = { 0 };
	json_t *entry = json_object();

	for (size_t i = 0; i < item->parsed.diff_ids.n; i++) {
		const char *diff_id = item->parsed.diff_ids.v[i];

		strv_addf(&layers, "%s.tar", digest_hex(diff_id));
		if (write_layer(s, layers.v[i], diff_id, item->sizes[i], err) < 0) {
			json_decref(entry);
			return -1;
		}
	}
	js_set_str(entry, "Config", config);
	js_set_strv(entry, "RepoTags", &item->names);
	js_set_strv(entry, "Layers", &layers);
	json_array_append_new(list, entry);
	return write_document(s, config, item->config.data, item->config.len, err);
}

/* The blobs, and a manifest that names them. The caller frees *ret_manifest. */
static int save_blobs(struct save *s, const struct item *item, const struct manifest_types *types,
		      char **ret_manifest, struct err *err)
{
	CLEAN(clean_free) char *id = xasprintf("sha256:%s", item->id);
	CLEAN(clean_free) char *config = blob_name(s, id);

	for (size_t i = 0; i < item->parsed.diff_ids.n; i++) {
		const char *diff_id = item->parsed.diff_ids.v[i];
		CLEAN(clean_free) char *name = blob_name(s, diff_id);

		if (write_layer(s, name, diff_id, item->sizes[i], err) < 0)
			return -1;
	}
	if (write_document(s, config, item->config.data, item->config.len, err) < 0)
		return -1;
	*ret_manifest = manifest_make(types, id, item->config.len, &item->parsed.diff_ids,
				      item->sizes);
	return 0;
}

/* A layout's index has an entry for each name. */
static void add_to_index(json_t *index, const struct item *item, const char *digest, size_t size)
{
	for (size_t i = 0; i < item->names.n || i == 0; i++) {
		json_t *entry = descriptor_make(manifest_types_oci.manifest, digest,
						(int64_t)size);

		if (item->names.n) {
			json_t *annotations = json_object();

			js_set_str(annotations, REF_NAME, item->names.v[i]);
			json_object_set_new(entry, "annotations", annotations);
		}
		json_array_append_new(index, entry);
	}
}

static int save_oci_image(struct save *s, struct item *item, json_t *list, struct err *err)
{
	CLEAN(clean_free) char *manifest = NULL;
	CLEAN(clean_free) char *name = NULL;
	char digest[DIGEST_SIZE];

	if (save_blobs(s, item, &manifest_types_oci, &manifest, err) < 0)
		return -1;
	digest_of(manifest, strlen(manifest), digest);
	add_to_index(list, item, digest, strlen(manifest));
	name = blob_name(s, digest);
	return write_document(s, name, manifest, strlen(manifest), err);
}

/* Compressed on the way into a file whose name is known at its end. */
struct squeeze {
	struct save *save;
	struct deflate *deflate;
	struct hash *hash;
	struct layer_blob *blob;
};

static void clean_squeeze(struct squeeze *q)
{
	deflate_free(q->deflate);
	hash_free(q->hash);
}

static int squeeze(struct squeeze *q, const void *data, size_t len, bool last, struct err *err)
{
	struct deflate_io io = { .in = data, .in_len = len };
	char out[65536];
	bool done = false;

	while (io.in_len || (last && !done)) {
		size_t n;

		io.out = out;
		io.out_len = sizeof(out);
		if (deflate_run(q->deflate, &io, last, &done, err) < 0)
			return -1;
		n = sizeof(out) - io.out_len;
		hash_add(q->hash, out, n);
		q->blob->size += (int64_t)n;
		if (layer_sink(q->save, out, n, err) < 0)
			return -1;
	}
	return 0;
}

static int squeeze_sink(void *arg, const void *data, size_t len, struct err *err)
{
	return squeeze(arg, data, len, false, err);
}

static int write_squeezed(struct save *s, const char *name, const char *diff_id,
			  struct layer_blob *ret, struct err *err)
{
	CLEAN(clean_squeeze) struct squeeze q = { .save = s, .blob = ret };

	q.deflate = deflate_new(COMPRESSION_GZIP);
	q.hash = hash_new();
	if (output_begin(&s->out, name, -1, err) < 0 ||
	    skeleton_replay(s->store, diff_id, squeeze_sink, &q, err) < 0 ||
	    squeeze(&q, NULL, 0, true, err) < 0 || output_end(&s->out, err) < 0)
		return -1;
	hash_digest(q.hash, ret->digest);
	return output_rename(&s->out, name, digest_hex(ret->digest), err);
}

/* As save_blobs does it, but for what the layers are. */
static int save_squeezed(struct save *s, struct item *item, char **ret_manifest, struct err *err)
{
	const struct strv *diff_ids = &item->parsed.diff_ids;
	CLEAN(clean_free) char *id = xasprintf("sha256:%s", item->id);

	item->blobs = xcalloc(diff_ids->n + 1, sizeof(*item->blobs));
	for (size_t i = 0; i < diff_ids->n; i++) {
		CLEAN(clean_free) char *part = xasprintf("%s.part", digest_hex(diff_ids->v[i]));
		struct layer_blob *blob = &item->blobs[i];

		for (size_t k = 0; k < i && !blob->size; k++)
			if (streq(diff_ids->v[k], diff_ids->v[i]))
				*blob = item->blobs[k];
		if (blob->size)
			continue;
		blob->compression = COMPRESSION_GZIP;
		if (write_squeezed(s, part, diff_ids->v[i], blob, err) < 0) {
			output_rename(&s->out, part, NULL, NULL);
			return -1;
		}
	}
	if (write_document(s, item->id, item->config.data, item->config.len, err) < 0)
		return -1;
	*ret_manifest = manifest_remake(NULL, 0, &manifest_types_docker, id, item->config.len,
					item->blobs, diff_ids->n);
	return 0;
}

static int save_dir_image(struct save *s, struct item *item, json_t *list, struct err *err)
{
	CLEAN(clean_free) char *manifest = NULL;

	(void)list;
	if ((s->options->compress ?
		     save_squeezed(s, item, &manifest, err) :
		     save_blobs(s, item, &manifest_types_docker, &manifest, err)) < 0 ||
	    write_document(s, "version", DIR_VERSION, strlen(DIR_VERSION), err) < 0)
		return -1;
	return write_document(s, "manifest.json", manifest, strlen(manifest), err);
}

static const char *ref_name_of(const json_t *entry)
{
	return js_str(js_obj(entry, "annotations"), REF_NAME);
}

static bool is_listed(const json_t *list, const json_t *entry)
{
	const char *name = ref_name_of(entry), *digest = js_str(entry, "digest");
	json_t *ours;
	size_t i;

	json_array_foreach(list, i, ours) {
		const char *our_name = ref_name_of(ours);

		if (name && our_name ? streq(name, our_name) :
				       !name && streq(digest ?: "", js_str(ours, "digest") ?: ""))
			return true;
	}
	return false;
}

/* A layout that is there already keeps its images, but for those whose names are ours now. */
static int keep_others(const struct save *s, json_t *list, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *index = NULL;
	CLEAN(clean_json) json_t *others = json_array();
	struct err why = { 0 };
	json_t *entry;
	size_t i;

	if (file_read_at(s->options->fd, "index.json", MANIFEST_MAX, &text, &why) < 0) {
		if (why.kind == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	if (js_parse(buf_str(&text), text.len, &index, err) < 0)
		return err_wrap(err, "the index.json that is there");
	json_array_foreach(js_arr(index, "manifests"), i, entry)
		if (!is_listed(list, entry))
			json_array_append(others, entry);
	json_array_extend(list, others);
	return 0;
}

/* What names the images: it comes last, as nothing may read it before the rest is there. */
static int write_list(struct save *s, json_t *list, struct err *err)
{
	CLEAN(clean_json) json_t *index = NULL;

	switch (s->options->format) {
	case SAVE_DOCKER_ARCHIVE:
		return write_json(s, "manifest.json", list, err);
	case SAVE_DOCKER_DIR:
		return 0;
	default:
		if (s->options->format == SAVE_OCI_DIR && keep_others(s, list, err) < 0)
			return -1;
		index = json_object();
		js_set_int(index, "schemaVersion", 2);
		json_object_set(index, "manifests", list);
		if (write_document(s, "oci-layout", OCI_LAYOUT, strlen(OCI_LAYOUT), err) < 0)
			return -1;
		return write_json(s, "index.json", index, err);
	}
}

static int save_all(struct save *s, const struct strv *images, struct err *err)
{
	static int (*const save_image[])(struct save *, struct item *, json_t *,
					 struct err *) = {
		[SAVE_DOCKER_ARCHIVE] = save_docker_image,
		[SAVE_OCI_ARCHIVE] = save_oci_image,
		[SAVE_OCI_DIR] = save_oci_image,
		[SAVE_DOCKER_DIR] = save_dir_image,
	};
	CLEAN(clean_json) json_t *list = json_array();

	for (size_t i = 0; i < images->n; i++) {
		CLEAN(item_done) struct item item = { 0 };

		if (load_item(s, images->v[i], &item, err) < 0 ||
		    save_image[s->options->format](s, &item, list, err) < 0)
			return err_wrap(err, "cannot save image %.12s", images->v[i]);
	}
	if (write_list(s, list, err) < 0)
		return -1;
	return output_finish(&s->out, err);
}

int save(const struct store *s, const struct strv *images, const struct save_options *options,
	 struct err *err)
{
	struct save job = { .store = s, .options = options };
	int result;

	output_init(&job.out, options->fd, save_format_is_directory(options->format));
	result = save_all(&job, images, err);
	output_done(&job.out);
	return result;
}
