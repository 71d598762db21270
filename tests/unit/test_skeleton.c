/* Skeletons: a layer's tar stream is had again, bit for bit, whatever pieces it came in. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/hash.h"
#include "image/skeleton.h"
#include "image/unpack.h"
#include "storage/layer.h"
#include "tests/unit/tar_writer.h"
#include "tests/unit/test.h"

/* A store of its own, as for one ID: the tests run as anybody. */
struct scene {
	char path[64];
	struct store store;
	struct buf tar;
	char diff_id[DIGEST_SIZE];
};

static void clean_scene(struct scene *s)
{
	store_done(&s->store);
	buf_done(&s->tar);
	CHECK(tree_remove_at(AT_FDCWD, s->path, NULL) == 0);
}

static void scene_init(struct scene *s)
{
	*s = (struct scene){ .store = STORE_INIT };
	umask(0);
	strcpy(s->path, "/tmp/tiffin-test-skeleton.XXXXXX");
	CHECK(mkdtemp(s->path) && store_open(s->path, &s->store, NULL) == 0);
	s->store.single_id = true;
}

#define SCENE(s)                                                                                   \
	CLEAN(clean_scene) struct scene s;                                                         \
	scene_init(&(s))

static void add_file(struct scene *s, const char *name, size_t size)
{
	CLEAN(clean_free) char *data = xmalloc(size + 1);

	for (size_t i = 0; i < size; i++)
		data[i] = (char)('a' + (i * 7 + size) % 26);
	data[size] = '\0';
	tar_add(&s->tar,
		(struct tar_entry){
			.name = name, .type = '0', .mode = 0644, .mtime = 1000, .data = data });
}

static void add_link(struct scene *s, char type, const char *name, const char *target)
{
	tar_add(&s->tar,
		(struct tar_entry){
			.name = name, .type = type, .mode = 0777, .mtime = 1000, .link = target });
}

/* Pieces of one size, all in one place: what was there before is gone, as in the ring. */
struct stream {
	const struct buf *data;
	size_t at, size;
	char *piece;
};

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct stream *s = arg;
	const size_t left = s->data->len - s->at, n = left < s->size ? left : s->size;

	(void)err;
	memset(s->piece, '?', s->size);
	memcpy(s->piece, s->data->data + s->at, n);
	s->at += n;
	*ret_data = s->piece;
	*ret_len = n;
	return n > 0;
}

/* Unpacks it into the store, in pieces of that size. */
static bool keep(struct scene *s, size_t size)
{
	CLEAN(clean_skeleton) struct skeleton *skeleton = NULL;
	CLEAN(clean_free) char *piece = xmalloc(size);
	struct layer_stage stage = LAYER_STAGE_INIT;
	struct stream stream = { .data = &s->tar, .size = size, .piece = piece };
	const struct layer_info info = { .digest = "sha256:" };
	struct unpack_options options = { .single_id = true };
	struct err err = { 0 };
	int64_t bytes;
	bool ok;

	digest_of(s->tar.data, s->tar.len, s->diff_id);
	layer_remove(&s->store, s->diff_id, NULL);
	ok = layer_stage_new(&s->store, &stage, &err) == 0 &&
	     skeleton_new(stage.dir, &skeleton, &err) == 0;
	options.skeleton = skeleton;
	ok = ok && unpack_tar(stage.fs, next_piece, &stream, &options, &bytes, &err) == 0 &&
	     skeleton_finish(skeleton, &err) == 0 &&
	     layer_stage_commit(&s->store, &stage, s->diff_id, &info, &err) == 0;
	layer_stage_done(&s->store, &stage);
	if (!ok)
		printf("#   %s\n", err.text);
	return ok;
}

static int collect(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	buf_add(arg, data, len);
	return 0;
}

static bool comes_back(struct scene *s)
{
	CLEAN(buf_done) struct buf got = { 0 };
	struct err err = { 0 };
	int64_t size;

	if (skeleton_size(&s->store, s->diff_id, &size, &err) < 0 ||
	    skeleton_replay(&s->store, s->diff_id, collect, &got, &err) < 0) {
		printf("#   %s\n", err.text);
		return false;
	}
	return size == (int64_t)s->tar.len && got.len == s->tar.len &&
	       memcmp(got.data, s->tar.data, got.len) == 0;
}

