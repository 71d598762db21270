#include "image/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/str.h"

#define GZIP_WINDOW (15 + 16) /* zlib.h, deflateInit2: with a header of gzip's */
#define ZSTD_LEVEL  3

struct deflate {
	enum compression how;
	z_stream gzip;
	ZSTD_CCtx *zstd;
};

struct deflate *deflate_new(enum compression how)
{
	struct deflate *d = xcalloc(1, sizeof(*d));

	d->how = how;
	if (how == COMPRESSION_GZIP &&
	    deflateInit2(&d->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	if (how == COMPRESSION_ZSTD) {
		d->zstd = ZSTD_createCCtx();
		if (!d->zstd)
			abort();
		ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_checksumFlag, 1);
	}
	return d;
}

void deflate_free(struct deflate *d)
{
	if (!d)
		return;
	if (d->how == COMPRESSION_GZIP)
		deflateEnd(&d->gzip);
	ZSTD_freeCCtx(d->zstd);
	free(d);
}

void clean_deflate(struct deflate **d)
{
	deflate_free(*d);
}

static unsigned int clamp(size_t n)
{
	return n > INT_MAX ? INT_MAX : (unsigned int)n;
}

static int run_gzip(struct deflate *d, struct deflate_io *io, bool last, bool *ret_done,
		    struct err *err)
{
	z_stream *z = &d->gzip;
	const unsigned int in = clamp(io->in_len), out = clamp(io->out_len);
	int code;

	z->next_in = (unsigned char *)io->in;
	z->avail_in = in;
	z->next_out = (unsigned char *)io->out;
	z->avail_out = out;
	code = deflate(z, last && in == io->in_len ? Z_FINISH : Z_NO_FLUSH);
	if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
		return err_set(err, ERR_SYSTEM, "cannot compress: zlib's error %d", code);
	io->in += in - z->avail_in;
	io->in_len -= in - z->avail_in;
	io->out += out - z->avail_out;
	io->out_len -= out - z->avail_out;
	*ret_done = code == Z_STREAM_END;
	return 0;
}

static int run_zstd(struct deflate *d, struct deflate_io *io, bool last, bool *ret_done,
		    struct err *err)
{
	ZSTD_inBuffer in = { io->in, io->in_len, 0 };
	ZSTD_outBuffer out = { io->out, io->out_len, 0 };
	const size_t left =
		ZSTD_compressStream2(d->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);

	if (ZSTD_isError(left))
		return err_set(err, ERR_SYSTEM, "cannot compress: %s", ZSTD_getErrorName(left));
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	*ret_done = last && left == 0;
	return 0;
}

int deflate_run(struct deflate *d, struct deflate_io *io, bool last, bool *ret_done,
		struct err *err)
{
	const size_t n = io->in_len < io->out_len ? io->in_len : io->out_len;

	if (d->how == COMPRESSION_GZIP)
		return run_gzip(d, io, last, ret_done, err);
	if (d->how == COMPRESSION_ZSTD)
		return run_zstd(d, io, last, ret_done, err);
	if (n)
		memcpy(io->out, io->in, n);
	io->in += n;
	io->in_len -= n;
	io->out += n;
	io->out_len -= n;
	*ret_done = last && io->in_len == 0;
	return 0;
}
