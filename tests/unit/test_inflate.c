/* Decompression: what gzip and zstd packed, whole, in pieces and damaged. */
#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/inflate.h"
#include "tests/unit/test.h"

static void gzip(struct buf *ret, const char *data, size_t len)
{
	z_stream z = { 0 };
	unsigned char out[4096];

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (unsigned char *)data;
	z.avail_in = (unsigned int)len;
	do {
		z.next_out = out;
		z.avail_out = sizeof(out);
		deflate(&z, Z_FINISH);
		buf_add(ret, out, sizeof(out) - z.avail_out);
	} while (z.avail_out == 0);
	deflateEnd(&z);
}

/* In pieces of so many bytes, with so much room at a time. */
static int inflate_all(const struct buf *in, size_t piece, size_t room, struct buf *ret,
		       struct err *err)
{
	struct inflate *z = inflate_new();
	int result = 0;

	for (size_t at = 0; at < in->len && result == 0; at += piece) {
		struct inflate_io io = {
			.in = (unsigned char *)in->data + at,
			.in_len = in->len - at < piece ? in->len - at : piece,
		};
		bool more = true;

		while (more && result == 0) {
			unsigned char out[8192];
			size_t before = io.in_len;

			io.out = out;
			io.out_len = room;
			result = inflate_run(z, &io, err);
			buf_add(ret, out, room - io.out_len);
			more = io.out_len < room || io.in_len < before;
		}
	}
	if (result == 0)
		result = inflate_end(z, err);
	inflate_free(z);
	return result;
}

static char *sample(size_t len)
{
	char *s = xmalloc(len);

	for (size_t i = 0; i < len; i++)
		s[i] = (char)(i * i / 7 + i % 251);
	return s;
}

TEST(inflate_gives_back_what_gzip_zstd_and_nothing_packed)
{
	static const size_t sizes[] = { 1, 3, 511, 100000 }, rooms[] = { 1, 777, 8192 };
	const size_t len = 50000;
	CLEAN(clean_free) char *data = sample(len);
	struct buf packed[4] = { 0 };
	char raw[100000];
	size_t n;

	gzip(&packed[0], data, len);
	gzip(&packed[1], data, 100); /* two members, and zeros after them */
	gzip(&packed[1], data + 100, len - 100);
	buf_add(&packed[1], "\0\0\0\0\0", 5);
	n = ZSTD_compress(raw, sizeof(raw), data, 300, 3);
	buf_add(&packed[2], raw, n);
	buf_add(&packed[2], "\x50\x2a\x4d\x18\x02\0\0\0ab", 10); /* a frame to skip */
	n = ZSTD_compress(raw, sizeof(raw), data + 300, len - 300, 3);
	buf_add(&packed[2], raw, n);
	buf_add(&packed[3], data, len);
	for (size_t f = 0; f < ARRAY_SIZE(packed); f++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(rooms); i++) {
			CLEAN(buf_done) struct buf out = { 0 };
			struct err err = { 0 };

			CHECK_STR(inflate_all(&packed[f], sizes[i % 4], rooms[i / 4], &out, &err) <
						  0 ?
					  err.text :
					  "",
				  "");
			CHECK(out.len == len && memcmp(out.data, data, len) == 0);
		}
		buf_done(&packed[f]);
	}
}

TEST(inflate_refuses_damage)
{
	CLEAN(clean_free) char *data = sample(5000);
	CLEAN(buf_done) struct buf good = { 0 };

	gzip(&good, data, 5000);
	for (size_t cut = 4; cut < good.len; cut += 7) {
		CLEAN(buf_done) struct buf part = { 0 }, out = { 0 };
		struct err err = { 0 };

		buf_add(&part, good.data, cut);
		CHECK(inflate_all(&part, 100, 8192, &out, &err) < 0 && err.kind == ERR_CORRUPT);
	}
	for (size_t bit = 80; bit < good.len * 8; bit += 97) {
		CLEAN(buf_done) struct buf part = { 0 }, out = { 0 };

		buf_add(&part, good.data, good.len);
		part.data[bit / 8] ^= (char)(1 << bit % 8);
		CHECK(inflate_all(&part, 100, 8192, &out, NULL) < 0);
	}
	/* Zeros may follow, and another member, but not one behind the other. */
	CLEAN(buf_done) struct buf two = { 0 }, out = { 0 };

	buf_add(&two, good.data, good.len);
	buf_add(&two, "\0\0\0\0", 4);
	gzip(&two, data, 5000);
	CHECK(inflate_all(&two, 100, 8192, &out, NULL) < 0);
	out.len = 0;
	buf_adds(&good, "trailing");
	CHECK(inflate_all(&good, 100, 8192, &out, NULL) < 0);
}

TEST(inflate_refuses_what_is_too_short_to_be_anything)
{
	CLEAN(buf_done) struct buf few = { 0 }, out = { 0 };
	struct err err = { 0 };

	CHECK(inflate_all(&few, 100, 8192, &out, NULL) == 0 && out.len == 0);
	buf_adds(&few, "abc");
	CHECK(inflate_all(&few, 100, 8192, &out, &err) < 0 && err.kind == ERR_CORRUPT);
}

TEST(inflate_refuses_a_zstd_window_of_more_than_128_megabytes)
{
	/* RFC 8878, 3.1.1.1.2: 2^(10+exponent) bytes, the exponent in the upper five bits. */
	static const unsigned char exponents[] = { 17, 18, 21 };

	for (size_t i = 0; i < ARRAY_SIZE(exponents); i++) {
		const char window = (char)(exponents[i] << 3);
		CLEAN(buf_done) struct buf frame = { 0 }, out = { 0 };
		struct err err = { 0 };

		buf_add(&frame, "\x28\xb5\x2f\xfd\x00", 5);
		buf_add(&frame, &window, 1);
		buf_add(&frame, "\x01\x00\x00", 3); /* the last block, of no bytes */
		if (exponents[i] == 17) {
			CHECK(inflate_all(&frame, 100, 8192, &out, &err) == 0 && out.len == 0);
			continue;
		}
		CHECK(inflate_all(&frame, 100, 8192, &out, &err) < 0 && err.kind == ERR_CORRUPT);
		CHECK(strstr(err.text, "memory"));
	}
}

int main(void)
{
	RUN(inflate_gives_back_what_gzip_zstd_and_nothing_packed);
	RUN(inflate_refuses_damage);
	RUN(inflate_refuses_what_is_too_short_to_be_anything);
	RUN(inflate_refuses_a_zstd_window_of_more_than_128_megabytes);
	return test_summary();
}
