/*
 * Theory of operation
 *
 * The stream is fed to us as it is to the parser, piece by piece; which bytes of it were a file's
 * content the parser says afterwards, in order. Up to where it has said something, bytes are
 * decided: they are written as they are, or as a reference to the file. What is not decided when
 * the next piece comes is kept, which is little: the beginning of a header, mostly. Contents are
 * never copied.
 *
 * A parser that says nothing for long (it passes over the content of something that is left out)
 * has its bytes written as they are; KEEP bytes are more than it ever reads ahead.
 */
#include "image/skeleton.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/shadow.h"

#define LEVEL	  1
#define RAW_MAX	  (64u << 10) /* of one record */
#define KEEP	  (4u << 20)

struct skeleton {
	int fd, dir;
	int shadows; /* where they go; -1 as long as there are none */
	size_t n_shadows, shadow_bytes;
	ZSTD_CCtx *zstd;
	char out[RAW_MAX];
	struct err err; /* the first thing that went wrong */
	/* Of the stream: [decided, total) are the tail, and then the piece. */
	int64_t decided, total;
	struct buf tail;
	size_t tail_at; /* of it, what is decided */
	const char *piece;
	size_t piece_len;
	/* Records in the making. */
	struct buf raw;
	struct buf path; /* of the file whose content is being counted; none where file_len is 0 */
	int64_t file_offset, file_len;
	struct buf owners;
};

void skeleton_free(struct skeleton *s)
{
	if (!s)
		return;
	close(s->fd);
	clean_fd(&s->shadows);
	ZSTD_freeCCtx(s->zstd);
	buf_done(&s->tail);
	buf_done(&s->raw);
	buf_done(&s->path);
	buf_done(&s->owners);
	free(s);
}

void clean_skeleton(struct skeleton **s)
{
	skeleton_free(*s);
}

static void compress(struct skeleton *s, const void *data, size_t len, ZSTD_EndDirective mode)
{
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left = 1;

	while (!s->err.kind && (in.pos < in.size || (mode == ZSTD_e_end && left))) {
		ZSTD_outBuffer out = { s->out, sizeof(s->out), 0 };

		left = ZSTD_compressStream2(s->zstd, &out, &in, mode);
		if (ZSTD_isError(left))
			err_set(&s->err, ERR_SYSTEM, "cannot compress: %s",
				ZSTD_getErrorName(left));
		else if (out.pos && write_all(s->fd, s->out, out.pos, &s->err) < 0)
			return;
	}
}

static void put(struct skeleton *s, const void *data, size_t len)
{
	compress(s, data, len, ZSTD_e_continue);
}

int skeleton_new(int dir, struct skeleton **ret, struct err *err)
{
	struct skeleton *s;
	int fd = openat(dir, SKELETON_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, "cannot create '%s'", SKELETON_NAME);
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	s->dir = dir;
	s->shadows = -1;
	s->zstd = ZSTD_createCCtx();
	if (!s->zstd)
		abort();
	ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, LEVEL);
	put(s, SKELETON_MAGIC, strlen(SKELETON_MAGIC));
	*ret = s;
	return 0;
}

static void put_u64(struct skeleton *s, int64_t n)
{
	const uint64_t le = htole64((uint64_t)n);

	put(s, &le, sizeof(le));
}

static void flush_raw(struct skeleton *s)
{
	const char type = SKELETON_RAW;
	const uint32_t le = htole32((uint32_t)s->raw.len);

	if (!s->raw.len)
		return;
	put(s, &type, 1);
	put(s, &le, sizeof(le));
	put(s, s->raw.data, s->raw.len);
	s->raw.len = 0;
}

static void flush_file(struct skeleton *s)
{
	const char type = SKELETON_FILE;
	const uint16_t le = htole16((uint16_t)s->path.len);

	if (!s->file_len)
		return;
	put(s, &type, 1);
	put(s, &le, sizeof(le));
	put(s, s->path.data, s->path.len);
	put_u64(s, s->file_offset);
	put_u64(s, s->file_len);
	s->file_len = 0;
}

