/*
 * Theory of operation
 *
 *   load	  the configuration, the manifest that came with it, and what its layers are known as.
 *   push_layers  several at a time (image/push_layer.h): a blob that is there is named, one that
 *		  another repository of the registry has is mounted, what remains is uploaded.
 *   push_config  the configuration, which is a blob like others.
 *   push_manifest  last, as nothing may name what is not there.
 *
 * What the layers have become is kept with them (storage/known_blob.h), so that the next push, and
 * one to a neighbour, find it.
 */
#include "image/push.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "image/config.h"
#include "image/crew.h"
#include "image/hash.h"
#include "image/manifest.h"
#include "image/push_layer.h"
#include "image/push_plan.h"
#include "image/registry.h"
#include "image/skeleton.h"
#include "image/upload.h"
#include "storage/image.h"
#include "storage/layer.h"

#define PARALLEL 3 /* layers at a time: two buffers of 8 MiB each (image/push_layer.c) */

struct push {
	const struct store *store;
	const struct push_options *options;
	struct push_target target;
	char *name, *id;
	struct registry registry;
	struct buf config, manifest;
	struct image_config image;
	struct manifest parsed; /* of manifest; empty where it is of no use */
	const struct manifest_types *types;
	struct push_item *items; /* for each layer of the image */
	struct strv mounts;
};

static void clean_push(struct push *p)
{
	for (size_t i = 0; p->items && i < p->image.diff_ids.n; i++)
		push_item_done(&p->items[i]);
	free(p->items);
	free(p->name);
	free(p->id);
	registry_done(&p->registry);
	buf_done(&p->config);
	buf_done(&p->manifest);
	image_config_done(&p->image);
	manifest_done(&p->parsed);
	strv_done(&p->mounts);
}

int push_format_parse(const char *text, const struct manifest_types **ret, struct err *err)
{
	if (streq(text, "v2s1"))
		return err_set(err, ERR_UNSUPPORTED,
			       "the format v2s1 is obsolete, and not supported");
	if (streq(text, "oci"))
		*ret = &manifest_types_oci;
	else if (streq(text, "v2s2") || streq(text, "docker"))
		*ret = &manifest_types_docker;
	else
		return err_set(err, ERR_USAGE, "unknown format '%.80s': oci or v2s2", text);
	return 0;
}

static bool is_repeated(const struct push *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (streq(p->items[k].diff_id, p->items[i].diff_id))
			return true;
	return false;
}

static void load_items(struct push *p)
{
	const struct strv *diff_ids = &p->image.diff_ids;

	p->items = xcalloc(diff_ids->n + 1, sizeof(*p->items));
	for (size_t i = 0; i < diff_ids->n; i++) {
		struct push_item *item = &p->items[i];
		const struct known_blob *b;
		size_t at = 0;

		item->diff_id = diff_ids->v[i];
		item->recorded = p->parsed.n ? &p->parsed.entries[i] : NULL;
		item->repeated = is_repeated(p, i);
		known_blobs_read(p->store, item->diff_id, &item->known);
		while ((b = push_candidate(item, &at)))
			push_neighbours(&p->target, b, &p->mounts);
	}
}

/* The manifest that it came with, where it is one of this image. */
static int load_manifest(struct push *p, const char *name, struct err *err)
{
	CLEAN(manifest_done) struct manifest m = { 0 };

	if (image_read_manifest_of(p->store, p->id, name, &p->manifest, err) < 0)
		return -1;
	if (manifest_parse(buf_str(&p->manifest), p->manifest.len, NULL, &m, NULL) < 0 ||
	    m.kind != MANIFEST_IMAGE || m.n != p->image.diff_ids.n ||
	    !streq(digest_hex(m.config.digest), p->id))
		return 0;
	p->parsed = m;
	m = (struct manifest){ 0 };
	return 0;
}

static int choose_types(struct push *p, struct err *err)
{
	const bool zstd = p->options->forced && p->options->compression == COMPRESSION_ZSTD;

	p->types = p->options->types ?:
		   zstd ? &manifest_types_oci :
			  manifest_types_of(buf_str(&p->manifest), p->manifest.len);
	p->target.zstd = p->types->zstd;
	return zstd && !p->types->zstd ?
		       err_set(err, ERR_USAGE, "Docker's format has no layers of zstd: use --format oci") :
		       0;
}

