/* storage: the store, layers, images, containers; and what base does under attack and on a full
 * disk. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/layer.h"
#include "tests/unit/namespaces.h"

#define DIGEST(c) "sha256:" c c c c c c c c c c c c c c c c

/* A directory to work in, and a store there; main() removes them. */
static char work_path[4096];
static int work = -1;
static struct store store = STORE_INIT;

static bool exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t count(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)))
		n += !streq(e->d_name, ".") && !streq(e->d_name, "..");
	return n;
}

static void write_file(int dirfd, const char *name, const char *text)
{
	CLEAN(clean_fd)
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0);
}

/* Opens a store of its own below the directory to work in. */
static int open_store(const char *name, struct store *ret, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/%s", work_path, name);

	return store_open(path, ret, err);
}

/* A new process that waits until all of them are there: *gate is closed to let them go. */
static pid_t fork_at_gate(const int gate[2])
{
	pid_t pid = fork();
	char byte;

	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(99);
	}
	return pid;
}

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
	CHECK(poll(&p, 1, 10000) == 1 && proc_reap(pid) == 0);
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

/* --- containers --- */

static int make_container(const char *name, struct container_dir *ret, struct err *err)
{
	CLEAN(clean_json) json_t *config = json_object();

	js_set_str(config, "image", "r.io/a/b:1");
	if (container_dir_make(&store, ret, err) < 0)
		return -1;
	if (container_publish(&store, ret, name, config, err) == 0)
		return 0;
	container_dir_discard(&store, ret);
	return -1;
}

static void remove_container(struct container_dir *d, const char *name)
{
	char trash[STAGE_NAME_MAX];

	CHECK(container_remove(&store, d, name, trash, NULL) == 0);
	container_dir_done(d);
	CHECK(tree_remove_at(store.tmp, trash, NULL) == 0);
}