static void add_raw(struct skeleton *s, const char *data, size_t len)
{
	flush_file(s);
	while (len) {
		const size_t room = RAW_MAX - s->raw.len, n = len < room ? len : room;

		buf_add(&s->raw, data, n);
		data += n;
		len -= n;
		if (s->raw.len == RAW_MAX)
			flush_raw(s);
	}
}

/* Decides all up to there: raw, or not to be kept. */
static void decide(struct skeleton *s, int64_t end, bool raw)
{
	while (s->decided < end) {
		const int64_t want = end - s->decided;
		const bool from_tail = s->tail_at < s->tail.len;
		const size_t have = from_tail ? s->tail.len - s->tail_at : s->piece_len;
		const size_t n = want < (int64_t)have ? (size_t)want : have;
		const char *data = from_tail ? s->tail.data + s->tail_at : s->piece;

		if (raw)
			add_raw(s, data, n);
		if (from_tail) {
			s->tail_at += n;
		} else {
			s->piece += n;
			s->piece_len -= n;
		}
		s->decided += (int64_t)n;
	}
}

void skeleton_hold(struct skeleton *s)
{
	if (s->tail.len - s->tail_at + s->piece_len > KEEP)
		decide(s, s->total, true);
	if (s->tail_at) {
		memmove(s->tail.data, s->tail.data + s->tail_at, s->tail.len - s->tail_at);
		s->tail.len -= s->tail_at;
		s->tail_at = 0;
	}
	if (s->piece_len)
		buf_add(&s->tail, s->piece, s->piece_len);
	s->piece_len = 0;
}

void skeleton_feed(struct skeleton *s, const void *data, size_t len)
{
	s->piece = data;
	s->piece_len = len;
	s->total += (int64_t)len;
}

void skeleton_content(struct skeleton *s, int64_t at, size_t len, const char *path, int64_t offset)
{
	const bool follows = s->file_len && at == s->decided &&
			     offset == s->file_offset + s->file_len && streq(buf_str(&s->path), path);

	if (at < s->decided || at > s->total || (int64_t)len > s->total - at) {
		err_set(&s->err, ERR_SYSTEM, "the archive's parser has lost its place");
		return;
	}
	if (!follows) {
		decide(s, at, true);
		flush_file(s);
		flush_raw(s);
		s->path.len = 0;
		buf_adds(&s->path, path);
		s->file_offset = offset;
	}
	s->file_len += (int64_t)len;
	decide(s, at + (int64_t)len, false);
}

static bool is_kept(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

bool skeleton_shadow(struct skeleton *s, const char *path, int dirfd, const char *name)
{
	const char type = SKELETON_SHADOW;
	const size_t len = strlen(path);
	const uint16_t le = htole16((uint16_t)len);
	char number[24];

	if (s->n_shadows == SHADOWS_MAX || s->shadow_bytes + len > SHADOW_BYTES_MAX ||
	    !is_kept(dirfd, name))
		return false;
	if (s->shadows < 0 && dir_open_or_make_at(s->dir, SHADOW_NAME, 0700, &s->shadows, NULL) < 0)
		return false;
	snprintf(number, sizeof(number), "%zu", s->n_shadows);
	if (renameat(dirfd, name, s->shadows, number) < 0)
		return false;
	flush_file(s);
	flush_raw(s);
	put(s, &type, 1);
	put(s, &le, sizeof(le));
	put(s, path, len);
	s->n_shadows++;
	s->shadow_bytes += len;
	return true;
}

void skeleton_list_owner(struct skeleton *s, const struct owner_entry *e)
{
	char line[OWNER_LINE_MAX];

	buf_add(&s->owners, line, owner_print(e, line));
}

int skeleton_finish(struct skeleton *s, struct err *err)
{
	const char type = SKELETON_END;

	decide(s, s->total, true);
	flush_file(s);
	flush_raw(s);
	put(s, &type, 1);
	put_u64(s, s->total);
	compress(s, NULL, 0, ZSTD_e_end);
	if (!s->err.kind)
		return s->owners.len ? file_replace_at(s->dir, OWNERS_NAME, s->owners.data,
						       s->owners.len, 0600, RELAXED, err) :
				       0;
	if (err)
		*err = s->err;
	return err_wrap(err, "cannot write '%s'", SKELETON_NAME);
}
