#include "image/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/bundle.h"
#include "image/config.h"
#include "image/hash.h"
#include "image/layer_file.h"
#include "image/manifest_make.h"
#include "image/new_image.h"
#include "image/skeleton.h"
#include "image/unpack.h"
#include "storage/image.h"
#include "storage/layer.h"

#define CHUNK	     (256u << 10)
#define LOCK_POLL_MS 100

struct load {
	const struct store *store;
	const struct load_options *options;
	int dir; /* of the bundle */
};

/* The archive as it comes, to be decompressed by the parser. */
struct raw {
	int fd;
	const struct cancel *cancel;
	char *buffer;
};

static int next_raw(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct raw *r = arg;
	ssize_t n;

	if (cancel_wanted(r->cancel))
		return cancel_err(err);
	do
		n = read(r->fd, r->buffer, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot read the archive");
	*ret_data = r->buffer;
	*ret_len = (size_t)n;
	return n > 0;
}

static int unpack_archive(const struct load_options *o, int dir, struct err *err)
{
	CLEAN(clean_free) char *buffer = xmalloc(CHUNK);
	struct raw raw = { .fd = o->fd, .cancel = o->cancel, .buffer = buffer };
	/* Owners and such are of no interest: what is in it is read by us alone. */
	const struct unpack_options options = { .single_id = true, .compressed = true };
	int64_t bytes;

	return unpack_tar(dir, next_raw, &raw, &options, &bytes, err);
}

/* The locks on an image's layers, until the image refers to them. */
struct locks {
	int *v;
	size_t n;
};

static void clean_locks(struct locks *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->v[i]);
	free(l->v);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of the diff IDs, so that two of us never wait for each other. */
static int lock_layers(const struct load *l, const struct strv *diff_ids, struct locks *ret,
		       struct err *err)
{
	CLEAN(strv_done) struct strv sorted = { 0 };

	for (size_t i = 0; i < diff_ids->n; i++)
		if (!strv_has(&sorted, diff_ids->v[i]) && !layer_exists(l->store, diff_ids->v[i]))
			strv_add(&sorted, diff_ids->v[i]);
	if (sorted.n)
		qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_text);
	ret->v = xcalloc(sorted.n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < sorted.n; i++) {
		struct err why = { 0 };

		while (layer_lock(l->store, sorted.v[i], false, &ret->v[ret->n], &why) < 0) {
			if (why.kind != ERR_BUSY) {
				*err = why;
				return -1;
			}
			if (cancel_sleep(l->options->cancel, LOCK_POLL_MS))
				return cancel_err(err);
		}
		ret->n++;
	}
	return 0;
}

static int load_layers(const struct load *l, const struct bundle_image *image,
		       const struct strv *diff_ids, struct strv *ret_new, struct err *err)
{
	for (size_t i = 0; i < diff_ids->n; i++) {
		CLEAN(clean_fd) int fd = -1;

		if (layer_exists(l->store, diff_ids->v[i]))
			continue;
		if (bundle_open(l->dir, image->layers.v[i], &fd, err) < 0 ||
		    layer_from_file(l->store, fd, diff_ids->v[i], l->options->cancel, err) < 0)
			return -1;
		strv_add(ret_new, diff_ids->v[i]);
	}
	return 0;
}

static int64_t layers_size(const struct load *l, const struct strv *diff_ids)
{
	struct layer_info info;
	int64_t sum = 0;

	for (size_t i = 0; i < diff_ids->n; i++)
		if (layer_read_info(l->store, diff_ids->v[i], &info, NULL) == 0)
			sum += info.diff_size;
	return sum;
}

/* A docker archive has no manifest: it gets the one that it would have in a registry. */
static int complete(const struct load *l, struct bundle_image *image, const char *config_digest,
		    const struct strv *diff_ids, struct err *err)
{
	CLEAN(clean_free) int64_t *sizes = xcalloc(diff_ids->n + 1, sizeof(*sizes));
	CLEAN(clean_free) char *text = NULL;

	if (image->manifest.len)
		return 0;
	for (size_t i = 0; i < diff_ids->n; i++)
		if (skeleton_size(l->store, diff_ids->v[i], &sizes[i], err) < 0)
			return -1;
	text = manifest_make(&manifest_types_docker, config_digest, image->config.len, diff_ids,
			     sizes);
	buf_adds(&image->manifest, text);
	return 0;
}