TEST(a_container_is_found_by_name_id_and_prefix)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir other = CONTAINER_DIR_INIT;
	CLEAN(container_done) struct container c = {0};
	char prefix[2] = "", id[CONTAINER_ID_LEN + 1];
	struct err e = {0};

	CHECK(make_container("box", &d, NULL) == 0);
	CHECK(container_find(&store, "box", &c, NULL) == 0 && streq(c.id, d.id) &&
	      streq(c.name, "box"));
	CHECK(c.created > 0 && c.status == CONTAINER_CREATED && streq(c.image, "r.io/a/b:1"));
	container_done(&c);
	CHECK(container_find(&store, d.id, &c, NULL) == 0);
	container_done(&c);
	snprintf(id, sizeof(id), "%.12s", d.id);
	CHECK(container_find(&store, id, &c, NULL) == 0);
	container_done(&c);
	CHECK(container_find(&store, "", &c, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK(container_find(&store, "../box", &c, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK_STR(e.text, "no container with name or ID \"../box\" found: no such container");
	/* Two IDs that begin alike come sooner or later. */
	for (prefix[0] = d.id[0]; other.id[0] != d.id[0];) {
		if (other.id[0])
			remove_container(&other, "other");
		CHECK(make_container("other", &other, NULL) == 0);
	}
	CHECK(container_find(&store, prefix, &c, &e) < 0 && e.kind == ERR_USAGE);
	snprintf(id, sizeof(id), "%.12s", d.id);
	CHECK(strstr(e.text, id) != NULL);
	remove_container(&other, "other");
	remove_container(&d, "box");
	CHECK(count(store.fd, "names") == 0 && count(store.fd, "containers") == 0);
}

TEST(names_of_containers_are_well_formed)
{
	static const char *const bad[] = {"",	".",   "..",  "-x",  "_x",
					  ".x", "a/b", "a b", "a\n", "\xc3\xa4"};
	char longest[201];

	CHECK(container_name_valid("a") && container_name_valid("A0_.-"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!container_name_valid(bad[i]));
	memset(longest, 'x', 200);
	longest[200] = '\0';
	CHECK(!container_name_valid(longest) && container_name_valid(longest + 1));
}

TEST(a_taken_name_tells_its_holder_and_a_stale_one_is_taken_over)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir second = CONTAINER_DIR_INIT;
	char trash[STAGE_NAME_MAX];
	struct err e = {0};

	CHECK(make_container("x", &d, NULL) == 0);
	CHECK(make_container("x", &second, &e) < 0 && e.kind == ERR_EXISTS && strstr(e.text, d.id));
	CHECK(strstr(e.text, "\"x\" is already in use by") != NULL);
	CHECK(count(store.fd, "containers") == 1);
	/* Its remover died before it dropped the name. */
	CHECK(store_trash(&store, store.containers, d.id, trash, NULL) == 0);
	CHECK(make_container("x", &second, NULL) == 0);
	remove_container(&second, "x");
	/* What is no ID is nobody's. */
	CHECK(symlinkat("../..", store.names, "x") == 0 && make_container("x", &second, NULL) == 0);
	remove_container(&second, "x");
	store_sweep(&store, NULL, NULL);
	CHECK(count(store.fd, "names") == 0);
}

TEST(a_name_taken_by_who_died_before_the_record_was_written_is_free)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir second = CONTAINER_DIR_INIT;
	struct err e = {0};

	CHECK(container_dir_make(&store, &d, NULL) == 0 && symlinkat(d.id, store.names, "y") == 0);
	CHECK(make_container("y", &second, &e) < 0 && e.kind == ERR_EXISTS); /* it is still at it */
	container_dir_done(&d);
	CHECK(make_container("y", &second, NULL) == 0);
	remove_container(&second, "y");
	CHECK(count(store.fd, "containers") == 0 && count(store.fd, "names") == 0);
}

/* Eight at once; how many got it. What the winner made is left without its name's being dropped. */
static int race_for_name(const char *name)
{
	pid_t pids[8];
	int gate[2] = {-1, -1}, won = 0;

	CHECK(pipe2(gate, O_CLOEXEC) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork_at_gate(gate);
		if (pids[i] == 0) {
			struct container_dir d = CONTAINER_DIR_INIT;
			struct err e = {0};

			if (make_container(name, &d, &e) < 0)
				_exit(e.kind == ERR_EXISTS ? 1 : 2);
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int code = proc_reap(pids[i]);

		CHECK(code == 0 || code == 1);
		won += code == 0;
	}
	return won;
}

TEST(of_eight_that_race_for_a_name_one_wins)
{
	for (int round = 0; round < 40; round++) {
		CLEAN(container_done) struct container c = {0};
		char trash[STAGE_NAME_MAX];

		/* From the second round on the name is there, and stale. */
		CHECK(race_for_name("raced") == 1);
		CHECK(count(store.fd, "containers") == 1);
		if (container_find(&store, "raced", &c, NULL) < 0) {
			CHECK(!"the winner is found");
			return;
		}
		CHECK(store_trash(&store, store.containers, c.id, trash, NULL) == 0);
	}
	container_sweep(&store);
	store_sweep(&store, NULL, NULL);
	CHECK(count(store.fd, "names") == 0 && count(store.fd, "tmp") == 0);
}

/* What the state on disk is taken for. */
static enum container_status status_of(struct container_dir *d, const struct container_state *state,
				       int *ret_exit_code)
{
	CLEAN(container_done) struct container c = {0};

	CHECK(container_save_state(d, state, NULL) == 0);
	CHECK(container_find(&store, d->id, &c, NULL) == 0);
	CHECK(c.state.init.pid == state->init.pid && c.state.started == state->started);
	*ret_exit_code = c.state.exit_code;
	return c.status;
}

TEST(running_is_a_pid_a_start_and_a_boot_together)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	struct container_state s = {.started = now_realtime()}, forged;
	pid_t pid = fork();
	int code;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	CHECK(make_container("state", &d, NULL) == 0 && proc_identify(pid, &s.init, NULL) == 0);
	CHECK(status_of(&d, &s, &code) == CONTAINER_RUNNING);
	forged = s;
	forged.init.pid = getpid(); /* alive, and somebody else */
	CHECK(status_of(&d, &forged, &code) == CONTAINER_EXITED && code == EXIT_UNKNOWN);
	forged = s;
	forged.init.boot[0] ^= 1;
	CHECK(status_of(&d, &forged, &code) == CONTAINER_EXITED && code == EXIT_UNKNOWN);
	for (pid_t odd = -1; odd <= 1; odd++) {
		forged = s;
		forged.init.pid = odd;
		CHECK(status_of(&d, &forged, &code) == CONTAINER_EXITED);
	}
	kill(pid, SIGKILL);
	proc_reap(pid);
	CHECK(status_of(&d, &s, &code) == CONTAINER_EXITED && code == EXIT_UNKNOWN);
	s.finished = now_realtime();
	s.exit_code = 3;
	CHECK(status_of(&d, &s, &code) == CONTAINER_EXITED && code == 3);
	write_file(d.fd, "state", "{\"pid\": \"x\"");
	CLEAN(container_done) struct container c = {0};
	CHECK(container_find(&store, "state", &c, NULL) == 0 && c.status == CONTAINER_CREATED);
	remove_container(&d, "state");
}

TEST(a_sweep_takes_what_never_became_a_container)
{
	CLEAN(container_dir_done) struct container_dir abandoned = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir making = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir finished = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir torn = CONTAINER_DIR_INIT;
	char ids[4][CONTAINER_ID_LEN + 1];

	CHECK(container_dir_make(&store, &abandoned, NULL) == 0);
	CHECK(container_dir_make(&store, &making, NULL) == 0);
	CHECK(make_container("finished", &finished, NULL) == 0 &&
	      make_container("torn", &torn, NULL) == 0);
	memcpy(ids[0], abandoned.id, sizeof(ids[0]));
	memcpy(ids[1], making.id, sizeof(ids[0]));
	memcpy(ids[2], finished.id, sizeof(ids[0]));
	memcpy(ids[3], torn.id, sizeof(ids[0]));
	write_file(torn.fd, "config",
		   ""); /* a power cut: the name was durable, the bytes were not */
	container_dir_done(&abandoned);
	container_dir_done(&finished);
	container_dir_done(&torn);
	container_sweep(&store);
	CHECK(!exists(store.containers, ids[0]) && exists(store.containers, ids[1]));
	CHECK(exists(store.containers, ids[2]) && !exists(store.containers, ids[3]));
	CHECK(exists(store.names, "finished") && !exists(store.names, "torn"));
	CHECK(count(store.fd, "tmp") == 0);
	container_dir_discard(&store, &making);
	CHECK(container_dir_lock(&store, ids[2], false, &finished, NULL) == 0);
	remove_container(&finished, "finished");
	CHECK(count(store.fd, "containers") == 0);
}

TEST(a_container_is_made_whatever_sweeps_meanwhile)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			container_sweep(&store);
	for (int i = 0; i < 2000; i++) {
		struct container_dir d = CONTAINER_DIR_INIT;
		struct err e = {0};

		if (container_dir_make(&store, &d, &e) < 0) {
			printf("#   round %d: %s\n", i, e.text);
			CHECK(!"made");
			break;
		}
		CHECK(exists(d.fd, "upper") && exists(d.fd, "work") &&
		      exists(store.containers, d.id));
		container_dir_discard(&store, &d);
	}
	kill(pid, SIGKILL);
	proc_reap(pid);
	container_sweep(&store);
	store_sweep(&store, NULL, NULL);
	CHECK(count(store.fd, "containers") == 0 && count(store.fd, "tmp") == 0);
}

TEST(a_container_is_locked_once_and_gone_for_who_waited_while_it_was_removed)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	struct container_dir second = CONTAINER_DIR_INIT;
	char id[CONTAINER_ID_LEN + 1];
	struct err e = {0};
	int gate[2] = {-1, -1};
	pid_t pid;

	CHECK(pipe2(gate, O_CLOEXEC) == 0 && make_container("locked", &d, NULL) == 0);
	CHECK(container_dir_lock(&store, d.id, false, &second, &e) < 0 && e.kind == ERR_BUSY);
	memcpy(id, d.id, sizeof(id));
	pid = fork_at_gate(gate);
	if (pid == 0) {
		container_dir_done(&d);
		_exit(container_dir_lock(&store, id, true, &second, &e) < 0 &&
			      e.kind == ERR_NOT_FOUND
			  ? 0
			  : 1);
	}
	close(gate[0]);
	close(gate[1]);
	remove_container(&d, "locked");
	CHECK(proc_reap(pid) == 0);
}

