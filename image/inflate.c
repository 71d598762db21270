#include "image/inflate.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#include "base/cleanup.h"
#include "base/str.h"

#define ZSTD_WINDOW_LOG_MAX 27
#define MAGIC_LEN	    4

/* What a format must do. run() returns 0, or -1 with err set; it may stop at a member's end. */
struct format {
	const char *name;
	void *(*begin)(void);
	int (*run)(void *state, struct inflate_io *io, bool *ret_between, struct err *err);
	void (*end)(void *state);
};

struct inflate {
	const struct format *format; /* NULL until the first bytes are seen */
	void *state;
	bool between; /* not within a member or frame: the input may end here */
	unsigned char magic[MAGIC_LEN];
	size_t magic_len, magic_used;
};

/* gzip: both libraries have the same shape. Input and output are given in unsigned ints. */

static unsigned int clamp(size_t n)
{
	return n > INT_MAX ? INT_MAX : (unsigned int)n;
}

struct gzip {
#ifdef HAVE_ISAL
	struct inflate_state z;
#else
	z_stream z;
#endif
	bool ended;  /* a member has ended */
	bool padded; /* and zeros have followed it */
};

static void *gzip_begin(void)
{
	struct gzip *g = xcalloc(1, sizeof(*g));

#ifdef HAVE_ISAL
	isal_inflate_init(&g->z);
	g->z.crc_flag = ISAL_GZIP;
#else
	if (inflateInit2(&g->z, 15 + 16) != Z_OK)
		abort();
#endif
	return g;
}

/* One call of the library. Sets g->ended where the member's checksum has been seen to be right. */
static int gzip_step(struct gzip *g)
{
#ifdef HAVE_ISAL
	if (isal_inflate(&g->z) != ISAL_DECOMP_OK)
		return -1;
	g->ended = g->z.block_state == ISAL_BLOCK_FINISH;
#else
	int n = inflate(&g->z, Z_NO_FLUSH);

	if (n != Z_OK && n != Z_STREAM_END && n != Z_BUF_ERROR)
		return -1;
	g->ended = n == Z_STREAM_END;
#endif
	return 0;
}

static void gzip_next_member(struct gzip *g)
{
#ifdef HAVE_ISAL
	isal_inflate_reset(&g->z);
	g->z.crc_flag = ISAL_GZIP;
#else
	inflateReset(&g->z);
#endif
	g->ended = false;
}

static int gzip_run(void *state, struct inflate_io *io, bool *ret_between, struct err *err)
{
	struct gzip *g = state;

	if (g->ended) {
		while (io->in_len && !*io->in) {
			g->padded = true;
			io->in++;
			io->in_len--;
		}
		if (io->in_len == 0)
			return 0;
		if (g->padded)
			return err_set(err, ERR_CORRUPT,
				       "there is something after the gzip stream");
		gzip_next_member(g);
	}
	g->z.next_in = (unsigned char *)io->in;
	g->z.avail_in = clamp(io->in_len);
	g->z.next_out = io->out;
	g->z.avail_out = clamp(io->out_len);
	if (gzip_step(g) < 0)
		return err_set(err, ERR_CORRUPT, "it is not a valid gzip stream");
	io->in_len -= (size_t)(g->z.next_in - io->in);
	io->in = g->z.next_in;
	io->out_len -= (size_t)(g->z.next_out - io->out);
	io->out = g->z.next_out;
	*ret_between = g->ended;
	return 0;
}

static void gzip_end(void *state)
{
#ifndef HAVE_ISAL
	inflateEnd(&((struct gzip *)state)->z);
#endif
	free(state);
}

static void *zstd_begin(void)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();

	if (!d || ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
		abort();
	return d;
}

