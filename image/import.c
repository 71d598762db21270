/*
 * Theory of operation
 *
 * What is fetched goes into a file of the stage first, without a name. The archive is decompressed,
 * and becomes a layer and an image (image/new_image.h).
 */
#include "image/import.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/decompress.h"
#include "image/http.h"
#include "image/new_image.h"

struct import {
	const struct store *store;
	const struct import_options *options;
	struct new_layer layer;
	struct decompress *source;
	int file; /* what was fetched */
	int64_t fetched;
};

static void clean_import(struct import *i)
{
	new_layer_done(&i->layer);
	decompress_free(i->source);
	clean_fd(&i->file);
}

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	return decompress_next(((struct import *)arg)->source, ret_data, ret_len, err);
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

	i->file = openat(i->layer.stage.dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (i->file < 0 || unlinkat(i->layer.stage.dir, name, 0) < 0)
		return err_sys(err, "cannot create '%s'", name);
	if (http_get(h, &request, &response, err) < 0)
		return -1;
	if (response.status < 200 || response.status > 299)
		return err_set(err, response.status == 404 ? ERR_NOT_FOUND : ERR_NETWORK,
			       "'%.200s' answers with status %ld", peer, response.status);
	return lseek(i->file, 0, SEEK_SET) < 0 ? err_sys(err, "cannot read what was fetched") : 0;
}

static int put_layer(struct import *i, struct err *err)
{
	if ((i->options->fd < 0 && fetch(i, err) < 0) ||
	    decompress_new(i->options->fd < 0 ? i->file : i->options->fd, i->options->cancel,
			   &i->source, err) < 0)
		return -1;
	return new_layer_unpack(&i->layer, next_piece, i, err) < 0 ? -1 :
								     new_layer_keep(&i->layer, err);
}

/* The configuration that we were given, with the layer in it. The caller frees *ret. */
static int make_config(const struct import *i, char **ret, struct err *err)
{
	CLEAN(clean_json) json_t *config = NULL;

	if (js_parse(i->options->config, strlen(i->options->config), &config, err) < 0)
		return -1;
	json_object_set_new(config, "rootfs",
			    json_pack("{s:s,s:[s]}", "type", "layers", "diff_ids",
				      i->layer.diff_id));
	*ret = js_dump(config);
	return 0;
}

int import(const struct store *s, const struct import_options *options, struct pull_result *ret,
	   struct err *err)
{
	CLEAN(clean_import) struct import i = { .store = s, .options = options, .file = -1 };
	CLEAN(clean_free) char *config = NULL;

	if (new_layer_init(&i.layer, s, options->cancel, err) < 0 || put_layer(&i, err) < 0 ||
	    make_config(&i, &config, err) < 0 ||
	    new_image_put(s, &i.layer, config, options->name, &manifest_types_oci, ret, err) < 0)
		return err_wrap(err, "cannot import");
	return 0;
}