static int load(struct push *p, const char *image, struct err *err)
{
	const char *comma = strchr(image, ',');
	char digest[DIGEST_SIZE];

	p->id = xstrndup(image, strcspn(image, ","));
	if (strlen(p->id) != 64 || !is_hex(p->id, 64))
		return err_set(err, ERR_USAGE, "'%.80s' is no image ID", p->id);
	if (image_read_config(p->store, p->id, &p->config, err) < 0 ||
	    image_config_parse(buf_str(&p->config), p->config.len, &p->image, err) < 0)
		return -1;
	digest_of(buf_str(&p->config), p->config.len, digest);
	if (!streq(digest_hex(digest), p->id))
		return err_set(err, ERR_CORRUPT, "its configuration was changed in the store");
	if (load_manifest(p, comma ? comma + 1 : NULL, err) < 0 || choose_types(p, err) < 0)
		return -1;
	load_items(p);
	return 0;
}

/* Is the blob there, or can it be taken over? *ret_how says so, or stays NULL. The caller frees. */
static int try_blob(struct push *p, struct http *h, const struct known_blob *b,
		    const struct layer_blob *blob, char **ret_how, struct err *err)
{
	CLEAN(strv_done) struct strv from = { 0 };
	bool there = false;

	if (upload_has(&p->registry, h, blob->digest, blob->size, &there, err) < 0)
		return -1;
	if (there)
		*ret_how = xstrdup("skipped: already exists");
	push_neighbours(&p->target, b, &from);
	for (size_t i = 0; i < from.n && !there; i++) {
		if (!strv_has(&p->mounts, from.v[i]))
			continue;
		if (upload_mount(&p->registry, h, blob->digest, from.v[i], &there, err) < 0)
			return -1;
		if (there)
			*ret_how = xasprintf("mounted from %s", from.v[i]);
	}
	return 0;
}

static int push_item(struct push *p, struct http *h, struct push_item *item, struct err *err)
{
	const struct push_layer layer = {
		.store = p->store,
		.registry = &p->registry,
		.diff_id = item->diff_id,
		.progress = item->progress,
		.compression = push_compression(&p->target, item, p->options->compression),
	};
	CLEAN(clean_free) char *how = NULL;
	const struct known_blob *b;
	size_t at = 0;

	while (!how && (b = push_candidate(item, &at)))
		if (push_may_name(&p->target, b, &item->blob) &&
		    try_blob(p, h, b, &item->blob, &how, err) < 0)
			return -1;
	if (!how) {
		if (push_layer(&layer, h, &item->blob, err) < 0)
			return -1;
		item->made = true;
	}
	progress_end(item->progress, how ?: "done");
	return 0;
}

/* A line for each, by the digest that the manifest has. */
static void add_lines(struct push *p)
{
	for (size_t i = 0; i < p->image.diff_ids.n; i++) {
		struct push_item *item = &p->items[i];
		int64_t size = 0;

		if (item->repeated)
			continue;
		/* Where it can't be had, it may not be needed. */
		skeleton_size(p->store, item->diff_id, &size, NULL);
		item->progress = progress_add(p->options->progress, "Copying blob",
					      item->recorded ? item->recorded->digest : item->diff_id,
					      size);
	}
}

static int run_item(void *arg, size_t at, struct http *h, struct err *err)
{
	struct push *p = arg;

	return p->items[at].repeated ? 0 : push_item(p, h, &p->items[at], err);
}

