/* Unpacking: names, sizes, numbers and owners that are too large, and archives that are damaged. */
#include "tests/unit/namespaces.h"
#include "tests/unit/unpack_scene.h"

TEST(unpack_bounds_the_length_of_names)
{
	CLEAN(clean_free) char *just = xasprintf("%0255d", 0), *over = xasprintf("%0256d", 0);
	CLEAN(buf_done) struct buf path = { 0 };
	SCENE(s);
	SCENE(t);
	SCENE(u);

	tar_pax(&s.tar, "path", just);
	file(&s, "short", "x");
	CHECK(unpacks(&s) && mode_of(&s, just));
	tar_pax(&t.tar, "path", over);
	file(&t, "short", "x");
	CHECK(unpack_within(&t, (struct unpack_options){ 0 }) < 0);
	CHECK(strstr(t.err.text, "File name too long"));
	while (path.len < 4096)
		buf_adds(&path, "a/");
	tar_pax(&u.tar, "path", path.data);
	file(&u, "short", "x");
	CHECK(refuses(&u, "more than 4095 bytes"));
}

/* Owners are given away by root, or not at all. 0: all that are none were refused. */
static int refuse_owners(void)
{
	static const int64_t ids[] = { UINT32_MAX, INT64_C(1) << 32, (INT64_C(1) << 32) + 5 };
	static const char types[] = "0256";

	for (size_t i = 0; i < ARRAY_SIZE(ids) * strlen(types); i++) {
		SCENE(s);
		struct stream stream = { .data = &s.tar };
		const struct unpack_options options = { 0 };

		tar_add(&s.tar, (struct tar_entry){ .name = "f", .type = types[i % 4], .link = "x",
						    .uid = ids[i / 4] });
		tar_end(&s.tar);
		if (unpack_tar(s.stage, next_piece, &stream, &options, &s.bytes, &s.err) == 0)
			return 1;
		if (!strstr(s.err.text, "'f' belongs to") || !*s.err.hint)
			return 2;
	}
	return test_bad;
}

TEST(unpack_refuses_owners_beyond_32_bits)
{
	int result = in_namespaces(refuse_owners);

	if (result < 0)
		printf("#   no user namespaces here: not tested\n");
	CHECK(result <= 0);
}

TEST(unpack_keeps_to_its_limits)
{
	SCENE(s);
	SCENE(t);
	SCENE(u);
	SCENE(v);

	file(&s, "a", "12345");
	file(&s, "b", "67890");
	CHECK(unpack_within(&s, (struct unpack_options){ .max_bytes = 9 }) < 0);
	CHECK(s.err.kind == ERR_CORRUPT && strstr(s.err.text, "larger than any may be"));
	file(&t, "a", "1");
	file(&t, "b", "2");
	CHECK(unpack_within(&t, (struct unpack_options){ .max_entries = 1 }) < 0);
	CHECK(t.err.kind == ERR_CORRUPT && strstr(t.err.text, "more than 1 entries"));
	file(&v, "a/b/c/d/e", "five of them");
	CHECK(unpack_within(&v, (struct unpack_options){ .max_entries = 4 }) < 0);
	tar_add(&u.tar,
		(struct tar_entry){ .name = "huge", .type = '0', .size = INT64_C(1) << 50 });
	CHECK(refuses(&u, "larger than any may be"));
}

/* 4 GiB, and 1032 times what it came in: no honest compressor does better. */
TEST(unpack_bounds_what_little_can_become)
{
	for (int more = 0; more < 2; more++) {
		SCENE(s);
		const int64_t most = UNPACK_BYTES_FREE + (int64_t)1000 * UNPACK_RATIO;

		tar_add(&s.tar, (struct tar_entry){ .name = "f", .type = '0', .size = most + more });
		CHECK(unpack_within(&s, (struct unpack_options){ .packed = 1000 }) < 0);
		CHECK((strstr(s.err.text, "larger than any may be") != NULL) == more);
	}
}

TEST(unpack_bounds_what_follows_the_archive)
{
	SCENE(s);

	file(&s, "f", "f");
	tar_end(&s.tar);
	for (int i = 0; i < 1000; i++)
		buf_addf(&s.tar, "garbage %d", i);
	CHECK(unpack_within(&s, (struct unpack_options){ .max_bytes = 100, .max_entries = 1 }) < 0);
	CHECK(s.err.kind == ERR_CORRUPT && strstr(s.err.text, "a larger archive than any"));
}

