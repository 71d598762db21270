/*
 * Theory of operation
 *
 * Three threads work on a layer, with a ring of buffers between them and no file:
 *
 *   download	socket -> SHA-256 of the blob -> inflate -> ring
 *   hash	ring -> SHA-256 of the diff
 *   unpack	ring -> tar -> files
 *
 * Download and unpack cost about the same, and hash the third of one of them, so that one large
 * layer, which is what is left at the end of many a pull, keeps both cores of a small machine busy.
 * A slow disk holds the network back through the ring, not through memory.
 *
 * What the tree does not hold of the stream is kept beside it (image/skeleton.h).
 *
 * Both digests are compared before the layer is committed. The blob's comes first: a registry or a
 * disk that flips a bit makes a broken gzip stream or tar archive too, and "wrong digest" is the
 * truth about it. So where unpacking finds something wrong, the download goes on to its end, to
 * know. Where the digest turns out right, what unpacking said stands.
 *
 * A connection that breaks is made anew, and asks for the bytes from where it was: neither digests
 * nor unpacking notice (image/registry.h).
 */
#include "image/fetch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "image/cancel.h"
#include "image/hash.h"
#include "image/inflate.h"
#include "image/ring.h"
#include "image/unpack.h"
#include "storage/known_blob.h"

#define RING_BUFFERS	 8
#define RING_BUFFER_SIZE (256u << 10)

enum { READER_UNPACK, READER_HASH, READERS };

struct pipeline {
	const struct fetch *fetch;
	struct ring *ring;
	/* The download's. */
	struct hash *blob_hash;
	struct inflate *inflate;
	bool hash_only; /* what comes is wrong already: is the digest, too? */
	struct err inflate_err;
	/* The unpacker's. */
	int root;
	struct skeleton *skeleton;
	int64_t bytes;
	int unpacked; /* 0 or -1 */
	struct err unpack_err;
	/* The hasher's. */
	struct hash *diff_hash;
};

static void clean_pipeline(struct pipeline *p)
{
	ring_free(p->ring);
	hash_free(p->blob_hash);
	hash_free(p->diff_hash);
	inflate_free(p->inflate);
	skeleton_free(p->skeleton);
}

/* Inflates into the ring. -1 where the stream is wrong (inflate_err), or the unpacker gave up. */
static int push(struct pipeline *p, const void *data, size_t len)
{
	struct inflate_io io = { .in = data, .in_len = len };
	bool more = true;

	/* A full buffer may leave output within the decompressor: until nothing moves any more. */
	while (more) {
		size_t in = io.in_len, room;

		io.out = (unsigned char *)ring_space(p->ring, &room);
		io.out_len = room;
		if (!io.out || inflate_run(p->inflate, &io, &p->inflate_err) < 0)
			return -1;
		ring_filled(p->ring, room - io.out_len);
		more = io.out_len < room || io.in_len < in;
	}
	return 0;
}

/* Bytes that are wrong are worth looking at to their end, for their digest; a full disk is not. */
static int on_blob(void *arg, const void *data, size_t len, struct err *err)
{
	struct pipeline *p = arg;

	hash_add(p->blob_hash, data, len);
	progress_count(p->fetch->progress, (int64_t)len);
	if (p->hash_only || push(p, data, len) == 0)
		return 0;
	p->hash_only = true;
	if (p->inflate_err.kind)
		ring_abort(p->ring);
	else if (p->unpack_err.kind != ERR_CORRUPT)
		return err_set(err, ERR_NONE, "unpacking failed");
	return 0;
}

static int read_ring(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct pipeline *p = arg;
	int n = ring_take(p->ring, READER_UNPACK, ret_data, ret_len);

	return n < 0 ? err_set(err, ERR_NONE, "the download broke off") : n;
}

static void *unpack_thread(void *arg)
{
	struct pipeline *p = arg;
	const struct unpack_options options = {
		.single_id = p->fetch->store->single_id,
		.skeleton = p->skeleton,
		.packed = p->fetch->blob->size,
	};

	p->unpacked = unpack_tar(p->root, read_ring, p, &options, &p->bytes, &p->unpack_err);
	if (p->unpacked == 0)
		p->unpacked = skeleton_finish(p->skeleton, &p->unpack_err);
	if (p->unpacked < 0)
		ring_abort(p->ring);
	return NULL;
}

/* Where it is cut short, so is what would be compared with it. */
static void *hash_thread(void *arg)
{
	struct pipeline *p = arg;
	const void *data;
	size_t len;

	while (ring_take(p->ring, READER_HASH, &data, &len) > 0)
		hash_add(p->diff_hash, data, len);
	return NULL;
}

