/*
 * Theory of operation
 *
 *   find_manifest   the tag's manifest: one request, two where the tag stands for an index. What the
 *		     store has already is read from there, by digest, and needs no request.
 *   find_config     the configuration, whose digest is the image's ID; its diff IDs name the layers.
 *   plan	     which layers are missing.
 *   lock_layers     each missing layer is locked, in the order of the diff IDs, so that two pulls can
 *		     never wait for each other. Who waited finds the layer there, and has nothing to do.
 *   fetch_layers    several threads, the largest layers first (what is small fills the gaps at the end).
 *   put	     the image and its name, once every layer is in place; only then are the locks let go.
 *
 * Layers that are there already need no lock: image_put looks, under the lock that removers hold,
 * whether all of them still are. Where one has gone meanwhile, everything from plan on is done again.
 */
#include "image/pull.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "image/config.h"
#include "image/fetch.h"
#include "image/hash.h"
#include "image/manifest.h"
#include "image/registry.h"
#include "storage/image.h"
#include "storage/layer.h"

#define NESTED_INDEXES 3
#define PARALLEL 4 /* layers at a time */
#define LOCK_POLL_MS 50
#define PLANS 3 /* how often layers may vanish under us before we give up */

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

static void clean_pull(struct pull *p)
{
	http_free(p->http);
	registry_done(&p->registry);
	free(p->name);
	document_done(&p->top);
	document_done(&p->manifest);
	document_done(&p->config);
	manifest_done(&p->parsed);
	image_config_done(&p->image);
}

