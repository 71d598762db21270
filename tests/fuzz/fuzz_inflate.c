/*
 * Decompression: what comes out does not depend on the pieces that the input comes in, nor on the
 * room that there is for it. The first byte chooses both.
 */
#include "base/cleanup.h"
#include "image/inflate.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX (1u << 20) /* enough of a bomb */

static void clean_inflate(struct inflate **z)
{
	inflate_free(*z);
}

/* 0: to the end; 1: there would be more; -1. */
static int run(const uint8_t *data, size_t size, size_t piece, size_t room, struct buf *ret)
{
	CLEAN(clean_inflate) struct inflate *z = inflate_new();
	CLEAN(clean_free) unsigned char *out = xmalloc(room);

	for (size_t at = 0; at < size;) {
		const size_t n = size - at < piece ? size - at : piece;
		/* Of its own, so that reading past it is seen. */
		CLEAN(clean_free) unsigned char *in = xmalloc(n);
		struct inflate_io io = { .in = in, .in_len = n };
		bool more = true;

		memcpy(in, data + at, n);
		at += n;
		while (more) {
			const size_t before = io.in_len;

			io.out = out;
			io.out_len = room;
			if (inflate_run(z, &io, NULL) < 0)
				return -1;
			MUST(io.in_len <= before && io.out_len <= room);
			buf_add(ret, out, room - io.out_len);
			if (ret->len > OUT_MAX)
				return 1;
			more = io.out_len < room || io.in_len < before;
		}
		MUST(io.in_len == 0);
	}
	return inflate_end(z, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN(buf_done) struct buf whole = { 0 };
	CLEAN(buf_done) struct buf parts = { 0 };
	int one, other;

	if (size < 5)
		return 0;
	one = run(data + 1, size - 1, size, 65536, &whole);
	other = run(data + 1, size - 1, data[0] % 16 + 1, (data[0] / 16 + 1) * 37, &parts);
	/* libzstd, where it sees a damaged frame whole, may take what it refuses in pieces. */
	MUST(one == other || memcmp(data + 1, "\x28\xb5", 2) == 0 || data[2] == 0x2a);
	if (one == 0 && other == 0)
		MUST(whole.len == parts.len && memcmp(buf_str(&whole), buf_str(&parts), whole.len) == 0);
	return 0;
}
