/*
 * Theory of operation
 *
 * What is fetched goes into a file of the stage first, without a name. The archive is decompressed,
 * hashed (its diff ID is not known before) and unpacked into a staged layer, as a pulled one is; then
 * the layer is locked, committed, and an image made of it whose manifest says that the layer is
 * uncompressed.
 */
#include "image/import.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/config.h"
#include "image/decompress.h"
#include "image/hash.h"
#include "image/http.h"
#include "image/manifest_make.h"
#include "image/skeleton.h"
#include "image/unpack.h"
#include "storage/image.h"
#include "storage/layer.h"

#define LOCK_POLL_MS 50

struct import {
	const struct store *store;
	const struct import_options *options;
	struct layer_stage stage;
	struct hash *hash;
	struct decompress *source;
	int file; /* what was fetched */
	int lock; /* the layer's */
	int64_t fetched;
	char diff_id[DIGEST_SIZE];
	int64_t size; /* of the stream */
};

static void clean_import(struct import *i)
{
	layer_stage_done(i->store, &i->stage);
	hash_free(i->hash);
	decompress_free(i->source);
	clean_fd(&i->file);
	clean_fd(&i->lock);
}

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct import *i = arg;
	int n = decompress_next(i->source, ret_data, ret_len, err);

	if (n > 0) {
		hash_add(i->hash, *ret_data, *ret_len);
		i->size += (int64_t)*ret_len;
	}
	return n;
}

static int keep(void *arg, const struct http_response *r, const void *data, size_t len,
		struct err *err)
{
	struct import *i = arg;

	(void)r;
	i->fetched += (int64_t)len;
	if (i->fetched > UNPACK_BYTES_MAX)
		return err_set(err, ERR_CORRUPT, "the answer has no end");
	return write_all(i->file, data, len, err);
}

/* The host, for messages: what is between "//" and the next "/". */
static char *peer_of(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return xstrndup(host, strcspn(host, "/"));
}

static int fetch(struct import *i, struct err *err)
{
	CLEAN(clean_free) char *peer = peer_of(i->options->url);
	const struct http_options options = {
		.peer = peer,
		.verify = true,
		.cancel = i->options->cancel,
	};
	CLEAN(clean_http) struct http *h = http_new(&options);
	CLEAN(http_response_done) struct http_response response = { 0 };
	const struct http_request request = { .url = i->options->url, .sink = keep, .arg = i };
	static const char name[] = "fetched";

	i->file = openat(i->stage.dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (i->file < 0 || unlinkat(i->stage.dir, name, 0) < 0)
		return err_sys(err, "cannot create '%s'", name);
	if (http_get(h, &request, &response, err) < 0)
		return -1;
	if (response.status < 200 || response.status > 299)
		return err_set(err, response.status == 404 ? ERR_NOT_FOUND : ERR_NETWORK,
			       "'%.200s' answers with status %ld", peer, response.status);
	return lseek(i->file, 0, SEEK_SET) < 0 ? err_sys(err, "cannot read what was fetched") : 0;
}

static int unpack_layer(struct import *i, int64_t *ret_bytes, struct err *err)
{
	CLEAN(clean_skeleton) struct skeleton *skeleton = NULL;
	struct unpack_options options = { .single_id = i->store->single_id };

	if (skeleton_new(i->stage.dir, &skeleton, err) < 0)
		return -1;
	options.skeleton = skeleton;
	if (unpack_tar(i->stage.fs, next_piece, i, &options, ret_bytes, err) < 0)
		return -1;
	return skeleton_finish(skeleton, err);
}

/* With an ear for Ctrl-C, which a blocking lock does not have. */
static int lock_layer(struct import *i, struct err *err)
{
	struct err why = { 0 };

	while (layer_lock(i->store, i->diff_id, false, &i->lock, &why) < 0) {
		if (why.kind != ERR_BUSY) {
			*err = why;
			return -1;
		}
		if (cancel_sleep(i->options->cancel, LOCK_POLL_MS))
			return cancel_err(err);
	}
	return 0;
}

static int put_layer(struct import *i, struct layer_info *ret, struct err *err)
{
	struct layer_info info = { 0 };

	if (layer_stage_new(i->store, &i->stage, err) < 0 ||
	    (i->options->fd < 0 && fetch(i, err) < 0) ||
	    decompress_new(i->options->fd < 0 ? i->file : i->options->fd, i->options->cancel,
			   &i->source, err) < 0 ||
	    unpack_layer(i, &info.diff_size, err) < 0)
		return -1;
	hash_digest(i->hash, i->diff_id);
	memcpy(info.digest, i->diff_id, sizeof(info.digest));
	info.size = i->size;
	if (cancel_wanted(i->options->cancel))
		return cancel_err(err);
	if (lock_layer(i, err) < 0 ||
	    layer_stage_commit(i->store, &i->stage, i->diff_id, &info, err) < 0)
		return -1;
	*ret = info;
	return 0;
}

/* The configuration that we were given, with the layer in it. The caller frees *ret. */
static int make_config(const struct import *i, char **ret, struct err *err)
{
	CLEAN(clean_json) json_t *config = NULL;

	if (js_parse(i->options->config, strlen(i->options->config), &config, err) < 0)
		return -1;
	json_object_set_new(config, "rootfs",
			    json_pack("{s:s,s:[s]}", "type", "layers", "diff_ids", i->diff_id));
	*ret = js_dump(config);
	return 0;
}

static int put_image(const struct import *i, const struct layer_info *info, struct pull_result *ret,
		     struct err *err)
{
	CLEAN(image_config_done) struct image_config parsed = { 0 };
	CLEAN(clean_free) char *config = NULL;
	CLEAN(clean_free) char *manifest = NULL;
	char config_digest[DIGEST_SIZE], manifest_digest[DIGEST_SIZE];
	struct image_new new = { .name = i->options->name, .size = info->diff_size };

	if (make_config(i, &config, err) < 0 ||
	    image_config_parse(config, strlen(config), &parsed, err) < 0)
		return -1;
	digest_of(config, strlen(config), config_digest);
	manifest = manifest_make(&manifest_types_oci, config_digest, strlen(config), &parsed.diff_ids,
				 &info->size);
	digest_of(manifest, strlen(manifest), manifest_digest);
	new.id = digest_hex(config_digest);
	new.config = config;
	new.config_len = strlen(config);
	new.manifest_digest = manifest_digest;
	new.manifest = manifest;
	new.manifest_len = strlen(manifest);
	new.layers = &parsed.diff_ids;
	new.created = parsed.created;
	if (image_put(i->store, &new, err) < 0)
		return -1;
	memcpy(ret->id, new.id, sizeof(ret->id));
	memcpy(ret->digest, manifest_digest, sizeof(ret->digest));
	ret->name = xstrdup(i->options->name ?: "");
	return 0;
}

int import(const struct store *s, const struct import_options *options, struct pull_result *ret,
	   struct err *err)
{
	CLEAN(clean_import)
	struct import i = {
		.store = s,
		.options = options,
		.stage = LAYER_STAGE_INIT,
		.hash = hash_new(),
		.file = -1,
		.lock = -1,
	};
	struct layer_info info;

	if (put_layer(&i, &info, err) < 0 || put_image(&i, &info, ret, err) < 0)
		return err_wrap(err, "cannot import");
	return 0;
}
