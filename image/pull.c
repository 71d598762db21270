/*
 * Theory of operation
 *
 *   find_manifest  the tag's manifest: one request, two where the tag stands for an index.
 *   find_config    the configuration: its digest is the image's ID, its diff IDs name the layers.
 *   fetch_and_put  the missing layers are planned, locked and fetched (image/plan.h). The image and
 *		    its name appear once all are in place; only then are the locks let go.
 *
 * What the store has already is read from there, by digest, and needs no request.
 *
 * A pull that fails for good takes the layers that it finished with it; one that the network or the
 * user stopped leaves them for the next.
 *
 * Layers that are there already need no lock: image_put looks, under the lock that removers hold,
 * whether all of them still are. Where one has gone meanwhile, the last step is done again.
 */
#include "image/pull.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "image/config.h"
#include "image/hash.h"
#include "image/manifest.h"
#include "image/plan.h"
#include "image/registry.h"
#include "storage/image.h"
#include "storage/known_blob.h"
#include "storage/layer.h"

#define NESTED_INDEXES 3
#define PLANS	       3 /* how often layers may vanish under us before we give up */

struct pull {
	const struct store *store;
	const struct reference *ref;
	const struct pull_options *options;
	struct registry registry;
	struct http *http; /* of the main thread */
	char *name;	   /* "docker.io/library/alpine" */
	struct document top, manifest, config;
	struct manifest parsed;
	struct image_config image;
};

/* What came from one source. */
static void pull_done(struct pull *p)
{
	http_free(p->http);
	registry_done(&p->registry);
	document_done(&p->top);
	document_done(&p->manifest);
	document_done(&p->config);
	manifest_done(&p->parsed);
	image_config_done(&p->image);
}

static void clean_pull(struct pull *p)
{
	pull_done(p);
	free(p->name);
}

/* What the store has is believed if it has this digest. */
static bool take_document(struct document *d, const char *digest, struct document *ret)
{
	digest_of(buf_str(&d->body), d->body.len, d->digest);
	if (!streq(d->digest, digest))
		return false;
	*ret = *d;
	*d = (struct document){ 0 };
	return true;
}

/* A manifest that an image in the store has. */
static bool stored_manifest(const struct pull *p, const char *digest, struct document *ret)
{
	CLEAN(clean_free) char *name = xasprintf("%s@%s", p->name, digest);
	CLEAN(image_record_done) struct image_record record = { 0 };
	CLEAN(document_done) struct document d = { 0 };

	if (image_find(p->store, name, NULL, &record, NULL) < 0 ||
	    image_read_manifest_of(p->store, record.id, name, &d.body, NULL) < 0)
		return false;
	return take_document(&d, digest, ret);
}

static int get_manifest(struct pull *p, const char *which, struct document *ret, struct err *err)
{
	if (digest_valid(which) && stored_manifest(p, which, ret))
		return 0;
	return registry_manifest(&p->registry, p->http, which, ret, err);
}

/* From an index, and indexes in it, to the manifest for the platform. */
static int descend(struct pull *p, struct err *err)
{
	struct platform want = p->options->platform;

	if (!*want.os)
		platform_host(&want);
	for (int depth = 0; p->parsed.kind == MANIFEST_INDEX; depth++) {
		const struct descriptor *entry = NULL;
		char digest[DIGEST_SIZE];

		if (depth == NESTED_INDEXES)
			return err_set(err, ERR_CORRUPT, "its indexes are nested too deeply");
		if (manifest_select(&p->parsed, &want, &entry, err) < 0)
			return -1;
		memcpy(digest, entry->digest, sizeof(digest));
		document_done(&p->manifest);
		manifest_done(&p->parsed);
		if (get_manifest(p, digest, &p->manifest, err) < 0 ||
		    manifest_parse(buf_str(&p->manifest.body), p->manifest.body.len,
				   p->manifest.content_type, &p->parsed, err) < 0)
			return -1;
	}
	return 0;
}

static int find_manifest(struct pull *p, struct err *err)
{
	const char *which = p->ref->digest ? p->ref->digest : p->ref->tag;

	if (get_manifest(p, which, &p->top, err) < 0 ||
	    manifest_parse(buf_str(&p->top.body), p->top.body.len, p->top.content_type, &p->parsed,
			   err) < 0)
		return -1;
	return descend(p, err);
}

