/* Layers that are too much: what they may cost, in bytes, entries, memory and room on the disk. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/skeleton.h"
#include "image/unpack.h"
#include "tests/unit/tar_writer.h"
#include "tests/unit/test.h"

struct scene {
	char path[64];
	int dir, stage;
	struct buf tar;
	int64_t zeros; /* that follow it, of which nobody keeps a copy */
	struct err err;
};

static void scene_init(struct scene *s)
{
	*s = (struct scene){ 0 };
	umask(0);
	strcpy(s->path, "/tmp/tiffin-test-limits.XXXXXX");
	if (!mkdtemp(s->path))
		perror("mkdtemp");
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(s->dir, "stage", 0755);
	s->stage = openat(s->dir, "stage", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void clean_scene(struct scene *s)
{
	close(s->stage);
	close(s->dir);
	buf_done(&s->tar);
	CHECK(tree_remove_at(AT_FDCWD, s->path, NULL) == 0);
}

#define SCENE(s)                                                                                   \
	CLEAN(clean_scene) struct scene s;                                                         \
	scene_init(&(s))

struct stream {
	const struct scene *scene;
	size_t at;
	int64_t zeros;
};

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	static const char zeros[65536];
	struct stream *s = arg;
	const size_t left = s->scene->tar.len - s->at;

	(void)err;
	if (!left) {
		*ret_data = zeros;
		*ret_len = s->zeros < (int64_t)sizeof(zeros) ? (size_t)s->zeros : sizeof(zeros);
		s->zeros -= (int64_t)*ret_len;
		return *ret_len > 0;
	}
	*ret_len = left < 65536 ? left : 65536;
	*ret_data = s->scene->tar.data + s->at;
	s->at += *ret_len;
	return 1;
}

static int unpack(struct scene *s, struct unpack_options options)
{
	struct stream stream = { .scene = s, .zeros = s->zeros };
	int64_t bytes;

	options.single_id = true;
	s->err = (struct err){ 0 };
	return unpack_tar(s->stage, next_piece, &stream, &options, &bytes, &s->err);
}

/* Does it end so? "" stands for success. */
static bool says(struct scene *s, struct unpack_options options, const char *text)
{
	const int result = unpack(s, options);

	if (*text ? result < 0 && strstr(s->err.text, text) : result == 0)
		return true;
	printf("#   '%s'\n", s->err.text);
	return false;
}

static void add(struct scene *s, char type, const char *name, int64_t size, const char *data)
{
	tar_add(&s->tar, (struct tar_entry){ .name = name, .type = type, .mode = 0644,
					     .size = size, .data = data });
}

#define NONE (struct unpack_options) { 0 }
#define GIB  ((int64_t)1 << 30)

/* The control: so large a file is cut short here, but that is all that is wrong with it. */
TEST(limits_are_those_of_what_gzip_can_do)
{
	SCENE(s);

	add(&s, '0', "f", 5 * GIB, NULL);
	CHECK(says(&s, (struct unpack_options){ .packed = 1000 }, "larger than any may be"));
	CHECK(!says(&s, (struct unpack_options){ .packed = 2 << 20 }, "larger than any may be"));
	CHECK(!says(&s, NONE, "larger than any may be"));
	CHECK(!says(&s, (struct unpack_options){ .packed = INT64_MAX }, "larger than any may be"));
}

TEST(limits_count_what_is_passed_over)
{
	static const char *const names[] = { ".wh.x", ".wh..wh.plnk/x", "d/.wh..wh..opq" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		SCENE(s);

		add(&s, '0', names[i], 1 << 20, NULL);
		s.zeros = (1 << 20) + 1024;
		CHECK(says(&s, (struct unpack_options){ .max_bytes = 1000, .max_entries = 10 },
			   "larger archive than any"));
		CHECK(says(&s, (struct unpack_options){ .max_bytes = 2 << 20 }, ""));
	}
}

TEST(limits_count_what_follows_the_archive)
{
	SCENE(s);

	add(&s, '0', "f", 0, "f");
	s.zeros = 1 << 20;
	CHECK(says(&s, (struct unpack_options){ .max_bytes = 1000, .max_entries = 10 },
		   "larger archive than any"));
	CHECK(says(&s, NONE, ""));
}

TEST(limits_leave_room_on_the_disk)
{
	SCENE(s);
	struct statvfs v;

	CHECK(fstatvfs(s.stage, &v) == 0);
	add(&s, '0', "f", (int64_t)(v.f_bavail * v.f_frsize), NULL);
	CHECK(says(&s, (struct unpack_options){ .max_bytes = INT64_MAX / 2 },
		   "cannot write 'f': No space left on device"));
	CHECK(s.err.kind == ERR_NO_SPACE);
	CHECK(faccessat(s.stage, "f", F_OK, 0) < 0);
}

TEST(limits_refuse_sizes_that_are_none)
{
	static const char *const sizes[] = { "-1", "8589934592", "9223372036854775807",
					     "18446744073709551616" };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		SCENE(s);

		tar_pax(&s.tar, "size", sizes[i]);
		add(&s, '0', "f", 0, "x");
		tar_end(&s.tar);
		CHECK(unpack(&s, NONE) < 0 && s.err.kind == ERR_CORRUPT);
	}
	for (int64_t size = -1; size >= -(GIB << 3); size *= 1 << 10) {
		SCENE(s);

		add(&s, '0', "f", size, "x");
		tar_end(&s.tar);
		CHECK(unpack(&s, NONE) < 0 && s.err.kind == ERR_CORRUPT);
	}
	SCENE(s);
	tar_pax(&s.tar, "size", "1");
	add(&s, '0', "f", 0, "x");
	tar_end(&s.tar);
	CHECK(says(&s, NONE, ""));
}