static int push_layers(struct push *p, struct err *err)
{
	const size_t n = p->image.diff_ids.n;
	const struct crew crew = {
		.registry = &p->registry,
		.cancel = p->options->cancel,
		.most = PARALLEL,
		.work = run_item,
		.arg = p,
	};

	if (crew_run(&crew, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; p->items[i].repeated && k < i; k++)
			if (!p->items[k].repeated &&
			    streq(p->items[k].diff_id, p->items[i].diff_id))
				p->items[i].blob = p->items[k].blob;
	return cancel_from_outside(p->options->cancel) ? cancel_err(err) : 0;
}

static int push_config(struct push *p, struct http *h, struct err *err)
{
	CLEAN(clean_free) char *digest = xasprintf(DIGEST_PREFIX "%s", p->id);
	CLEAN(clean_free) char *what = xasprintf("configuration %.19s", digest);
	bool there = false;

	if (upload_has(&p->registry, h, digest, (int64_t)p->config.len, &there, err) < 0 ||
	    (!there && upload_data(&p->registry, h, what, digest, buf_str(&p->config), p->config.len,
				   err) < 0))
		return -1;
	progress_line(p->options->progress, "Copying config %.12s %s", p->id,
		      there ? "skipped: already exists" : "done");
	return 0;
}

/* Is the manifest that came with the image still true? */
static bool is_unchanged(const struct push *p)
{
	if (p->parsed.n != p->image.diff_ids.n || p->parsed.config.size != (int64_t)p->config.len ||
	    !p->parsed.config.digest[0] ||
	    p->types != manifest_types_of(buf_str(&p->manifest), p->manifest.len))
		return false;
	for (size_t i = 0; i < p->parsed.n; i++)
		if (!streq(p->parsed.entries[i].digest, p->items[i].blob.digest) ||
		    p->parsed.entries[i].size != p->items[i].blob.size)
			return false;
	return true;
}

static void follow_layers(struct push *p)
{
	const size_t n = p->image.diff_ids.n;
	CLEAN(clean_free) struct layer_blob *blobs = xcalloc(n + 1, sizeof(*blobs));
	CLEAN(clean_free) char *config = xasprintf(DIGEST_PREFIX "%s", p->id);
	CLEAN(clean_free) char *text = NULL;
	const bool same = p->types == manifest_types_of(buf_str(&p->manifest), p->manifest.len) &&
			  p->parsed.config.digest[0];

	for (size_t i = 0; i < n; i++)
		blobs[i] = p->items[i].blob;
	text = manifest_remake(same ? buf_str(&p->manifest) : NULL, p->manifest.len, p->types,
			       config, p->config.len, blobs, n);
	p->manifest.len = 0;
	buf_adds(&p->manifest, text);
}

static int push_manifest(struct push *p, struct http *h, struct push_result *ret, struct err *err)
{
	struct push_result result;

	if (!is_unchanged(p))
		follow_layers(p);
	digest_of(buf_str(&p->manifest), p->manifest.len, result.digest);
	result.size = p->manifest.len;
	progress_line(p->options->progress, "Writing manifest to image destination");
	if (upload_manifest(&p->registry, h, p->target.ref->tag, p->types->manifest,
			    buf_str(&p->manifest), p->manifest.len, result.digest, err) < 0)
		return -1;
	*ret = result;
	return 0;
}

/* Those that we made were verified; those that were there are only seen there. */
static void remember(const struct push *p)
{
	for (size_t i = 0; i < p->image.diff_ids.n; i++) {
		const struct layer_blob *b = &p->items[i].blob;
		struct known_blob blob = {
			.size = b->size,
			.compression = (char *)compression_name(b->compression),
			.verified = p->items[i].made,
		};

		snprintf(blob.digest, sizeof(blob.digest), "%s", b->digest);
		known_blobs_add(p->store, p->items[i].diff_id, &blob, p->name);
	}
}

static int push_to(struct push *p, struct push_result *ret, struct err *err)
{
	const struct registry_options options = {
		.cancel = p->options->cancel,
		.push = true,
		.mounts = &p->mounts,
		.retry = p->options->retry,
	};
	CLEAN(clean_http) struct http *h = NULL;

	if (registry_open(p->options->source, &options, &p->registry, err) < 0)
		return -1;
	h = registry_connect(&p->registry);
	add_lines(p);
	if (push_layers(p, err) < 0 || push_config(p, h, err) < 0 ||
	    push_manifest(p, h, ret, err) < 0)
		return -1;
	remember(p);
	return 0;
}

int push(const struct store *s, const char *image, const struct reference *ref,
	 const struct push_options *options, struct push_result *ret, struct err *err)
{
	CLEAN(clean_free) char *canonical = reference_canonical(ref);
	CLEAN(clean_push)
	struct push p = { .store = s, .options = options, .name = reference_name(ref) };

	p.target = (struct push_target){
		.ref = ref,
		.name = p.name,
		.forced = options->forced,
		.compression = options->compression,
	};
	if (load(&p, image, err) == 0 && push_to(&p, ret, err) == 0)
		return 0;
	if (cancel_from_outside(options->cancel))
		cancel_err(err);
	return err_wrap(err, "cannot push '%s'", canonical);
}