static int zstd_run(void *state, struct inflate_io *io, bool *ret_between, struct err *err)
{
	ZSTD_inBuffer in = { io->in, io->in_len, 0 };
	ZSTD_outBuffer out = { io->out, io->out_len, 0 };
	size_t n;

	/* Asked for nothing, it would say that it waits for the next frame. */
	if (io->in_len == 0 && *ret_between)
		return 0;
	n = ZSTD_decompressStream(state, &out, &in);
	if (ZSTD_isError(n))
		return err_set(err, ERR_CORRUPT, "it is not a valid zstd stream: %s",
			       ZSTD_getErrorName(n));
	*ret_between = n == 0;
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	return 0;
}

static void zstd_end(void *state)
{
	ZSTD_freeDCtx(state);
}

static void *plain_begin(void)
{
	return NULL;
}

static int plain_run(void *state, struct inflate_io *io, bool *ret_between, struct err *err)
{
	size_t n = io->in_len < io->out_len ? io->in_len : io->out_len;

	(void)state, (void)err;
	memcpy(io->out, io->in, n);
	io->in += n;
	io->in_len -= n;
	io->out += n;
	io->out_len -= n;
	*ret_between = true;
	return 0;
}

static void plain_end(void *state)
{
	(void)state;
}

static const struct format gzip_format = { "gzip", gzip_begin, gzip_run, gzip_end };
static const struct format zstd_format = { "zstd", zstd_begin, zstd_run, zstd_end };
static const struct format plain_format = { "none", plain_begin, plain_run, plain_end };

static const struct format *detect(const unsigned char *magic, size_t len)
{
	static const unsigned char zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

	if (len >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
		return &gzip_format;
	if (len >= 4 && memcmp(magic, zstd, 4) == 0)
		return &zstd_format;
	/* A skippable frame (0x184D2A50 to …5F, little-endian) may come first. */
	if (len >= 4 && (magic[0] & 0xf0) == 0x50 && memcmp(magic + 1, "\x2a\x4d\x18", 3) == 0)
		return &zstd_format;
	return &plain_format;
}

struct inflate *inflate_new(void)
{
	struct inflate *z = xcalloc(1, sizeof(*z));

	z->between = true;
	return z;
}

const char *inflate_found(const struct inflate *z)
{
	return (z->format ?: &plain_format)->name;
}

void inflate_free(struct inflate *z)
{
	if (z && z->format)
		z->format->end(z->state);
	free(z);
}

static void choose(struct inflate *z)
{
	z->format = detect(z->magic, z->magic_len);
	z->state = z->format->begin();
}

/* The first bytes were taken aside to look at: they are the input until they are used up. */
static int run_magic(struct inflate *z, struct inflate_io *io, struct err *err)
{
	struct inflate_io head = { z->magic + z->magic_used, z->magic_len - z->magic_used, io->out,
				   io->out_len };

	if (z->format->run(z->state, &head, &z->between, err) < 0)
		return -1;
	z->magic_used = z->magic_len - head.in_len;
	io->out = head.out;
	io->out_len = head.out_len;
	return 0;
}

int inflate_run(struct inflate *z, struct inflate_io *io, struct err *err)
{
	if (!z->format) {
		while (io->in_len && z->magic_len < MAGIC_LEN) {
			z->magic[z->magic_len++] = *io->in++;
			io->in_len--;
		}
		if (z->magic_len < MAGIC_LEN)
			return 0;
		choose(z);
	}
	if (z->magic_used < z->magic_len && run_magic(z, io, err) < 0)
		return -1;
	if (z->magic_used < z->magic_len)
		return 0;
	return z->format->run(z->state, io, &z->between, err);
}

int inflate_end(struct inflate *z, struct err *err)
{
	/* Fewer bytes than a magic number: nothing, or nothing that could be a tar archive. */
	if (!z->format)
		return z->magic_len == 0 ? 0 :
					   err_set(err, ERR_CORRUPT,
						   "it is neither a tar archive nor compressed");
	if (!z->between)
		return err_set(err, ERR_CORRUPT, "its %s stream breaks off", z->format->name);
	return 0;
}
