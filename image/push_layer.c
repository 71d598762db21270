/*
 * Theory of operation
 *
 * Two threads work on a layer, with two buffers between them and no file:
 *
 *   make	skeleton and tree -> SHA-256 of the diff -> deflate -> SHA-256 of the blob -> ring
 *   send	ring -> socket
 *
 * A blob that fits into one buffer is known by its digest before it is sent, and goes in one piece.
 * A larger one goes in chunks, a buffer each, and is named at its end: only then does the registry
 * take it, and only then is known that what was rebuilt is the layer. A chunk that breaks off is
 * sent again from its buffer. Where the registry has forgotten the upload, all is done anew.
 */
#include "image/push_layer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "image/deflate.h"
#include "image/hash.h"
#include "image/ring.h"
#include "image/skeleton.h"
#include "image/upload.h"

#define BUFFERS 2
#define CHUNK	(8u << 20) /* more than any registry wants at least: 5 MiB, of those on S3 */

struct making {
	const struct push_layer *layer;
	struct ring *ring;
	struct deflate *deflate;
	struct hash *hash;
	struct layer_blob blob; /* valid once the last buffer is there */
	int result;
	struct err err;
};

static void clean_making(struct making *m)
{
	ring_free(m->ring);
	deflate_free(m->deflate);
	hash_free(m->hash);
}

/* Into the ring; last: to the end of what the compressor has kept. */
static int squeeze(struct making *m, const void *data, size_t len, bool last, struct err *err)
{
	struct deflate_io io = { .in = data, .in_len = len };
	bool done = false;

	while (io.in_len || (last && !done)) {
		size_t room;
		char *space = ring_space(m->ring, &room);

		if (!space)
			return err_set(err, ERR_NONE, "the upload broke off");
		io.out = space;
		io.out_len = room;
		if (deflate_run(m->deflate, &io, last, &done, err) < 0)
			return -1;
		hash_add(m->hash, space, room - io.out_len);
		m->blob.size += (int64_t)(room - io.out_len);
		if (last && done)
			hash_digest(m->hash, m->blob.digest);
		ring_filled(m->ring, room - io.out_len);
	}
	return 0;
}

static int on_stream(void *arg, const void *data, size_t len, struct err *err)
{
	struct making *m = arg;

	progress_count(m->layer->progress, (int64_t)len);
	return squeeze(m, data, len, false, err);
}

static void *make_thread(void *arg)
{
	struct making *m = arg;
	const struct push_layer *l = m->layer;

	m->result = skeleton_replay(l->store, l->diff_id, on_stream, m, &m->err);
	if (m->result == 0)
		m->result = squeeze(m, NULL, 0, true, &m->err);
	if (m->result < 0)
		ring_abort(m->ring);
	else
		ring_finish(m->ring);
	return NULL;
}

/* Of kind NONE is the error where making failed, which says why. */
static int take(struct making *m, const void **data, size_t *len, struct err *err)
{
	int n = ring_take(m->ring, 0, data, len);

	return n < 0 ? err_set(err, ERR_NONE, "the layer broke off") : n;
}

static int send_all(struct making *m, struct upload *u, struct err *err)
{
	const void *data;
	size_t len;
	int n = take(m, &data, &len, err);

	/* A buffer that is not full is the last. */
	if (n > 0 && len < CHUNK)
		return upload_finish(u, m->blob.digest, data, len, err);
	while (n > 0) {
		if (upload_chunk(u, data, len, err) < 0)
			return -1;
		n = take(m, &data, &len, err);
	}
	return n < 0 ? -1 : upload_finish(u, m->blob.digest, NULL, 0, err);
}

/* Once through. *ret_lost: it is worth beginning anew. */
static int attempt(const struct push_layer *l, struct http *h, const char *what,
		   struct layer_blob *ret, bool *ret_lost, struct err *err)
{
	CLEAN(clean_making)
	struct making m = { .layer = l, .blob.compression = l->compression };
	CLEAN(upload_done) struct upload u = { 0 };
	pthread_t maker;
	int result;

	if (upload_begin(l->registry, h, what, &u, err) < 0)
		return -1;
	m.ring = ring_new(BUFFERS, CHUNK, 1);
	m.deflate = deflate_new(l->compression);
	m.hash = hash_new();
	if (pthread_create(&maker, NULL, make_thread, &m) != 0)
		return err_set(err, ERR_SYSTEM, "cannot start a thread");
	progress_start(l->progress);
	result = send_all(&m, &u, err);
	if (result < 0)
		ring_abort(m.ring);
	pthread_join(maker, NULL);
	*ret_lost = u.lost;
	if (result == 0)
		*ret = m.blob;
	else if (!err->kind)
		*err = m.err;
	return result;
}

int push_layer(const struct push_layer *l, struct http *h, struct layer_blob *ret, struct err *err)
{
	CLEAN(clean_free) char *what = xasprintf("layer %.19s", l->diff_id);

	for (int n = 1;; n++) {
		struct err why = { 0 };
		bool lost = false;

		if (attempt(l, h, what, ret, &lost, &why) == 0)
			return 0;
		if (!lost || n == UPLOAD_ATTEMPTS) {
			*err = why;
			return -1;
		}
	}
}