/* A manifest that an image in the store has. */
static bool stored_manifest(const struct pull *p, const char *digest, struct document *ret)
{
	CLEAN(clean_free) char *name = xasprintf("%s@%s", p->name, digest);
	CLEAN(image_record_done) struct image_record record = { 0 };
	CLEAN(document_done) struct document d = { 0 };

	if (image_find(p->store, name, NULL, &record, NULL) < 0 ||
	    image_read_manifest(p->store, record.id, &d.body, NULL) < 0)
		return false;
	digest_of(buf_str(&d.body), d.body.len, d.digest);
	if (!streq(d.digest, digest))
		return false;
	*ret = d;
	d = (struct document){ 0 };
	return true;
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
	digest_of(buf_str(&d.body), d.body.len, d.digest);
	if (!streq(d.digest, digest))
		return false;
	*ret = d;
	d = (struct document){ 0 };
	return true;
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
		return err_set(err, ERR_NOT_FOUND, "no image found for platform %s, only for %s", wanted,
			       had);
	CLEAN(clean_free) char *safe = str_printable(had);

	progress_line(&p->options->progress,
		      "Warning: the image is for %s, and this machine is %s", safe, wanted);
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

struct job {
	struct fetch fetch;
	int lock;
	bool needed; /* still missing when it was locked */
};

struct plan {
	const struct pull *pull;
	struct job *jobs;
	size_t n;
	atomic_size_t next;
	pthread_mutex_t mutex; /* guards the two below */
	bool failed;
	struct err err;
};

static void clean_plan(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		clean_fd(&plan->jobs[i].lock);
	free(plan->jobs);
	pthread_mutex_destroy(&plan->mutex);
}

static bool is_planned(const struct plan *plan, const char *diff_id)
{
	for (size_t i = 0; i < plan->n; i++)
		if (streq(plan->jobs[i].fetch.diff_id, diff_id))
			return true;
	return false;
}

static void make_plan(const struct pull *p, struct plan *plan)
{
	plan->pull = p;
	plan->jobs = xcalloc(p->parsed.n, sizeof(*plan->jobs));
	pthread_mutex_init(&plan->mutex, NULL);
	for (size_t i = 0; i < p->parsed.n; i++) {
		const char *diff_id = p->image.diff_ids.v[i];

		if (layer_exists(p->store, diff_id) || is_planned(plan, diff_id))
			continue;
		plan->jobs[plan->n++] = (struct job){
			.fetch = { p->store, &p->registry, &p->parsed.entries[i], diff_id },
			.lock = -1,
		};
	}
}

static int by_diff_id(const void *a, const void *b)
{
	return strcmp(((const struct job *)a)->fetch.diff_id, ((const struct job *)b)->fetch.diff_id);
}

static int largest_first(const void *a, const void *b)
{
	int64_t x = ((const struct job *)a)->fetch.blob->size;
	int64_t y = ((const struct job *)b)->fetch.blob->size;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Waits with an ear for Ctrl-C, which a blocking lock does not have. */
static int lock_layer(const struct pull *p, struct job *job, struct err *err)
{
	const char *diff_id = job->fetch.diff_id;
	struct err why = { 0 };
	bool told = false;

	while (layer_lock(p->store, diff_id, false, &job->lock, &why) < 0) {
		if (why.kind != ERR_BUSY) {
			*err = why;
			return -1;
		}
		if (!told)
			progress_line(&p->options->progress,
				      "Waiting for another pull of layer %.12s", digest_hex(diff_id));
		told = true;
		if (cancel_sleep(p->options->cancel, LOCK_POLL_MS))
			return cancel_err(err);
	}
	job->needed = !layer_exists(p->store, diff_id);
	return 0;
}

static int lock_layers(struct plan *plan, struct err *err)
{
	qsort(plan->jobs, plan->n, sizeof(*plan->jobs), by_diff_id);
	for (size_t i = 0; i < plan->n; i++)
		if (lock_layer(plan->pull, &plan->jobs[i], err) < 0)
			return -1;
	return 0;
}

/* The first failure is the one to tell of; the others are told to stop, and fail for that. */
static void fail(struct plan *plan, const struct err *err)
{
	pthread_mutex_lock(&plan->mutex);
	if (!plan->failed)
		plan->err = *err;
	plan->failed = true;
	pthread_mutex_unlock(&plan->mutex);
	cancel_now(plan->pull->options->cancel);
}

static void *worker(void *arg)
{
	struct plan *plan = arg;
	const struct pull *p = plan->pull;
	CLEAN(clean_http) struct http *h = registry_connect(&p->registry);
	struct layer_info info;
	struct err err = { 0 };
	size_t i;

	while ((i = atomic_fetch_add(&plan->next, 1)) < plan->n) {
		const struct job *job = &plan->jobs[i];

		if (job->needed && fetch_layer(&job->fetch, h, &info, &err) < 0) {
			fail(plan, &err);
			return NULL;
		}
		progress_line(&p->options->progress, "Copying blob %.12s %s",
			      digest_hex(job->fetch.blob->digest),
			      job->needed ? "done" : "skipped: already there");
	}
	return NULL;
}

static int fetch_layers(struct plan *plan, struct err *err)
{
	pthread_t threads[PARALLEL];
	size_t started = 0, want = plan->n < PARALLEL ? plan->n : PARALLEL;

	if (plan->n)
		qsort(plan->jobs, plan->n, sizeof(*plan->jobs), largest_first);
	while (started < want && pthread_create(&threads[started], NULL, worker, plan) == 0)
		started++;
	if (want && !started)
		return err_set(err, ERR_SYSTEM, "cannot start a thread");
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (plan->failed) {
		*err = plan->err;
		return -1;
	}
	return cancel_wanted(plan->pull->options->cancel) ? cancel_err(err) : 0;
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

static int fetch_and_put(const struct pull *p, struct err *err)
{
	CLEAN(clean_plan) struct plan plan = { 0 };

	make_plan(p, &plan);
	if (lock_layers(&plan, err) < 0 || fetch_layers(&plan, err) < 0)
		return -1;
	return put(p, err);
}

static int pull_from(struct pull *p, struct err *err)
{
	int attempt = 0;

	if (registry_open(p->ref, p->options->tls_verify, p->options->cancel, &p->registry, err) < 0)
		return -1;
	p->http = registry_connect(&p->registry);
	if (find_manifest(p, err) < 0 || find_config(p, err) < 0)
		return -1;
	for (;;) {
		struct err why = { 0 };

		if (fetch_and_put(p, &why) == 0)
			return 0;
		if (why.kind != ERR_NOT_FOUND || ++attempt == PLANS) {
			*err = why;
			return -1;
		}
	}
}

int pull(const struct store *s, const struct reference *ref, const struct pull_options *options,
	 struct pull_result *ret, struct err *err)
{
	CLEAN(clean_free) char *canonical = reference_canonical(ref);
	CLEAN(clean_pull) struct pull p = {
		.store = s,
		.ref = ref,
		.options = options,
		.name = reference_name(ref),
	};

	progress_line(&options->progress, "Trying to pull %s...", canonical);
	if (pull_from(&p, err) < 0)
		return err_wrap(err, "cannot pull '%s'", canonical);
	*ret = (struct pull_result){ .name = ptr_take(&canonical) };
	snprintf(ret->id, sizeof(ret->id), "%.64s", digest_hex(p.config.digest));
	snprintf(ret->digest, sizeof(ret->digest), "%s", p.top.digest);
	return 0;
}