static const size_t sizes[] = { 1, 7, 511, 512, 513, 4096, 65537, 262144, 10000000 };

static void fill(struct scene *s)
{
	tar_add(&s->tar, (struct tar_entry){ .name = "d", .type = '5', .mode = 0755 });
	add_file(s, "d/empty", 0);
	add_file(s, "d/one", 1);
	add_file(s, "d/block", 512);
	add_file(s, "d/more", 513);
	tar_pax(&s->tar, "path", "d/a name in a header of its own");
	add_file(s, "x", 5000);
	add_link(s, '1', "d/hard", "d/more");
	add_link(s, '2', "d/soft", "more");
	add_link(s, '2', "through", "d");
	add_file(s, "through/beneath", 700);
	add_file(s, ".wh..wh.plnk/left out", 3000);
	add_file(s, "d/.wh.gone", 0);
	add_file(s, "large", 1000000);
	tar_end(&s->tar);
}

TEST(skeleton_gives_the_stream_back_in_whatever_pieces_it_came)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		SCENE(s);
		fill(&s);
		CHECK(keep(&s, sizes[i]) && comes_back(&s));
	}
}

TEST(skeleton_keeps_what_follows_the_archive)
{
	SCENE(s);
	add_file(&s, "x", 100);
	tar_end(&s.tar);
	for (int i = 0; i < 100000; i++)
		buf_addf(&s.tar, "%d,", i);
	CHECK(keep(&s, 4096) && comes_back(&s));
}

TEST(skeleton_of_an_empty_layer_is_one)
{
	SCENE(s);
	tar_end(&s.tar);
	CHECK(keep(&s, 4096) && comes_back(&s));
}

/* A file that nobody reads, larger than what is kept undecided. */
TEST(skeleton_bounds_what_it_holds)
{
	SCENE(s);
	add_file(&s, ".wh..wh.plnk/huge", 20 << 20);
	add_file(&s, "x", 100);
	tar_end(&s.tar);
	CHECK(keep(&s, 65536) && comes_back(&s));
}

static bool tar_by(struct scene *s, const char *options)
{
	CLEAN(clean_free) char *command =
		xasprintf("cd %s && mkdir in && cd in && printf x >a && truncate -s 1M a && "
			  "printf y >>a && truncate -s 9M a && ln a b && "
			  "i=0; while [ $i -lt 60 ]; do printf z | dd of=c bs=1 seek=${i}00000 "
			  "conv=notrunc 2>/dev/null; i=$((i+1)); done; tar -c %s -f ../tar . && "
			  "cd .. && rm -r in", s->path, options);
	CLEAN(clean_free) char *file = xasprintf("%s/tar", s->path);
	pid_t pid;

	return proc_spawn((const char *const[]){ "sh", "-c", command, NULL }, NULL, &pid, NULL) == 0 &&
	       proc_reap(pid) == 0 &&
	       file_read_at(AT_FDCWD, file, 64 << 20, &s->tar, NULL) == 0;
}

TEST(skeleton_gives_sparse_files_back)
{
	static const char *const formats[] = {
		"--format=gnu -S",
		"--format=gnu",
		"--format=posix -S --sparse-version=0.0",
		"--format=posix -S --sparse-version=0.1",
		"--format=posix -S --sparse-version=1.0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		SCENE(s);
		CHECK(tar_by(&s, formats[i]));
		CHECK_STR(keep(&s, 10007) && comes_back(&s) ? "" : formats[i], "");
	}
}

