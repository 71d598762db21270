/* storage: the store, layers and images. */
#include "tests/unit/storage_scene.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/json.h"
#include "storage/image.h"
#include "storage/layer.h"

/* --- the store --- */

TEST(a_fresh_store_has_its_layout)
{
	static const char *const names[] = {"layers", "images", "containers",
						"names",  "locks",	"tmp"};
	CLEAN(store_done) struct store s = STORE_INIT;
	CLEAN(buf_done) struct buf layout = {0};
	struct stat st;

	CHECK(open_store("fresh/deep", &s, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(fstatat(s.fd, names[i], &st, 0) == 0 && S_ISDIR(st.st_mode) &&
		      (st.st_mode & 0777) == 0700);
	CHECK(fstat(s.fd, &st) == 0 && (st.st_mode & 0777) == 0700);
	CHECK(file_read_at(s.fd, "layout", 100, &layout, NULL) == 0);
	CHECK_STR(buf_str(&layout), "tiffin store 1\n");
	CHECK(s.root[0] == '/' && count(s.fd, "tmp") == 0);
}

TEST(a_store_of_another_version_is_refused_and_left_alone)
{
	CLEAN(store_done) struct store s = STORE_INIT;
	struct err e = {0};

	mkdirat(work, "newer", 0700);
	write_file(work, "newer/layout", "tiffin store 2\n");
	CHECK(open_store("newer", &s, &e) < 0 && e.kind == ERR_UNSUPPORTED && e.hint[0]);
	CHECK(count(work, "newer") == 1 && s.fd == -1);
}

TEST(a_store_of_somebody_elses_is_refused)
{
	CLEAN(store_done) struct store s = STORE_INIT;
	struct err e = {0};

	/* For whom everything is their own, there is nobody else: then nothing can be said. */
	if (geteuid() == 0)
		return;
	CHECK(store_open("/usr", &s, &e) < 0 && e.kind == ERR_DENIED && s.fd == -1);
	CHECK(strstr(e.text, "belongs to user 0") != NULL);
}

TEST(a_store_that_others_could_read_is_made_private)
{
	CLEAN(store_done) struct store s = STORE_INIT;
	struct stat st;

	CHECK(mkdirat(work, "open", 0755) == 0 && fchmodat(work, "open", 0777, 0) == 0);
	CHECK(open_store("open", &s, NULL) == 0);
	CHECK(fstat(s.fd, &st) == 0 && (st.st_mode & 07777) == 0700);
}

TEST(a_store_with_an_empty_name_is_refused)
{
	CLEAN(store_done) struct store s = STORE_INIT;
	struct err e = {0};

	mkdirat(work, "here", 0755);
	CHECK(fchdir(work) == 0 && chdir("here") == 0);
	CHECK(store_open("", &s, &e) < 0 && e.kind == ERR_USAGE);
	CHECK(fchdir(work) == 0 && count(work, "here") == 0);
}

TEST(a_sweep_takes_abandoned_stages_and_trash_and_passes_over_locked_ones)
{
	char kept[STAGE_NAME_MAX], left[STAGE_NAME_MAX], trash[STAGE_NAME_MAX];
	int kept_fd, kept_lock, left_fd, left_lock;

	CHECK(store_stage(&store, kept, &kept_fd, &kept_lock, NULL) == 0);
	CHECK(store_stage(&store, left, &left_fd, &left_lock, NULL) == 0);
	mkdirat(left_fd, "in it", 0000);
	mkdirat(store.fd, "to go", 0700);
	CHECK(store_trash(&store, store.fd, "to go", trash, NULL) == 0 &&
	      !exists(store.fd, "to go"));
	close(left_fd);
	close(left_lock);
	store_sweep(&store, NULL, NULL);
	CHECK(exists(store.tmp, kept) && !exists(store.tmp, left) && !exists(store.tmp, trash));
	CHECK(count(store.fd, "tmp") == 2); /* the stage and its lock */
	store_unstage(&store, kept);
	CHECK(count(store.fd, "tmp") == 0);
	close(kept_fd);
	close(kept_lock);
}

/* --- layers --- */

static const struct layer_info info = {.digest = DIGEST("beef"), .size = 1, .diff_size = 10};

static int put_layer(const char *diff_id)
{
	struct layer_stage stage = LAYER_STAGE_INIT;
	int result = layer_stage_new(&store, &stage, NULL);

	if (result == 0) {
		write_file(stage.fs, "file", diff_id);
		result = layer_stage_commit(&store, &stage, diff_id, &info, NULL);
	}
	layer_stage_done(&store, &stage);
	return result;
}

TEST(a_layer_appears_by_commit_only)
{
	struct layer_stage stage = LAYER_STAGE_INIT;
	struct layer_info got = {0};
	int fs = -1;

	CHECK(layer_stage_new(&store, &stage, NULL) == 0);
	write_file(stage.fs, "file", "x");
	CHECK(!layer_exists(&store, DIGEST("0001")));
	CHECK(layer_open(&store, DIGEST("0001"), &fs, NULL) < 0 && fs == -1);
	CHECK(layer_stage_commit(&store, &stage, DIGEST("0001"), &info, NULL) == 0);
	layer_stage_done(&store, &stage);
	CHECK(layer_exists(&store, DIGEST("0001")) && count(store.fd, "tmp") == 0);
	CHECK(layer_open(&store, DIGEST("0001"), &fs, NULL) == 0 && exists(fs, "file"));
	CHECK(layer_read_info(&store, DIGEST("0001"), &got, NULL) == 0 && got.diff_size == 10);
	CHECK_STR(got.digest, info.digest);
	close(fs);
	CHECK(put_layer(DIGEST("0001")) == 0); /* once more is no error */
	CHECK(layer_remove(&store, DIGEST("0001"), NULL) == 0 &&
	      !layer_exists(&store, DIGEST("0001")));
	store_sweep(&store, NULL, NULL);
}

TEST(a_stage_that_is_not_committed_vanishes)
{
	struct layer_stage stage = LAYER_STAGE_INIT;

	CHECK(layer_stage_new(&store, &stage, NULL) == 0 && count(store.fd, "tmp") == 2);
	layer_stage_done(&store, &stage);
	CHECK(count(store.fd, "tmp") == 0 && count(store.fd, "layers") == 0);
	layer_stage_done(&store, &stage); /* twice does no harm */
}

TEST(a_layer_unpacked_with_one_id_is_another_one)
{
	struct store single = store;

	single.single_id = true;
	CHECK(put_layer(DIGEST("0002")) == 0);
	CHECK(layer_exists(&store, DIGEST("0002")) && !layer_exists(&single, DIGEST("0002")));
	CHECK(layer_remove(&single, DIGEST("0002"), NULL) == 0 &&
	      !layer_exists(&store, DIGEST("0002")));
	store_sweep(&store, NULL, NULL);
}

TEST(of_two_processes_that_want_a_layer_the_second_waits)
{
	CLEAN(clean_fd) int lock = -1;
	struct err e = {0};
	int told[2] = {-1, -1}, theirs;
	struct pollfd p;
	pid_t pid;

	CHECK(pipe2(told, O_CLOEXEC) == 0 &&
	      layer_lock(&store, DIGEST("0003"), false, &lock, NULL) == 0);
	pid = fork();
	if (pid == 0) {
		close(fd_take(&lock));
		if (layer_lock(&store, DIGEST("0003"), false, &theirs, &e) == 0 ||
			e.kind != ERR_BUSY)
			_exit(1);
		if (write(told[1], "b", 1) != 1 ||
			layer_lock(&store, DIGEST("0003"), true, &theirs, &e) < 0)
			_exit(2);
		_exit(write(told[1], "l", 1) == 1 ? 0 : 3);
	}
	close(told[1]);
	CHECK(read(told[0], (char[1]){0}, 1) == 1);
	p = (struct pollfd){.fd = told[0], .events = POLLIN};
	CHECK(poll(&p, 1, 100) == 0);
	close(fd_take(&lock));
	CHECK(poll(&p, 1, 60000) == 1 && proc_reap(pid) == 0);
	close(told[0]);
}

TEST(what_is_no_digest_is_refused_before_any_path_is_made_of_it)
{
	static const char *const bad[] = {
		"sha256:../../../../../../../../../../tmp/escaped",
		"sha256:..",
		"sha256:",
		"",
		"sha256",
		"sha512:00000000",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"sha256:000000000000000000000000000000000000000000000000000000000000000",
		"sha256:00000000000000000000000000000000000000000000000000000000000000000",
		"sha256:000000000000000000000000000000000000000000000000000000000000000A",
		"sha256:000000000000000000000000000000000000000000000000000000000000000g",
		"sha256:000000000000000000000000000000000000000000000000000000000000000\n",
		"sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
		"SHA256:0000000000000000000000000000000000000000000000000000000000000000",
		"sha256:/000000000000000000000000000000000000000000000000000000000000000",
	};
	struct layer_stage stage = LAYER_STAGE_INIT;
	size_t locks = count(store.fd, "locks");

	CHECK(layer_stage_new(&store, &stage, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct layer_info ignored;
		struct err e = {0};
		int fd = -1;

		CHECK(!layer_exists(&store, bad[i]));
		CHECK(layer_open(&store, bad[i], &fd, &e) < 0 && e.kind == ERR_CORRUPT && fd == -1);
		CHECK(layer_lock(&store, bad[i], false, &fd, &e) < 0 && e.kind == ERR_CORRUPT);
		CHECK(layer_read_info(&store, bad[i], &ignored, &e) < 0 && e.kind == ERR_CORRUPT);
		CHECK(layer_stage_commit(&store, &stage, bad[i], &info, &e) < 0 &&
		      e.kind == ERR_CORRUPT);
		CHECK(layer_remove(&store, bad[i], &e) < 0 && e.kind == ERR_CORRUPT);
		CHECK(!strchr(e.text, '\n'));
	}
	layer_stage_done(&store, &stage);
	CHECK(count(store.fd, "locks") == locks && count(store.fd, "layers") == 0);
}

/* --- images --- */

/* An image of the layers named, NULL-terminated; its ID is 64 digits of id. */
static int put_image(const char *id, const char *name, const char *repository,
		     const char *const layers[], struct err *err)
{
	CLEAN(strv_done) struct strv diff_ids = {0};
	char whole[IMAGE_ID_LEN + 1];

	for (; *layers; layers++)
		strv_add(&diff_ids, *layers);
	for (size_t i = 0; i < IMAGE_ID_LEN; i++)
		whole[i] = id[i % strlen(id)];
	whole[IMAGE_ID_LEN] = '\0';
	return image_put(&store,
			 &(struct image_new){
			     .id = whole,
			     .config = "{\"c\":1}",
			     .config_len = 7,
			     .manifest_digest = DIGEST("feed"),
			     .manifest = "{}",
			     .manifest_len = 2,
			     .layers = &diff_ids,
			     .size = 10,
			     .created = 5,
			     .name = name,
			     .repository = repository,
			     .index_digest = DIGEST("1dea"),
			 },
			 err);
}

static int find(const char *canonical, const char *id, char ret[8], struct err *err)
{
	CLEAN(image_record_done) struct image_record r = {0};

	if (image_find(&store, canonical, id, &r, err) < 0)
		return -1;
	snprintf(ret, 8, "%.4s", r.id);
	return 0;
}

static void remove_image(const char *id)
{
	CLEAN(image_record_done) struct image_record r = {0};
	CLEAN(strv_done) struct strv layers = {0};
	CLEAN(clean_fd) int lock = -1;

	CHECK(image_lock(&store, true, &lock, NULL) == 0);
	CHECK(image_find(&store, NULL, id, &r, NULL) == 0);
	CHECK(image_remove(&store, &r, &layers, NULL) == 0);
}

TEST(an_image_is_found_by_name_digest_and_prefix)
{
	const char *const layers[] = {DIGEST("000a"), NULL};
	CLEAN(image_record_done) struct image_record r = {0};
	CLEAN(buf_done) struct buf config = {0};
	struct err e = {0};
	char got[8] = "";

	CHECK(put_layer(layers[0]) == 0);
	CHECK(put_image("abc1", "r.io/a/b:1", "r.io/a/b", layers, NULL) == 0);
	CHECK(put_image("abd2", "r.io/a/b:2", NULL, layers, NULL) == 0);
	CHECK(find("r.io/a/b:1", NULL, got, NULL) == 0 && streq(got, "abc1"));
	CHECK(find("r.io/a/b:2", "abc1", got, NULL) == 0 &&
	      streq(got, "abd2")); /* names come first */
	CHECK(find("r.io/a/b@" DIGEST("feed"), NULL, got, NULL) == 0 && streq(got, "abc1"));
	CHECK(find("r.io/a/b@" DIGEST("1dea"), NULL, got, NULL) == 0 && streq(got, "abc1"));
	CHECK(find("docker.io/library/abd:latest", "abd", got, NULL) == 0 && streq(got, "abd2"));
	CHECK(find(NULL, "sha256:abc", got, NULL) == 0 && streq(got, "abc1"));
	CHECK(find(NULL, "ab", got, &e) < 0 && e.kind == ERR_USAGE && strstr(e.text, "abc1abc1"));
	CHECK(strstr(e.text, "abd2abd2") != NULL);
	CHECK(find("r.io/a/b:3", "r.io/a/b:3", got, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK_STR(e.text, "r.io/a/b:3: image not known");
	CHECK(find(NULL, "../images", got, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK(find(NULL, "", got, &e) < 0 && e.kind == ERR_NOT_FOUND);

	CHECK(image_find(&store, "r.io/a/b:1", NULL, &r, NULL) == 0 && r.names.n == 1 &&
	      r.size == 10);
	CHECK(strv_has(&r.digests, "r.io/a/b@" DIGEST("feed")) && streq(r.layers.v[0], layers[0]));
	CHECK(image_read_config(&store, r.id, &config, NULL) == 0);
	CHECK_STR(buf_str(&config), "{\"c\":1}");
}

TEST(a_name_moves_to_the_image_that_was_put_last)
{
	const char *const layers[] = {DIGEST("000a"), NULL};
	struct image_record *list;
	char got[8] = "";
	size_t n;

	CHECK(put_image("abd2", "r.io/a/b:1", NULL, layers, NULL) == 0);
	CHECK(find("r.io/a/b:1", NULL, got, NULL) == 0 && streq(got, "abd2"));
	CHECK(image_list(&store, &list, &n, NULL) == 0 && n == 2);
	for (size_t i = 0; i < n; i++)
		CHECK(list[i].names.n == (list[i].id[2] == 'd' ? 2 : 0));
	image_list_done(list, n);
}

TEST(images_are_not_passed_over_where_descriptors_are_what_is_missing)
{
	struct image_record *list = NULL;
	struct rlimit before, few;
	struct err e = {0};
	int next = dup(0);
	size_t n = 0;

	close(next);
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	few = before;
	few.rlim_cur = (rlim_t)next + 1; /* for the directory, and for nothing in it */
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	CHECK(image_list(&store, &list, &n, &e) < 0 && e.sys == EMFILE && n == 0);
	CHECK(image_list(&store, &list, &n, NULL) < 0);
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST(an_image_whose_layer_is_missing_is_not_put)
{
	const char *const layers[] = {DIGEST("000a"), DIGEST("dead"), NULL};
	struct err e = {0};

	CHECK(put_image("eee0", "r.io/broken:1", NULL, layers, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK(find("r.io/broken:1", "eee0", (char[8]){0}, NULL) < 0);
}

TEST(names_whose_image_is_gone_are_passed_over)
{
	const char *const layers[] = {DIGEST("000a"), NULL};
	char id[IMAGE_ID_LEN + 8], trash[STAGE_NAME_MAX], got[8] = "";
	CLEAN(image_record_done) struct image_record r = {0};
	struct err e = {0};

	CHECK(put_image("fff1", "r.io/gone:1", NULL, layers, NULL) == 0);
	CHECK(image_find(&store, "r.io/gone:1", NULL, &r, NULL) == 0);
	snprintf(id, sizeof(id), "%s", r.id);
	CHECK(store_trash(&store, store.images, id, trash, NULL) == 0);
	CHECK(find("r.io/gone:1", NULL, got, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK(find("r.io/gone:1", "abc", got, NULL) == 0 && streq(got, "abc1"));
	store_sweep(&store, NULL, NULL);
}

/* The list of names is ours, and still no path is made of what is in it unseen. */
TEST(names_that_lead_to_no_id_are_passed_over)
{
	CLEAN(strv_done) struct strv dangling = {0};
	struct err e = {0};
	char got[8] = "";

	mkdirat(store.fd, "elsewhere", 0700);
	write_file(store.fd, "elsewhere/image.json", "{}");
	write_file(store.images, "references",
		   "{\"references\":{\"r.io/up:1\":{\"id\":\"../elsewhere\"},\"r.io/none:1\":{}}}");
	CHECK(find("r.io/up:1", NULL, got, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK(find("r.io/none:1", NULL, got, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK(image_find_dangling(&store, &dangling, NULL) == 0 && dangling.n == 2);
	CHECK(image_drop_dangling(&store, NULL) == 0);
	CHECK(tree_remove_at(store.fd, "elsewhere", NULL) == 0);
}

TEST(what_has_no_id_for_a_name_is_no_image)
{
	struct image_record *list, *more;
	char got[8] = "";
	size_t n, n_more;

	CHECK(image_list(&store, &list, &n, NULL) == 0);
	mkdirat(store.images, "e1sewhere", 0700);
	write_file(store.images, "e1sewhere/image.json", "{}");
	CHECK(find(NULL, "e1", got, NULL) < 0);
	CHECK(image_list(&store, &more, &n_more, NULL) == 0 && n_more == n);
	image_list_done(list, n);
	image_list_done(more, n_more);
	CHECK(tree_remove_at(store.images, "e1sewhere", NULL) == 0);
}

TEST(another_manifest_of_an_image_is_kept_under_its_digest_or_not_at_all)
{
	static const char *const digests[] = { DIGEST("cafe"), "sha256:../../../x", "sha256:", "" };
	const char *const layers[] = {DIGEST("000a"), NULL};
	CLEAN(image_record_done) struct image_record r = {0};
	CLEAN(strv_done) struct strv diff_ids = {0};
	size_t before;

	CHECK(put_image("abc1", NULL, NULL, layers, NULL) == 0);
	CHECK(image_find(&store, NULL, "abc1", &r, NULL) == 0);
	CLEAN(clean_free) char *path = xasprintf("images/%s", r.id);

	strv_add(&diff_ids, layers[0]);
	before = count(store.fd, path);
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
		const struct image_new image = {
			.id = r.id, .config = "{\"c\":1}", .config_len = 7,
			.manifest_digest = digests[i], .manifest = "{ }", .manifest_len = 3,
			.layers = &diff_ids,
		};

		CHECK(image_put(&store, &image, NULL) == 0);
		CHECK(count(store.fd, path) == before + 1);
	}
}

TEST(no_layer_is_dropped_where_nobody_can_tell_who_has_it)
{
	const char *const layers[] = {DIGEST("000d"), NULL};
	CLEAN(image_record_done) struct image_record r = {0};

	CHECK(put_layer(layers[0]) == 0);
	CHECK(put_image("ddd4", NULL, NULL, layers, NULL) == 0);
	CHECK(put_image("ddd5", NULL, NULL, layers, NULL) == 0);
	CHECK(image_find(&store, NULL, "ddd5", &r, NULL) == 0);
	CLEAN(clean_free) char *record = xasprintf("%s/image.json", r.id);

	write_file(store.images, record, "{\"layers\"");
	remove_image("ddd4");
	CHECK(layer_exists(&store, layers[0]));
	CHECK(tree_remove_at(store.images, r.id, NULL) == 0);
	CHECK(layer_remove(&store, layers[0], NULL) == 0);
}

TEST(removal_drops_layers_that_no_other_image_has)
{
	const char *const both[] = {DIGEST("000a"), DIGEST("000b"), NULL};
	CLEAN(clean_fd) int lock = -1;

	CHECK(put_layer(both[1]) == 0 && put_layer(DIGEST("000c")) == 0);
	CHECK(put_image("bbb3", "r.io/both:1", NULL, both, NULL) == 0);
	remove_image("bbb3");
	CHECK(layer_exists(&store, both[0]) && !layer_exists(&store, both[1]));
	CHECK(layer_exists(&store, DIGEST("000c"))); /* of nobody yet: its pull may be under way */
	CHECK(find("r.io/both:1", "bbb3", (char[8]){0}, NULL) < 0);

	/* A layer that is being fetched once more stays. */
	CHECK(put_layer(both[1]) == 0 && put_image("bbb3", "r.io/both:1", NULL, both, NULL) == 0);
	CHECK(layer_lock(&store, both[1], true, &lock, NULL) == 0);
	remove_image("bbb3");
	CHECK(layer_exists(&store, both[1]));
	CHECK(layer_remove(&store, both[1], NULL) < 0);
	close(fd_take(&lock));
	CHECK(layer_remove(&store, both[1], NULL) == 0);
	remove_image("abc1");
	CHECK(layer_exists(&store, both[0]));
	remove_image("abd2");
	CHECK(!layer_exists(&store, both[0]));
	CHECK(layer_remove(&store, DIGEST("000c"), NULL) == 0);
	store_sweep(&store, NULL, NULL);
	CHECK(count(store.fd, "tmp") == 0 && count(store.fd, "layers") == 0);
}

TEST(a_list_of_names_that_cannot_be_read_is_an_error_and_no_crash)
{
	struct image_record *list;
	struct err e = {0};
	size_t n;

	write_file(store.images, "references", "{\"references\"");
	CHECK(image_list(&store, &list, &n, &e) < 0 && e.kind == ERR_CORRUPT);
	CHECK(unlinkat(store.images, "references", 0) == 0);
	CHECK(mkdirat(store.images, "references", 0700) == 0);
	CHECK(image_list(&store, &list, &n, &e) < 0 && image_list(&store, &list, &n, NULL) < 0);
	CHECK(unlinkat(store.images, "references", AT_REMOVEDIR) == 0);
	CHECK(image_list(&store, &list, &n, NULL) == 0 && n == 0);
	image_list_done(list, n);
}

int main(void)
{
	scene_begin("test_storage");
	RUN(a_fresh_store_has_its_layout);
	RUN(a_store_of_another_version_is_refused_and_left_alone);
	RUN(a_store_of_somebody_elses_is_refused);
	RUN(a_store_that_others_could_read_is_made_private);
	RUN(a_store_with_an_empty_name_is_refused);
	RUN(a_sweep_takes_abandoned_stages_and_trash_and_passes_over_locked_ones);
	RUN(a_layer_appears_by_commit_only);
	RUN(a_stage_that_is_not_committed_vanishes);
	RUN(a_layer_unpacked_with_one_id_is_another_one);
	RUN(of_two_processes_that_want_a_layer_the_second_waits);
	RUN(what_is_no_digest_is_refused_before_any_path_is_made_of_it);
	RUN(an_image_is_found_by_name_digest_and_prefix);
	RUN(a_name_moves_to_the_image_that_was_put_last);
	RUN(images_are_not_passed_over_where_descriptors_are_what_is_missing);
	RUN(an_image_whose_layer_is_missing_is_not_put);
	RUN(names_whose_image_is_gone_are_passed_over);
	RUN(names_that_lead_to_no_id_are_passed_over);
	RUN(what_has_no_id_for_a_name_is_no_image);
	RUN(another_manifest_of_an_image_is_kept_under_its_digest_or_not_at_all);
	RUN(no_layer_is_dropped_where_nobody_can_tell_who_has_it);
	RUN(removal_drops_layers_that_no_other_image_has);
	RUN(a_list_of_names_that_cannot_be_read_is_an_error_and_no_crash);
	return scene_end();
}
