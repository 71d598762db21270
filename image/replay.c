/* The other direction of image/skeleton.h: from the skeleton and the tree back to the stream. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/hash.h"
#include "image/shadow.h"
#include "image/skeleton.h"
#include "storage/layer.h"

#define CHUNK (256u << 10)

struct replay {
	const char *diff_id;
	int fd, tree; /* of the skeleton; of the layer, -1 where only sizes count */
	int shadowed; /* -1 where there is nothing */
	struct shadows shadows, *found; /* to look in; to add to, or NULL */
	size_t references;		/* to files, so far */
	ZSTD_DCtx *zstd;
	char *in, *out;
	ZSTD_inBuffer from;
	size_t out_at, out_len;
	struct hash *hash; /* NULL where only sizes count */
	int64_t total;
	skeleton_sink *sink;
	void *arg;
};

static void clean_replay(struct replay *r)
{
	clean_fd(&r->fd);
	clean_fd(&r->tree);
	clean_fd(&r->shadowed);
	shadows_done(&r->shadows);
	ZSTD_freeDCtx(r->zstd);
	hash_free(r->hash);
	free(r->in);
	free(r->out);
}

static int damaged(const struct replay *r, struct err *err)
{
	err_set(err, ERR_CORRUPT, "layer %.19s can't be rebuilt as it was", r->diff_id);
	return err_hint(err,
			"the store may have been changed; remove the image, and pull it again");
}

/*
 * More of the skeleton's bytes: 1, or 0 at its end. What is still in the decompressor comes first.
 */
static int refill(struct replay *r, struct err *err)
{
	ZSTD_outBuffer out = { r->out, CHUNK, 0 };

	for (;;) {
		ssize_t n;

		if (ZSTD_isError(ZSTD_decompressStream(r->zstd, &out, &r->from)))
			return damaged(r, err);
		if (out.pos)
			break;
		if (r->from.pos < r->from.size)
			continue;
		n = read(r->fd, r->in, CHUNK);
		if (n < 0 && errno != EINTR)
			return err_sys(err, "cannot read a layer's skeleton");
		if (n == 0)
			return 0;
		if (n > 0)
			r->from = (ZSTD_inBuffer){ r->in, (size_t)n, 0 };
	}
	r->out_at = 0;
	r->out_len = out.pos;
	return 1;
}

static int take(struct replay *r, void *data, size_t len, struct err *err)
{
	char *p = data;

	while (len) {
		const size_t have = r->out_len - r->out_at, n = len < have ? len : have;
		int more = n ? 1 : refill(r, err);

		if (more <= 0)
			return more < 0 ? -1 : damaged(r, err);
		memcpy(p, r->out + r->out_at, n);
		r->out_at += n;
		p += n;
		len -= n;
	}
	return 0;
}

static int take_u64(struct replay *r, int64_t *ret, struct err *err)
{
	uint64_t le;

	if (take(r, &le, sizeof(le), err) < 0)
		return -1;
	*ret = (int64_t)le64toh(le);
	return *ret < 0 ? damaged(r, err) : 0;
}

static int give(struct replay *r, const void *data, size_t len, struct err *err)
{
	r->total += (int64_t)len;
	if (!r->hash)
		return 0;
	hash_add(r->hash, data, len);
	return r->sink(r->arg, data, len, err);
}

static int replay_raw(struct replay *r, struct err *err)
{
	char chunk[16384];
	uint32_t le;
	size_t left;

	if (take(r, &le, sizeof(le), err) < 0)
		return -1;
	for (left = le32toh(le); left;) {
		const size_t n = left < sizeof(chunk) ? left : sizeof(chunk);

		if (take(r, chunk, n, err) < 0 || give(r, chunk, n, err) < 0)
			return -1;
		left -= n;
	}
	return 0;
}