static int put(const struct load *l, const struct bundle_image *image, const char *config_digest,
	       const struct image_config *config, struct err *err)
{
	char manifest_digest[DIGEST_SIZE];
	const struct image_new new = {
		.id = digest_hex(config_digest),
		.config = buf_str(&image->config),
		.config_len = image->config.len,
		.manifest_digest = manifest_digest,
		.manifest = buf_str(&image->manifest),
		.manifest_len = image->manifest.len,
		.layers = &config->diff_ids,
		.created = config->created,
		.size = layers_size(l, &config->diff_ids),
	};

	digest_of(buf_str(&image->manifest), image->manifest.len, manifest_digest);
	for (size_t i = 0; i < image->names.n || i == 0; i++) {
		struct image_new named = new;

		named.name = image->names.n ? image->names.v[i] : NULL;
		if (image_put(l->store, &named, err) < 0)
			return -1;
	}
	return 0;
}

static int load_locked(const struct load *l, struct bundle_image *image, struct strv *ret_new,
		       char ret_digest[DIGEST_SIZE], struct err *err)
{
	CLEAN(image_config_done) struct image_config config = { 0 };
	CLEAN(clean_locks) struct locks locks = { 0 };

	if (image_config_parse(buf_str(&image->config), image->config.len, &config, err) < 0)
		return -1;
	if (config.diff_ids.n != image->layers.n)
		return err_set(err, ERR_CORRUPT, "it has %zu layers, and its configuration has %zu",
			       image->layers.n, config.diff_ids.n);
	digest_of(buf_str(&image->config), image->config.len, ret_digest);
	if (lock_layers(l, &config.diff_ids, &locks, err) < 0 ||
	    load_layers(l, image, &config.diff_ids, ret_new, err) < 0 ||
	    complete(l, image, ret_digest, &config.diff_ids, err) < 0)
		return -1;
	return put(l, image, ret_digest, &config, err);
}

static int load_image(const struct load *l, struct bundle_image *image, struct strv *ret,
		      struct err *err)
{
	CLEAN(strv_done) struct strv new = { 0 };
	char digest[DIGEST_SIZE];

	if (load_locked(l, image, &new, digest, err) < 0) {
		layers_drop(l->store, &new);
		return -1;
	}
	for (size_t i = 0; i < image->names.n; i++)
		strv_addf(ret, "%s %s", digest_hex(digest), image->names.v[i]);
	if (!image->names.n)
		strv_addf(ret, "%s %s", digest_hex(digest), digest);
	return 0;
}

static bool is_wanted(const struct load *l, const struct bundle_image *image, size_t number)
{
	const char *only = l->options->only;
	CLEAN(clean_free) char *index = xasprintf("@%zu", number);

	return streq(only, index) || strv_has(&image->labels, only) ||
	       (l->options->name && strv_has(&image->names, l->options->name));
}

static int load_one(const struct load *l, struct bundle *b, struct strv *ret, struct err *err)
{
	CLEAN(clean_free) char *safe = str_printable(l->options->only);
	size_t i = 0;

	while (i < b->n && !is_wanted(l, &b->v[i], i))
		i++;
	if (i == b->n)
		return err_set(err, ERR_NOT_FOUND, "no image found in it for reference '%.200s'",
			       safe);
	strv_done(&b->v[i].names);
	b->v[i].names = (struct strv){ 0 };
	if (l->options->name)
		strv_add(&b->v[i].names, l->options->name);
	return load_image(l, &b->v[i], ret, err);
}

static int load_bundle(struct load *l, struct strv *ret, struct err *err)
{
	CLEAN(bundle_done) struct bundle bundle = { 0 };

	if (bundle_read(l->dir, &bundle, err) < 0)
		return -1;
	if (l->options->only)
		return load_one(l, &bundle, ret, err);
	for (size_t i = 0; i < bundle.n; i++)
		if (load_image(l, &bundle.v[i], ret, err) < 0)
			return -1;
	return 0;
}

static int load_archive(struct load *l, struct strv *ret, struct err *err)
{
	CLEAN(clean_fd) int lock = -1;
	CLEAN(clean_fd) int dir = -1;
	char name[STAGE_NAME_MAX];
	int result;

	if (store_stage(l->store, name, &dir, &lock, err) < 0)
		return -1;
	l->dir = dir;
	result = unpack_archive(l->options, dir, err);
	if (result == 0)
		result = load_bundle(l, ret, err);
	store_unstage(l->store, name);
	return result;
}

int load(const struct store *s, const struct load_options *options, struct strv *ret,
	 struct err *err)
{
	struct load l = { .store = s, .options = options, .dir = options->fd };
	int result = options->directory ? load_bundle(&l, ret, err) : load_archive(&l, ret, err);

	return result < 0 ? err_wrap(err, "cannot load") : 0;
}
