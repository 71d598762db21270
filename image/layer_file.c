#include "image/layer_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/hash.h"
#include "image/inflate.h"
#include "image/skeleton.h"
#include "image/unpack.h"
#include "storage/layer.h"

#define CHUNK (256u << 10)

struct source {
	int fd;
	const struct cancel *cancel;
	struct inflate *inflate;
	struct hash *hash;
	unsigned char *in, *out;
	struct inflate_io io;
	int64_t read;
	bool ended;
};

static void clean_source(struct source *s)
{
	inflate_free(s->inflate);
	hash_free(s->hash);
	free(s->in);
	free(s->out);
}

static int refill(struct source *s, struct err *err)
{
	ssize_t n;

	do
		n = read(s->fd, s->in, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot read the archive");
	s->ended = n == 0;
	s->read += n;
	s->io.in = s->in;
	s->io.in_len = (size_t)n;
	return 0;
}

/* See unpack_source. */
static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct source *s = arg;

	if (cancel_wanted(s->cancel))
		return cancel_err(err);
	for (;;) {
		s->io.out = s->out;
		s->io.out_len = CHUNK;
		if (inflate_run(s->inflate, &s->io, err) < 0)
			return -1;
		*ret_data = s->out;
		*ret_len = CHUNK - s->io.out_len;
		if (*ret_len) {
			hash_add(s->hash, s->out, *ret_len);
			return 1;
		}
		if (s->ended)
			return inflate_end(s->inflate, err);
		if (s->io.in_len == 0 && refill(s, err) < 0)
			return -1;
	}
}

struct staging {
	const struct store *store;
	struct layer_stage stage;
};

static void clean_staging(struct staging *s)
{
	layer_stage_done(s->store, &s->stage);
}

int layer_from_file(const struct store *s, int fd, const char *diff_id, const struct cancel *cancel,
		    struct err *err)
{
	CLEAN(clean_source) struct source source = { .fd = fd, .cancel = cancel };
	CLEAN(clean_staging) struct staging staging = { .store = s, .stage = LAYER_STAGE_INIT };
	CLEAN(clean_skeleton) struct skeleton *skeleton = NULL;
	struct unpack_options options = { .single_id = s->single_id };
	struct layer_info info = { 0 };
	struct stat st;
	char digest[DIGEST_SIZE];

	if (layer_stage_new(s, &staging.stage, err) < 0 ||
	    skeleton_new(staging.stage.dir, &skeleton, err) < 0)
		return -1;
	source.inflate = inflate_new();
	source.hash = hash_new();
	source.in = xmalloc(CHUNK);
	source.out = xmalloc(CHUNK);
	options.skeleton = skeleton;
	options.packed = fstat(fd, &st) == 0 ? st.st_size : 0;
	if (unpack_tar(staging.stage.fs, next_piece, &source, &options, &info.diff_size, err) < 0 ||
	    skeleton_finish(skeleton, err) < 0)
		return err_wrap(err, "layer %.19s", diff_id);
	hash_digest(source.hash, digest);
	if (!streq(digest, diff_id))
		return err_set(err, ERR_CORRUPT,
			       "layer %.19s: wrong diff ID, unpacked it is %.19s…", diff_id, digest);
	/* What it was as a blob, and whether it will ever be one again, nobody knows. */
	memcpy(info.digest, digest, sizeof(info.digest));
	info.size = source.read;
	return layer_stage_commit(s, &staging.stage, diff_id, &info, err);
}