/* GNU tar's format 0.1 of sparse files: where what is not a hole lies. */
TEST(unpack_keeps_sparse_files_within_their_size)
{
	static const struct {
		const char *map, *data;
	} sparse[] = {
		{ "1000,5,2000,0", "right" },
		{ "1996,5,2001,0", "wrong" },
		{ "9000,5,9005,0", "wrong" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sparse); i++) {
		CLEAN(buf_done) struct buf records = { 0 };
		SCENE(s);
		struct stat st = { 0 };
		int result;

		tar_record(&records, "GNU.sparse.size", "2000");
		tar_record(&records, "GNU.sparse.numblocks", "2");
		tar_record(&records, "GNU.sparse.map", sparse[i].map);
		tar_pax_of(&s.tar, &records);
		file(&s, "f", sparse[i].data);
		result = unpack_within(&s, (struct unpack_options){ 0 });
		fstatat(s.stage, "f", &st, AT_SYMLINK_NOFOLLOW);
		CHECK(st.st_size <= 2000);
		CHECK(i ? result < 0 && s.err.kind == ERR_CORRUPT : result == 0 && st.st_size == 2000);
	}
}

TEST(unpack_refuses_damaged_archives)
{
	SCENE(s);
	SCENE(t);
	SCENE(u);

	file(&s, "f", "x");
	s.tar.data[20] ^= 1; /* the name, and so the checksum */
	CHECK(refuses(&s, "not a valid tar archive"));
	tar_add(&t.tar,
		(struct tar_entry){ .name = "cut", .type = '0', .size = 100000, .data = "x" });
	CHECK(refuses(&t, "not a valid tar archive"));
	file(&u, "f", "x");
	file(&u, "g", "x");
	u.tar.data[2 * TAR_BLOCK + 20] ^= 1;
	CHECK(refuses(&u, "not a valid tar archive"));
}

TEST(unpack_reads_what_follows_the_archive)
{
	SCENE(s);

	file(&s, "f", "f");
	tar_end(&s.tar);
	for (int i = 0; i < 1000; i++)
		buf_addf(&s.tar, "garbage %d", i);
	CHECK(unpacks(&s));
	CHECK(holds(&s, "f", "f"));
}

TEST(unpack_takes_an_empty_stream_for_an_empty_layer)
{
	SCENE(s);
	struct stream stream = { .data = &s.tar };
	const struct unpack_options options = { .single_id = true };

	CHECK(unpack_tar(s.stage, next_piece, &stream, &options, &s.bytes, &s.err) == 0);
	CHECK(s.bytes == 0);
}

/* As umoci's insert leaves it: complete but for what is there for the blocks' sake. */
TEST(unpack_takes_an_archive_that_was_not_closed)
{
	for (size_t len = TAR_BLOCK; len <= 2 * (size_t)TAR_BLOCK; len++) {
		const struct unpack_options options = { .single_id = true };
		SCENE(s);
		struct stream stream = { .data = &s.tar };
		int result;

		file(&s, "f", "six by");
		s.tar.len = len;
		result = unpack_tar(s.stage, next_piece, &stream, &options, &s.bytes, &s.err);
		if (len < TAR_BLOCK + 6)
			CHECK(result < 0 && s.err.kind == ERR_CORRUPT);
		else
			CHECK(result == 0 && holds(&s, "f", "six by"));
	}
}

TEST(unpack_makes_parents_of_any_depth)
{
	CLEAN(buf_done) struct buf path = { 0 };
	SCENE(s);

	for (int i = 0; i < 3; i++) {
		path.len = 0;
		buf_addf(&path, "%d", i);
		while (path.len < 4000)
			buf_adds(&path, "/a");
		tar_pax(&s.tar, "path", path.data);
		file(&s, "short", "x");
	}
	CHECK(unpacks(&s));
	CHECK(holds(&s, path.data, "x"));
}

int main(void)
{
	RUN(unpack_bounds_the_length_of_names);
	RUN(unpack_refuses_owners_beyond_32_bits);
	RUN(unpack_keeps_to_its_limits);
	RUN(unpack_bounds_what_little_can_become);
	RUN(unpack_bounds_what_follows_the_archive);
	RUN(unpack_keeps_sparse_files_within_their_size);
	RUN(unpack_refuses_damaged_archives);
	RUN(unpack_reads_what_follows_the_archive);
	RUN(unpack_takes_an_empty_stream_for_an_empty_layer);
	RUN(unpack_takes_an_archive_that_was_not_closed);
	RUN(unpack_makes_parents_of_any_depth);
	return test_summary();
}
