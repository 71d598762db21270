#include "image/new_image.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/config.h"
#include "image/skeleton.h"
#include "storage/image.h"

#define LOCK_POLL_MS 50

int new_layer_init(struct new_layer *l, const struct store *s, const struct cancel *cancel,
		   struct err *err)
{
	*l = (struct new_layer){
		.store = s,
		.cancel = cancel,
		.stage = LAYER_STAGE_INIT,
		.lock = -1,
		.hash = hash_new(),
	};
	return layer_stage_new(s, &l->stage, err);
}

void new_layer_done(struct new_layer *l)
{
	CLEAN(strv_done) struct strv layers = { 0 };

	clean_fd(&l->lock);
	if (l->kept) {
		strv_add(&layers, l->diff_id);
		layers_drop(l->store, &layers);
	}
	layer_stage_done(l->store, &l->stage);
	hash_free(l->hash);
}

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct new_layer *l = arg;
	int n = l->source(l->arg, ret_data, ret_len, err);

	if (n > 0) {
		hash_add(l->hash, *ret_data, *ret_len);
		l->size += (int64_t)*ret_len;
	}
	return n;
}

int new_layer_unpack(struct new_layer *l, unpack_source *source, void *arg, struct err *err)
{
	CLEAN(clean_skeleton) struct skeleton *skeleton = NULL;
	struct unpack_options options = { .single_id = l->store->single_id };

	l->source = source;
	l->arg = arg;
	if (skeleton_new(l->stage.dir, &skeleton, err) < 0)
		return -1;
	options.skeleton = skeleton;
	if (unpack_tar(l->stage.fs, next_piece, l, &options, &l->info.diff_size, err) < 0 ||
	    skeleton_finish(skeleton, err) < 0)
		return -1;
	hash_digest(l->hash, l->diff_id);
	memcpy(l->info.digest, l->diff_id, sizeof(l->info.digest));
	l->info.size = l->size;
	return 0;
}

/* With an ear for Ctrl-C, which a blocking lock does not have. */
static int lock_layer(struct new_layer *l, struct err *err)
{
	struct err why = { 0 };

	while (layer_lock(l->store, l->diff_id, false, &l->lock, &why) < 0) {
		if (why.kind != ERR_BUSY) {
			*err = why;
			return -1;
		}
		if (cancel_sleep(l->cancel, LOCK_POLL_MS))
			return cancel_err(err);
	}
	return 0;
}

int new_layer_keep(struct new_layer *l, struct err *err)
{
	if (cancel_wanted(l->cancel))
		return cancel_err(err);
	if (lock_layer(l, err) < 0)
		return -1;
	l->kept = !layer_exists(l->store, l->diff_id);
	return layer_stage_commit(l->store, &l->stage, l->diff_id, &l->info, err);
}

/* Of each layer the length of its stream, and of all what they hold. */
static int64_t measure(const struct store *s, const struct strv *diff_ids, int64_t *sizes)
{
	int64_t sum = 0;

	for (size_t i = 0; i < diff_ids->n; i++) {
		struct layer_info info = { 0 };

		layer_read_info(s, diff_ids->v[i], &info, NULL);
		sum += info.diff_size;
		/* A layer that is older than skeletons can't leave the store again anyway. */
		if (skeleton_size(s, diff_ids->v[i], &sizes[i], NULL) < 0)
			sizes[i] = info.diff_size;
	}
	return sum;
}

int new_image_put(const struct store *s, struct new_layer *l, const char *config, const char *name,
		  const struct manifest_types *types, struct pull_result *ret, struct err *err)
{
	CLEAN(image_config_done) struct image_config parsed = { 0 };
	CLEAN(clean_free) int64_t *sizes = NULL;
	CLEAN(clean_free) char *manifest = NULL;
	char config_digest[DIGEST_SIZE], manifest_digest[DIGEST_SIZE];
	struct image_new new = { .name = name };

	if (image_config_parse(config, strlen(config), &parsed, err) < 0)
		return -1;
	sizes = xcalloc(parsed.diff_ids.n + 1, sizeof(*sizes));
	new.size = measure(s, &parsed.diff_ids, sizes);
	digest_of(config, strlen(config), config_digest);
	manifest = manifest_make(types, config_digest, strlen(config), &parsed.diff_ids, sizes);
	digest_of(manifest, strlen(manifest), manifest_digest);
	new.id = digest_hex(config_digest);
	new.config = config;
	new.config_len = strlen(config);
	new.manifest_digest = manifest_digest;
	new.manifest = manifest;
	new.manifest_len = strlen(manifest);
	new.layers = &parsed.diff_ids;
	new.created = parsed.created;
	if (image_put(s, &new, err) < 0)
		return -1;
	if (l)
		l->kept = false;
	memcpy(ret->id, new.id, sizeof(ret->id));
	memcpy(ret->digest, manifest_digest, sizeof(ret->digest));
	ret->name = xstrdup(name ?: "");
	return 0;
}

static bool is_used(const struct image_record *list, size_t n, const char *diff_id)
{
	for (size_t i = 0; i < n; i++)
		if (strv_has(&list[i].layers, diff_id))
			return true;
	return false;
}

void layers_drop(const struct store *s, const struct strv *diff_ids)
{
	struct image_record *list = NULL;
	CLEAN(clean_fd) int lock = -1;
	size_t n = 0;

	if (!diff_ids->n || image_lock(s, true, &lock, NULL) < 0 ||
	    image_list(s, &list, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < diff_ids->n; i++)
		if (!is_used(list, n, diff_ids->v[i]))
			layer_remove(s, diff_ids->v[i], NULL);
	image_list_done(list, n);
	store_sweep(s, NULL, NULL);
}