/* --- removing trees, replacing files --- */

TEST(trees_of_any_modes_and_five_thousand_levels_are_removed)
{
	int at = dup(work), next;

	for (int i = 0; i < 5000; i++) {
		mkdirat(at, "d", 0700);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (i % 100 == 0)
			write_file(next, "file", "x");
		close(at);
		at = next;
	}
	fchmod(at, 0);
	close(at);
	CHECK(tree_remove_at(work, "d", NULL) == 0 && !exists(work, "d"));

	mkdirat(work, "modes", 0700);
	mkdirat(work, "modes/a", 0700);
	mkdirat(work, "modes/a/b", 0700);
	write_file(work, "modes/a/b/file", "x");
	CHECK(fchmodat(work, "modes/a/b", 0, 0) == 0 && fchmodat(work, "modes/a", 0500, 0) == 0);
	CHECK(fchmodat(work, "modes", 0, 0) == 0);
	CHECK(tree_remove_at(work, "modes", NULL) == 0 && !exists(work, "modes"));
}

/* A directory that nobody may enter, beside a symlink to the canary. */
static void make_bait(void)
{
	mkdirat(work, "bait", 0700);
	mkdirat(work, "bait/d", 0700);
	mkdirat(work, "bait/d/in", 0700);
	CHECK(fchmodat(work, "bait/d", 0, 0) == 0);
	CHECK(symlinkat("../canary", work, "bait/l") == 0); /* from here on they are swapped */
}