/* As it was written: beneath the tree or out of sight, and through no symlink at its end. */
static int open_content(const struct replay *r, const char *path, struct err *err)
{
	const char *rest = NULL;
	const struct shadow *shadow = shadows_find(&r->shadows, path, r->references, &rest);
	CLEAN(clean_free)
	char *moved = shadow ? xasprintf("%zu%s", shadow->number, rest) : NULL;
	struct stat st;
	int fd = open_resolved(shadow ? r->shadowed : r->tree, moved ?: path,
			       O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_IN_ROOT);

	if (fd < 0) {
		CLEAN(clean_free) char *safe = str_printable(path);

		err_sys(err, "layer %.19s can't be rebuilt as it was: cannot open '%.200s'",
			r->diff_id, safe);
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return damaged(r, err);
}

static int take_path(struct replay *r, char path[PATH_MAX], struct err *err)
{
	uint16_t le;

	if (take(r, &le, sizeof(le), err) < 0)
		return -1;
	if (le16toh(le) >= PATH_MAX)
		return damaged(r, err);
	if (take(r, path, le16toh(le), err) < 0)
		return -1;
	path[le16toh(le)] = '\0';
	return 0;
}

static int replay_shadow(struct replay *r, struct err *err)
{
	char path[PATH_MAX];

	if (take_path(r, path, err) < 0)
		return -1;
	return r->found && !shadows_add(r->found, path, r->references) ? damaged(r, err) : 0;
}

static int replay_file(struct replay *r, char *buffer, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	char path[PATH_MAX];
	int64_t offset, len;

	if (take_path(r, path, err) < 0 || take_u64(r, &offset, err) < 0 ||
	    take_u64(r, &len, err) < 0)
		return -1;
	if (len > INT64_MAX - r->total || len > INT64_MAX - offset)
		return damaged(r, err);
	if (!r->hash) {
		r->references++;
		r->total += len;
		return 0;
	}
	fd = open_content(r, path, err);
	if (fd < 0)
		return -1;
	r->references++;
	while (len) {
		ssize_t n = pread(fd, buffer, len < CHUNK ? (size_t)len : CHUNK, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read a file of layer %.19s", r->diff_id);
		if (n == 0)
			return damaged(r, err);
		if (give(r, buffer, (size_t)n, err) < 0)
			return -1;
		offset += n;
		len -= n;
	}
	return 0;
}

static int replay_end(struct replay *r, struct err *err)
{
	char digest[DIGEST_SIZE];
	int64_t total;

	if (take_u64(r, &total, err) < 0)
		return -1;
	if (total != r->total)
		return damaged(r, err);
	if (!r->hash)
		return 0;
	hash_digest(r->hash, digest);
	return streq(digest, r->diff_id) ? 0 : damaged(r, err);
}

static int replay_records(struct replay *r, struct err *err)
{
	CLEAN(clean_free) char *buffer = xmalloc(CHUNK);
	char magic[sizeof(SKELETON_MAGIC) - 1], type;

	if (take(r, magic, sizeof(magic), err) < 0)
		return -1;
	if (memcmp(magic, SKELETON_MAGIC, sizeof(magic)) != 0)
		return damaged(r, err);
	for (;;) {
		if (take(r, &type, 1, err) < 0)
			return -1;
		switch (type) {
		case SKELETON_RAW:
			if (replay_raw(r, err) < 0)
				return -1;
			break;
		case SKELETON_FILE:
			if (replay_file(r, buffer, err) < 0)
				return -1;
			break;
		case SKELETON_SHADOW:
			if (replay_shadow(r, err) < 0)
				return -1;
			break;
		case SKELETON_END:
			return replay_end(r, err);
		default:
			return damaged(r, err);
		}
	}
}

static int open_skeleton(const struct store *s, const char *diff_id, struct replay *ret,
			 struct err *err)
{
	struct err why = { 0 };

	ret->diff_id = diff_id;
	ret->fd = -1;
	ret->tree = -1;
	ret->shadowed = -1;
	if (layer_open_file(s, diff_id, SKELETON_NAME, &ret->fd, &why) < 0) {
		if (why.kind != ERR_NOT_FOUND) {
			*err = why;
			return -1;
		}
		err_set(err, ERR_NOT_FOUND,
			"layer %.19s was pulled by a tiffin that did not keep what rebuilding it "
			"takes", diff_id);
		return err_hint(err,
				"remove the image, and the others that have the layer, and pull "
				"again");
	}
	ret->in = xmalloc(CHUNK);
	ret->out = xmalloc(CHUNK);
	ret->zstd = ZSTD_createDCtx();
	if (!ret->zstd)
		abort();
	return 0;
}

/* What is out of sight, if anything, has to be known from the beginning. */
static int find_shadows(const struct store *s, struct replay *r, struct err *err)
{
	CLEAN(clean_replay)
	struct replay first = { .fd = -1, .tree = -1, .shadowed = -1, .found = &r->shadows };
	struct err why = { 0 };

	if (layer_open_file(s, r->diff_id, SHADOW_NAME, &r->shadowed, &why) < 0) {
		if (why.kind == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	if (open_skeleton(s, r->diff_id, &first, err) < 0 || replay_records(&first, err) < 0)
		return -1;
	shadows_sort(&r->shadows);
	return 0;
}

int skeleton_replay(const struct store *s, const char *diff_id, skeleton_sink *sink, void *arg,
		    struct err *err)
{
	CLEAN(clean_replay) struct replay r = { .sink = sink, .arg = arg };

	if (open_skeleton(s, diff_id, &r, err) < 0 || layer_open(s, diff_id, &r.tree, err) < 0 ||
	    find_shadows(s, &r, err) < 0)
		return -1;
	r.hash = hash_new();
	return replay_records(&r, err);
}

int skeleton_size(const struct store *s, const char *diff_id, int64_t *ret, struct err *err)
{
	CLEAN(clean_replay) struct replay r = { 0 };

	if (open_skeleton(s, diff_id, &r, err) < 0 || replay_records(&r, err) < 0)
		return -1;
	*ret = r.total;
	return 0;
}