/* The document that names the layers: what the tag stands for, or what an index led to. */
static const struct document *image_manifest(const struct pull *p)
{
	return p->manifest.body.len ? &p->manifest : &p->top;
}

static bool stored_config(const struct pull *p, struct document *ret)
{
	const char *digest = p->parsed.config.digest;
	CLEAN(document_done) struct document d = { 0 };

	if (image_read_config(p->store, digest_hex(digest), &d.body, NULL) < 0)
		return false;
	return take_document(&d, digest, ret);
}

/* An image for another machine that no index offered: it may be meant, but seldom is. */
static int check_platform(const struct pull *p, struct err *err)
{
	const bool asked = *p->options->platform.os;
	struct platform want = p->options->platform, have = { 0 };
	char wanted[PLATFORM_TEXT_MAX], had[PLATFORM_TEXT_MAX];

	if (!asked)
		platform_host(&want);
	snprintf(have.os, sizeof(have.os), "%s", p->image.os ?: want.os);
	snprintf(have.arch, sizeof(have.arch), "%s", p->image.architecture ?: want.arch);
	snprintf(have.variant, sizeof(have.variant), "%s", p->image.variant ?: "");
	if (platform_rank(&want, &have) >= 0)
		return 0;
	platform_text(&want, wanted);
	platform_text(&have, had);
	if (asked)
		return err_set(err, ERR_NOT_FOUND, "no image found for platform %s, only for %s",
			       wanted, had);
	progress_line(p->options->progress, "Warning: the image is for %s, and this machine is %s",
		      had, wanted);
	return 0;
}

static int find_config(struct pull *p, struct err *err)
{
	const struct descriptor *d = &p->parsed.config;

	if (!stored_config(p, &p->config) &&
	    registry_config(&p->registry, p->http, d->digest, d->size, &p->config, err) < 0)
		return -1;
	if (image_config_parse(buf_str(&p->config.body), p->config.body.len, &p->image, err) < 0)
		return -1;
	if (p->image.diff_ids.n != p->parsed.n)
		return err_set(err, ERR_CORRUPT,
			       "its manifest has %zu layers, and its configuration has %zu",
			       p->parsed.n, p->image.diff_ids.n);
	return check_platform(p, err);
}

static int layers_size(const struct pull *p, int64_t *ret, struct err *err)
{
	struct layer_info info;

	*ret = 0;
	for (size_t i = 0; i < p->image.diff_ids.n; i++) {
		if (layer_read_info(p->store, p->image.diff_ids.v[i], &info, err) < 0)
			return -1;
		*ret += info.diff_size;
	}
	return 0;
}

static int put(const struct pull *p, struct err *err)
{
	CLEAN(clean_free) char *canonical = reference_canonical(p->ref);
	const struct document *manifest = image_manifest(p);
	struct image_new image = {
		.id = digest_hex(p->config.digest),
		.config = buf_str(&p->config.body),
		.config_len = p->config.body.len,
		.manifest_digest = manifest->digest,
		.manifest = buf_str(&manifest->body),
		.manifest_len = manifest->body.len,
		.layers = &p->image.diff_ids,
		.created = p->image.created,
		.name = p->ref->digest ? NULL : canonical,
		.repository = p->name,
		.index_digest = manifest == &p->top ? NULL : p->top.digest,
	};

	if (layers_size(p, &image.size, err) < 0)
		return -1;
	return image_put(p->store, &image, err);
}

/* Where each layer was seen: a push there need not upload it, and elsewhere it may be mounted. */
static void remember_blobs(const struct pull *p)
{
	for (size_t i = 0; i < p->parsed.n; i++) {
		const struct descriptor *d = &p->parsed.entries[i];
		struct known_blob blob = {
			.size = d->size,
			.compression = (char *)compression_name(d->compression),
		};

		snprintf(blob.digest, sizeof(blob.digest), "%s", d->digest);
		known_blobs_add(p->store, p->image.diff_ids.v[i], &blob, p->name);
	}
}

/* Another try may go on where this one stopped. */
static bool is_worth_another_try(const struct pull *p, const struct err *err)
{
	return err->kind == ERR_NETWORK || err->kind == ERR_NOT_FOUND ||
	       cancel_from_outside(p->options->cancel);
}