TEST(removing_a_tree_touches_no_canary_whoever_swaps_what)
{
	struct stat before, after;
	pid_t pid;

	mkdirat(work, "canary", 0755);
	mkdirat(work, "canary/in", 0755);
	write_file(work, "canary/in/file", "alive");
	CHECK(fstatat(work, "canary", &before, 0) == 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			renameat2(work, "bait/d", work, "bait/l", RENAME_EXCHANGE);
	for (int i = 0; i < 1000; i++) {
		make_bait();
		while (tree_remove_at(work, "bait", NULL) < 0)
			;
	}
	kill(pid, SIGKILL);
	proc_reap(pid);
	CHECK(exists(work, "canary/in/file") && fstatat(work, "canary", &after, 0) == 0);
	CHECK(after.st_mode == before.st_mode && after.st_ino == before.st_ino);
	CHECK(after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	      after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

/* Several who remove one tree at once do not leave it half removed. */
TEST(a_tree_is_gone_when_two_remove_it_at_once)
{
	for (int round = 0; round < 50; round++) {
		pid_t pids[2];
		int gate[2] = {-1, -1};

		CHECK(pipe2(gate, O_CLOEXEC) == 0);
		mkdirat(work, "shared", 0700);
		for (int i = 0; i < 40; i++) {
			char name[64];

			snprintf(name, sizeof(name), "shared/%d", i);
			mkdirat(work, name, 0700);
			snprintf(name, sizeof(name), "shared/%d/in", i);
			mkdirat(work, name, 0700);
		}
		for (int i = 0; i < 2; i++) {
			pids[i] = fork_at_gate(gate);
			if (pids[i] == 0)
				_exit(tree_remove_at(work, "shared", NULL) < 0);
		}
		close(gate[0]);
		close(gate[1]);
		CHECK(proc_reap(pids[0]) == 0 && proc_reap(pids[1]) == 0 &&
		      !exists(work, "shared"));
	}
}

static int replace_on_full_disk(void)
{
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int fill = -1;
	static char block[65536];
	struct err e = {0};

	mkdirat(work, "small", 0700);
	if (chdir(work_path) < 0 || mount("tmpfs", "small", "tmpfs", 0, "size=64k,nr_inodes=8") < 0)
		return 77;
	dir = open("small", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file_replace_at(dir, "f", "old", 3, 0600, DURABLE, NULL) < 0)
		return 1;
	fill = openat(dir, "fill", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fill, block, 4096) > 0)
		;
	for (int durable = 0; durable < 2; durable++)
		if (file_replace_at(dir, "f", block, sizeof(block), 0600,
					durable ? DURABLE : RELAXED, &e) == 0 ||
			e.kind != ERR_NO_SPACE || !e.hint[0] || count(dir, ".") != 2)
			return 2;
	/* Nor an inode to be had. */
	for (int i = 0; i < 8; i++)
		mknodat(dir, (char[]){(char)('0' + i), '\0'}, S_IFREG | 0600, 0);
	if (file_replace_at(dir, "f", "x", 1, 0600, RELAXED, &e) == 0 || e.kind != ERR_NO_SPACE)
		return 3;

	CLEAN(buf_done) struct buf old = {0};
	return file_read_at(dir, "f", 100, &old, NULL) == 0 && streq(buf_str(&old), "old") ? 0 : 4;
}

TEST(a_full_disk_leaves_the_old_file_and_no_temporary_one)
{
	int code = in_namespaces(replace_on_full_disk);

	if (code < 0)
		printf("#   no user namespaces here: not tested\n");
	else if (code)
		printf("#   it ended with %d\n", code);
	CHECK(code <= 0);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(work_path, sizeof(work_path), "%s/test_storage.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(work_path) ||
		(work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
		open_store("store", &store, NULL) < 0) {
		perror(work_path);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* whatever a child or a crash leaves unsaid */
	RUN(a_fresh_store_has_its_layout);
	RUN(a_store_of_another_version_is_refused_and_left_alone);
	RUN(a_store_of_somebody_elses_is_refused);
	RUN(a_store_with_an_empty_name_is_refused);
	RUN(a_sweep_takes_abandoned_stages_and_trash_and_passes_over_locked_ones);
	RUN(a_layer_appears_by_commit_only);
	RUN(a_stage_that_is_not_committed_vanishes);
	RUN(a_layer_unpacked_with_one_id_is_another_one);
	RUN(of_two_processes_that_want_a_layer_the_second_waits);
	RUN(what_is_no_digest_is_refused_before_any_path_is_made_of_it);
	RUN(an_image_is_found_by_name_digest_and_prefix);
	RUN(a_name_moves_to_the_image_that_was_put_last);
	RUN(an_image_whose_layer_is_missing_is_not_put);
	RUN(names_whose_image_is_gone_are_passed_over);
	RUN(removal_drops_layers_that_no_other_image_has);
	RUN(a_list_of_names_that_cannot_be_read_is_an_error_and_no_crash);
	RUN(a_container_is_found_by_name_id_and_prefix);
	RUN(names_of_containers_are_well_formed);
	RUN(a_taken_name_tells_its_holder_and_a_stale_one_is_taken_over);
	RUN(a_name_taken_by_who_died_before_the_record_was_written_is_free);
	RUN(of_eight_that_race_for_a_name_one_wins);
	RUN(running_is_a_pid_a_start_and_a_boot_together);
	RUN(a_sweep_takes_what_never_became_a_container);
	RUN(a_container_is_made_whatever_sweeps_meanwhile);
	RUN(a_container_is_locked_once_and_gone_for_who_waited_while_it_was_removed);
	RUN(trees_of_any_modes_and_five_thousand_levels_are_removed);
	RUN(removing_a_tree_touches_no_canary_whoever_swaps_what);
	RUN(a_tree_is_gone_when_two_remove_it_at_once);
	RUN(a_full_disk_leaves_the_old_file_and_no_temporary_one);
	store_done(&store);
	close(work);
	tree_remove_at(AT_FDCWD, work_path, NULL);
	return test_summary();
}