/* Of what libarchive can do, tar alone is wanted, and it is not to decompress. */
TEST(limits_refuse_formats_that_are_not_tar)
{
	static const struct {
		const char *name, *data;
		size_t len;
	} formats[] = {
		{ "cpio", "070701", 6 },
		{ "binary cpio", "\xc7\x71", 2 },
		{ "zip", "PK\003\004", 4 },
		{ "7z", "7z\xbc\xaf\x27\x1c", 6 },
		{ "rar", "Rar!\x1a\x07\x01\x00", 8 },
		{ "ar", "!<arch>\n", 8 },
		{ "xar", "xar!", 4 },
		{ "mtree", "#mtree\n. type=dir\n", 18 },
		{ "gzip", "\x1f\x8b\x08", 3 },
		{ "xz", "\xfd" "7zXZ", 6 },
		{ "bzip2", "BZh9", 4 },
		{ "uu", "begin 644 x\n", 12 },
		{ "shar", "#!/bin/sh\nsave\n", 15 },
		{ "warc", "WARC/1.0\r\n", 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		SCENE(s);

		buf_add(&s.tar, formats[i].data, formats[i].len);
		s.zeros = 40000;
		CHECK_STR(says(&s, NONE, "not a valid tar archive") ? "" : formats[i].name, "");
	}
}

enum { FILES = 30000 };

static long peak_kib(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_maxrss;
}

/* A skeleton of its own, so that its memory counts, too. */
static int unpack_whole(struct scene *s)
{
	CLEAN(clean_skeleton) struct skeleton *skeleton = NULL;

	return skeleton_new(s->dir, &skeleton, &s->err) < 0 ||
			       unpack(s, (struct unpack_options){ .skeleton = skeleton }) < 0 ||
			       skeleton_finish(skeleton, &s->err) < 0 ?
		       -1 :
		       0;
}

TEST(limits_of_memory_hold_for_any_number_of_files)
{
	SCENE(s);
	long before;

	for (int i = 0; i < FILES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d%d/f%d", i % 100, i);
		add(&s, '0', name, 0, NULL);
	}
	tar_end(&s.tar);
	before = peak_kib();
	CHECK(unpack_whole(&s) == 0);
	CHECK_STR(s.err.text, "");
	CHECK(peak_kib() - before < 16 << 10);
}

TEST(limits_of_memory_hold_for_any_number_of_opaque_markers)
{
	SCENE(s);
	long before;

	for (int i = 0; i < FILES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d%d/.wh..wh..opq", i % 7);
		add(&s, '0', name, 0, NULL);
	}
	tar_end(&s.tar);
	before = peak_kib();
	CHECK(unpack_whole(&s) == 0);
	CHECK(peak_kib() - before < 16 << 10);
}

/* GNU tar's sparse format 1.0: the map stands before the data, as decimal numbers. */
TEST(limits_hold_for_a_million_extents)
{
	enum { EXTENTS = 1000000 };
	CLEAN(buf_done) struct buf map = { 0 };
	SCENE(s);
	struct stat st;

	tar_pax(&s.tar, "GNU.sparse.major", "1");
	tar_pax(&s.tar, "GNU.sparse.minor", "0");
	tar_pax(&s.tar, "GNU.sparse.name", "sparse");
	tar_pax(&s.tar, "GNU.sparse.realsize", "2000000");
	buf_addf(&map, "%d\n", EXTENTS);
	for (int i = 0; i < EXTENTS; i++)
		buf_addf(&map, "%d\n1\n", 2 * i);
	tar_pad(&map);
	buf_adds(&map, "");
	s.zeros = EXTENTS + 2048;
	add(&s, '0', "GNUSparseFile.0/sparse", (int64_t)map.len + EXTENTS, NULL);
	buf_add(&s.tar, map.data, map.len);
	if (unpack_whole(&s) == 0)
		CHECK(fstatat(s.stage, "sparse", &st, 0) == 0 && st.st_size == 2000000);
	else
		CHECK(s.err.kind == ERR_CORRUPT);
}

/* A directory turns into a symlink that leads out, and back, all the while. */
struct swapper {
	int stage;
	atomic_bool stop;
};

static void *swap(void *arg)
{
	struct swapper *x = arg;

	while (!atomic_load(&x->stop))
		syscall(SYS_renameat2, x->stage, "d", x->stage, "l", 2 /* RENAME_EXCHANGE */);
	return NULL;
}

TEST(limits_of_the_tree_hold_while_somebody_swaps_its_directories)
{
	SCENE(s);
	struct swapper x = { .stage = s.stage };
	pthread_t thread;
	struct stat st;
	int made = 0;

	CHECK(mkdirat(s.dir, "canary", 0755) == 0);
	CHECK(mkdirat(s.stage, "d", 0755) == 0 && symlinkat("../canary", s.stage, "l") == 0);
	/* In turns, so that no directory stays open. */
	for (int i = 0; i < 4000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s/%d", i % 2 ? "d" : "e", i);
		add(&s, '0', name, 0, "x");
	}
	tar_end(&s.tar);
	CHECK(pthread_create(&thread, NULL, swap, &x) == 0);
	/* What becomes of it is all one, but that it does not lead out. */
	for (int i = 0; i < 20; i++)
		made += unpack(&s, NONE) == 0;
	atomic_store(&x.stop, true);
	pthread_join(thread, NULL);
	printf("#   %d of 20 came to their end\n", made);
	CHECK(fstatat(s.dir, "canary", &st, 0) == 0 && st.st_nlink <= 2);
	CHECK(unlinkat(s.dir, "canary", AT_REMOVEDIR) == 0);
}

int main(void)
{
	RUN(limits_are_those_of_what_gzip_can_do);
	RUN(limits_count_what_is_passed_over);
	RUN(limits_count_what_follows_the_archive);
	RUN(limits_leave_room_on_the_disk);
	RUN(limits_refuse_sizes_that_are_none);
	RUN(limits_refuse_formats_that_are_not_tar);
	RUN(limits_of_memory_hold_for_any_number_of_files);
	RUN(limits_of_memory_hold_for_any_number_of_opaque_markers);
	RUN(limits_hold_for_a_million_extents);
	RUN(limits_of_the_tree_hold_while_somebody_swaps_its_directories);
	return test_summary();
}