static int fetch_and_put(const struct pull *p, struct err *err)
{
	CLEAN(plan_done) struct plan plan;

	plan_init(&plan, p->store, p->options->progress, p->options->cancel);
	for (size_t i = 0; i < p->parsed.n; i++)
		plan_add(&plan, &p->registry, &p->parsed.entries[i], p->image.diff_ids.v[i]);
	if (plan_lock(&plan, err) == 0 && plan_fetch(&plan, err) == 0 && put(p, err) == 0)
		return 0;
	if (!is_worth_another_try(p, err))
		plan_drop(&plan);
	return -1;
}

/*
 * Does the name stand for what it stands for in the registry? One that does not say so without sending
 * the manifest is asked for that.
 */
static bool is_current(struct pull *p)
{
	CLEAN(clean_free) char *canonical = reference_canonical(p->ref);
	CLEAN(image_record_done) struct image_record record = { 0 };
	CLEAN(clean_free) char *name = NULL;
	char digest[DIGEST_SIZE];

	if (!p->ref->tag || p->ref->digest ||
	    registry_manifest_digest(&p->registry, p->http, p->ref->tag, digest, NULL) < 0 ||
	    !*digest || image_find(p->store, canonical, NULL, &record, NULL) < 0)
		return false;
	name = xasprintf("%s@%s", p->name, digest);
	if (!strv_has(&record.digests, name))
		return false;
	snprintf(p->config.digest, sizeof(p->config.digest), "sha256:%s", record.id);
	snprintf(p->top.digest, sizeof(p->top.digest), "%s", digest);
	return true;
}

static int pull_from(struct pull *p, const struct source *source, const struct retry *retry,
		     struct err *err)
{
	int attempt = 0;
	const struct registry_options options = {
		.cancel = p->options->cancel,
		.retry = *retry,
	};

	if (registry_open(source, &options, &p->registry, err) < 0)
		return -1;
	p->http = registry_connect(&p->registry);
	if (p->options->newer && is_current(p))
		return 0;
	if (find_manifest(p, err) < 0 || find_config(p, err) < 0)
		return -1;
	for (;;) {
		struct err why = { 0 };

		if (fetch_and_put(p, &why) == 0) {
			remember_blobs(p);
			return 0;
		}
		if (why.kind != ERR_NOT_FOUND || ++attempt == PLANS) {
			*err = why;
			return -1;
		}
	}
}

/* What the last one said is said at the end; of those before, here. */
static void tell_failure(struct progress *progress, const struct source *source,
			 const struct err *why)
{
	progress_line(progress, "Warning: mirror %.200s/%.200s: %s", source->registry,
		      source->repository, why->text);
}

/*
 * From the first source that has it all. Layers that one of them had stay for the next. While there
 * is another source, it is the other attempt.
 */
static int pull_from_any(struct pull *p, struct err *err)
{
	const struct source_list *sources = p->options->sources;
	const struct retry none = { 0 };
	const struct pull fresh = *p;

	for (size_t i = 0;; i++) {
		const struct retry *retry = i + 1 == sources->n ? &p->options->retry : &none;
		struct err why = { 0 };

		if (pull_from(p, &sources->v[i], retry, &why) == 0)
			return 0;
		if (i + 1 == sources->n || cancel_from_outside(p->options->cancel)) {
			*err = why;
			return -1;
		}
		tell_failure(p->options->progress, &sources->v[i], &why);
		pull_done(p);
		*p = fresh;
	}
}

int pull(const struct store *s, const struct reference *ref, const struct pull_options *options,
	 struct pull_result *ret, struct err *err)
{
	CLEAN(clean_free) char *canonical = reference_canonical(ref);
	CLEAN(clean_pull)
	struct pull p = {
		.store = s,
		.ref = ref,
		.options = options,
		.name = reference_name(ref),
	};

	progress_line(options->progress, "Trying to pull %s...", canonical);
	if (pull_from_any(&p, err) < 0) {
		if (cancel_from_outside(options->cancel))
			cancel_err(err);
		return err_wrap(err, "cannot pull '%s'", canonical);
	}
	*ret = (struct pull_result){ .name = ptr_take(&canonical) };
	snprintf(ret->id, sizeof(ret->id), "%.64s", digest_hex(p.config.digest));
	snprintf(ret->digest, sizeof(ret->digest), "%s", p.top.digest);
	return 0;
}