TEST(skeleton_notices_what_was_changed)
{
	SCENE(s);
	CLEAN(clean_free) char *path = NULL;
	CLEAN(clean_fd) int fd = -1;
	CLEAN(buf_done) struct buf got = { 0 };
	struct err err = { 0 };

	fill(&s);
	CHECK(keep(&s, 4096));
	path = xasprintf("%s/layers/%s.single/fs/d/block", s.path, digest_hex(s.diff_id));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(pwrite(fd, "!", 1, 100) == 1);
	CHECK(skeleton_replay(&s.store, s.diff_id, collect, &got, &err) < 0);
	CHECK(err.kind == ERR_CORRUPT);
	CHECK(ftruncate(fd, 10) == 0);
	CHECK(skeleton_replay(&s.store, s.diff_id, collect, &got, &err) < 0);
	CHECK(err.kind == ERR_CORRUPT);
}

/* Whatever makes way for a later entry, by itself or with the directory that it is in. */
TEST(skeleton_gives_back_what_later_entries_have_replaced)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		SCENE(s);
		add_file(&s, "x", 100);
		add_file(&s, "x", 5000);
		tar_add(&s.tar, (struct tar_entry){ .name = "d", .type = '5', .mode = 0755 });
		add_file(&s, "d/f", 700);
		add_file(&s, "d/f", 900);
		add_link(&s, '1', "hard", "d/f");
		add_file(&s, "d", 300);
		add_file(&s, "x", 1);
		add_link(&s, '2', "d", "x");
		add_file(&s, "hard", 600);
		add_file(&s, "empty", 0);
		add_file(&s, "empty", 10);
		tar_end(&s.tar);
		CHECK(keep(&s, sizes[i]) && comes_back(&s));
	}
}

/* A reference whose file has gone from where it was put is an error, and not another layer. */
TEST(skeleton_without_what_was_replaced_is_refused)
{
	SCENE(s);
	CLEAN(buf_done) struct buf got = { 0 };
	CLEAN(clean_fd) int dir = -1;
	struct err err = { 0 };

	add_file(&s, "x", 100);
	add_file(&s, "x", 101);
	tar_end(&s.tar);
	CHECK(keep(&s, 4096));
	CHECK(layer_open_file(&s.store, s.diff_id, "shadowed", &dir, NULL) == 0);
	CHECK(unlinkat(dir, "0", 0) == 0);
	CHECK(skeleton_replay(&s.store, s.diff_id, collect, &got, &err) < 0);
}

/* Cut anywhere, or with any byte another: an error, and no crash. */
TEST(skeleton_that_is_damaged_is_refused)
{
	SCENE(s);
	CLEAN(clean_free) char *path = NULL;
	CLEAN(buf_done) struct buf whole = { 0 };

	fill(&s);
	CHECK(keep(&s, 4096));
	path = xasprintf("%s/layers/%s.single/" SKELETON_NAME, s.path, digest_hex(s.diff_id));
	CHECK(file_read_at(AT_FDCWD, path, 1 << 20, &whole, NULL) == 0 && whole.len > 100);
	for (size_t i = 0; i < whole.len; i += 3) {
		CLEAN(buf_done) struct buf got = { 0 };
		CLEAN(clean_free) char *bad = xmalloc(whole.len);

		memcpy(bad, whole.data, whole.len);
		bad[i] ^= 0x15;
		CHECK(file_replace_at(AT_FDCWD, path, bad, whole.len, 0600, RELAXED, NULL) == 0);
		skeleton_replay(&s.store, s.diff_id, collect, &got, NULL);
		CHECK(file_replace_at(AT_FDCWD, path, bad, i, 0600, RELAXED, NULL) == 0);
		got.len = 0;
		CHECK(skeleton_replay(&s.store, s.diff_id, collect, &got, NULL) < 0);
	}
}

int main(void)
{
	RUN(skeleton_gives_the_stream_back_in_whatever_pieces_it_came);
	RUN(skeleton_keeps_what_follows_the_archive);
	RUN(skeleton_of_an_empty_layer_is_one);
	RUN(skeleton_bounds_what_it_holds);
	RUN(skeleton_gives_sparse_files_back);
	RUN(skeleton_notices_what_was_changed);
	RUN(skeleton_gives_back_what_later_entries_have_replaced);
	RUN(skeleton_without_what_was_replaced_is_refused);
	RUN(skeleton_that_is_damaged_is_refused);
	return test_summary();
}