/* Those that read the ring. On failure none of them runs. */
static int start_readers(struct pipeline *p, pthread_t threads[READERS], struct err *err)
{
	static void *(*const run[READERS])(void *) = { unpack_thread, hash_thread };

	for (int i = 0; i < READERS; i++) {
		if (pthread_create(&threads[i], NULL, run[i], p) == 0)
			continue;
		ring_abort(p->ring);
		while (i-- > 0)
			pthread_join(threads[i], NULL);
		return err_set(err, ERR_SYSTEM, "cannot start a thread");
	}
	return 0;
}

/* Runs them all. Of kind NONE is the error of a download that unpacking put an end to. */
static int run(struct pipeline *p, struct http *h, struct err *err)
{
	const struct fetch *f = p->fetch;
	int64_t offset = 0;
	pthread_t readers[READERS];
	int result;

	if (start_readers(p, readers, err) < 0)
		return -1;
	result = registry_blob(f->registry, h, f->blob->digest, f->blob->size, &offset, on_blob, p,
			       err);
	if (result == 0 && !p->hash_only)
		inflate_end(p->inflate, &p->inflate_err);
	if (result < 0 || p->inflate_err.kind)
		ring_abort(p->ring);
	else
		ring_finish(p->ring);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	return result;
}

static int give_err(const struct err *why, struct err *err)
{
	if (err)
		*err = *why;
	return -1;
}

static int layer_err(const struct fetch *f, const struct err *why, struct err *err)
{
	give_err(why, err);
	return err_wrap(err, "layer %.19s", f->blob->digest);
}

/* In the order in which one explains the other. */
static int verify(struct pipeline *p, struct err *err)
{
	const struct fetch *f = p->fetch;
	char digest[DIGEST_SIZE];

	hash_digest(p->blob_hash, digest);
	if (!streq(digest, f->blob->digest))
		return err_set(err, ERR_CORRUPT,
			       "registry '%.120s': layer %.19s: wrong digest, what came is %.19s…",
			       f->registry->name, f->blob->digest, digest);
	if (p->inflate_err.kind)
		return layer_err(f, &p->inflate_err, err);
	if (p->unpacked < 0)
		return layer_err(f, &p->unpack_err, err);
	hash_digest(p->diff_hash, digest);
	if (!streq(digest, f->diff_id))
		return err_set(err, ERR_CORRUPT,
			       "layer %.19s: wrong diff ID, unpacked it is %.19s… and not %.19s…",
			       f->blob->digest, digest, f->diff_id);
	return 0;
}

/* A stage that removes itself, unless it was committed. */
struct staging {
	const struct store *store;
	struct layer_stage stage;
};

static void clean_staging(struct staging *s)
{
	layer_stage_done(s->store, &s->stage);
}

/* So that a push can name it again. */
static void remember(const struct pipeline *p)
{
	const struct fetch *f = p->fetch;
	struct known_blob blob = {
		.size = f->blob->size,
		.compression = (char *)inflate_found(p->inflate),
		.verified = true,
	};

	snprintf(blob.digest, sizeof(blob.digest), "%s", f->blob->digest);
	known_blobs_add(f->store, f->diff_id, &blob, NULL);
}

int fetch_layer(const struct fetch *f, struct http *h, struct layer_info *ret, struct err *err)
{
	CLEAN(clean_staging)
	struct staging s = { .store = f->store, .stage = LAYER_STAGE_INIT };
	CLEAN(clean_pipeline) struct pipeline p = { .fetch = f };
	struct layer_info info = { .size = f->blob->size };
	struct err why = { 0 };

	if (layer_stage_new(f->store, &s.stage, err) < 0 ||
	    skeleton_new(s.stage.dir, &p.skeleton, err) < 0)
		return -1;
	p.ring = ring_new(RING_BUFFERS, RING_BUFFER_SIZE, READERS);
	p.blob_hash = hash_new();
	p.diff_hash = hash_new();
	p.inflate = inflate_new();
	p.root = s.stage.fs;
	progress_start(f->progress);
	if (run(&p, h, &why) < 0)
		return why.kind ? give_err(&why, err) : layer_err(f, &p.unpack_err, err);
	if (verify(&p, err) < 0)
		return -1;
	memcpy(info.digest, f->blob->digest, sizeof(info.digest));
	info.diff_size = p.bytes;
	progress_finishing(f->progress, "saving");
	if (layer_stage_commit(f->store, &s.stage, f->diff_id, &info, err) < 0)
		return -1;
	remember(&p);
	*ret = info;
	return 0;
}
