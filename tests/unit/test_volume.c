/* Volumes in the store, and mounts in records. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "runtime/mount_spec.h"
#include "storage/container.h"
#include "storage/volume.h"

static struct store store = STORE_INIT;

static bool exists(const char *path)
{
	return faccessat(store.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static char *make(const char *name, bool anonymous, struct err *err)
{
	const struct volume_new new = { .name = name, .anonymous = anonymous };
	char *made = NULL;

	return volume_create(&store, &new, &made, err) < 0 ? NULL : made;
}

/* A container that mounts a volume; its ID. */
static const char *use(const char *name, const char *volume, bool anonymous, struct container_dir *dir)
{
	CLEAN(clean_json)
	json_t *record = json_pack("{s:{s:[{s:s,s:s,s:s,s:b}]}}", "spec", "mounts", "kind", "volume",
				   "name", volume, "target", "/x", "anonymous", anonymous);

	CHECK(container_dir_make(&store, dir, NULL) == 0);
	CHECK(container_publish(&store, dir, name, record, NULL) == 0);
	return dir->id;
}

static void drop(const char *name, struct container_dir *dir)
{
	CLEAN(clean_free) char *config = NULL;
	CLEAN(strv_done) struct strv trash = { 0 };
	char gone[STAGE_NAME_MAX];

	CHECK(container_remove(&store, dir, name, gone, NULL) == 0);
	volume_release_trash(&store, gone, &trash);
	for (size_t i = 0; i < trash.n; i++)
		tree_remove_at(store.tmp, trash.v[i], NULL);
	tree_remove_at(store.tmp, gone, NULL);
	container_dir_done(dir);
}

TEST(a_volume_is_there_whole_and_fresh)
{
	char label[] = "a=b", *all[] = { label, NULL };
	const struct strv labels = { .v = all, .n = 1 };
	const struct volume_new new = { .name = "one", .labels = &labels };
	CLEAN(volume_done) struct volume v = { 0 };
	CLEAN(clean_free) char *name = NULL;
	struct stat st;

	CHECK(volume_create(&store, &new, &name, NULL) == 0 && streq(name, "one"));
	CHECK(volume_find(&store, "one", &v, NULL) == 0 && v.fresh && !v.anonymous && !v.elsewhere);
	CHECK(v.labels.n == 1 && streq(v.labels.v[0], "a=b") && v.created > 0);
	CHECK(stat(v.path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0755);
	CHECK(fstatat(store.fd, "volumes", &st, 0) == 0 && (st.st_mode & 07777) == 0700);
}

TEST(a_name_is_taken_once_and_well_formed)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "../x", "-x", "a b", "a\n" };
	struct err err = { 0 };

	CHECK(!make("one", false, &err) && err.kind == ERR_EXISTS);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err = (struct err){ 0 };
		CHECK(!make(bad[i], false, &err) && err.kind == ERR_USAGE);
	}
}

TEST(what_is_looked_for_by_a_path_is_not_found)
{
	static const char *const bad[] = { "", ".", "..", "../volumes/one", "one/", "on" };
	CLEAN(volume_done) struct volume v = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(volume_find(&store, bad[i], &v, &err) < 0 && err.kind == ERR_NOT_FOUND &&
		      !volume_exists(&store, bad[i]));
}

TEST(a_volume_in_use_is_not_removed)
{
	struct container_dir dir = CONTAINER_DIR_INIT;
	char trash[STAGE_NAME_MAX];
	const char *id = use("user", "one", false, &dir);
	struct err err = { 0 };

	CHECK(volume_remove(&store, "one", trash, &err) < 0 && err.kind == ERR_BUSY);
	CHECK(strstr(err.text, id) != NULL);
	drop("user", &dir);
	CHECK(exists("volumes/one"));
	CHECK(volume_remove(&store, "one", trash, NULL) == 0 && !exists("volumes/one"));
	CHECK(volume_remove(&store, "one", trash, &err) < 0 && err.kind == ERR_NOT_FOUND);
	tree_remove_at(store.tmp, trash, NULL);
}

TEST(an_anonymous_one_goes_with_the_last_that_uses_it)
{
	struct container_dir a = CONTAINER_DIR_INIT, b = CONTAINER_DIR_INIT;
	CLEAN(clean_free) char *name = make(NULL, true, NULL);

	CHECK(name && volume_exists(&store, name));
	use("a", name, true, &a);
	use("b", name, true, &b);
	drop("a", &a);
	CHECK(volume_exists(&store, name));
	drop("b", &b);
	CHECK(!volume_exists(&store, name));
}

/* Whatever a record says that somebody has forged, or that names a volume of the user's. */
TEST(none_but_anonymous_ones_go_with_a_container)
{
	struct container_dir dir = CONTAINER_DIR_INIT;
	CLEAN(clean_free) char *named = make("named", false, NULL);
	CLEAN(clean_free) char *chosen = make(NULL, true, NULL);

	use("a", "named", true, &dir);
	drop("a", &dir);
	use("b", chosen, false, &dir);
	drop("b", &dir);
	use("c", "../layers", true, &dir);
	drop("c", &dir);
	CHECK(volume_exists(&store, named) && volume_exists(&store, chosen) && exists("layers"));
}

/* Each of the two would do to keep one of the user's: that it has a name, and that it is not anonymous. */
TEST(one_that_the_user_made_stays_whatever_it_is_called)
{
	static const char digits[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct container_dir dir = CONTAINER_DIR_INIT;
	CLEAN(clean_free) char *like_made_up = make(digits, false, NULL);
	CLEAN(clean_free) char *called = make("called", true, NULL);
	char trash[STAGE_NAME_MAX];

	use("a", digits, true, &dir);
	drop("a", &dir);
	use("b", "called", true, &dir);
	drop("b", &dir);
	CHECK(volume_exists(&store, digits) && volume_exists(&store, "called"));
	CHECK(like_made_up && volume_remove(&store, digits, trash, NULL) == 0);
	CHECK(called && volume_remove(&store, "called", trash, NULL) == 0);
}

TEST(the_list_passes_over_what_is_no_volume)
{
	struct volume *list = NULL;
	size_t n = 0;

	mkdirat(store.fd, "volumes/half", 0700);
	mkdirat(store.fd, "volumes/-odd", 0700);
	CHECK(file_replace_at(store.fd, "volumes/-odd/volume.json", "{}", 2, 0600, RELAXED, NULL) == 0);
	CHECK(volume_list(&store, &list, &n, NULL) == 0 && n == 2);
	CHECK(n == 2 && strcmp(list[0].name, list[1].name) < 0);
	volume_list_done(list, n);
}

TEST(a_mount_comes_back_from_its_record)
{
	char layer[] = "sha256:x", *layers[] = { layer, NULL }, source[] = "/s", target[] = "/t",
	     name[] = "n", upper[] = "/u", work[] = "/w";
	const struct mount_spec m = {
		.kind = MOUNT_VOLUME,
		.source = source,
		.target = target,
		.name = name,
		.upper = upper,
		.work = work,
		.read_only = true,
		.chown = true,
		.overlay = true,
		.anonymous = true,
		.said = true,
		.spread = true,
		.propagation = PROPAGATION_SHARED,
		.layers = { .v = layers, .n = 1 },
	};
	CLEAN(mount_spec_done) struct mount_spec back = { 0 };
	CLEAN(clean_json) json_t *j = mount_spec_to_json(&m);
	CLEAN(clean_json) json_t *again = NULL;

	CHECK(mount_spec_from_json(j, &back, NULL) == 0);
	again = mount_spec_to_json(&back);
	CHECK(json_equal(j, again) && back.anonymous && back.said && back.layers.n == 1);
}

TEST(a_record_that_names_no_mount_is_broken)
{
	static const char *const records[] = {
		"{}",
		"{\"kind\":\"nope\",\"source\":\"/\",\"target\":\"/x\"}",
		"{\"kind\":\"bind\",\"target\":\"/x\"}",
		"{\"kind\":\"bind\",\"source\":\"/\"}",
		"{\"kind\":\"volume\",\"source\":\"/\",\"target\":\"/x\"}",
		"{\"kind\":\"bind\",\"source\":\"/\",\"target\":\"/x\",\"propagation\":3}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		CLEAN(clean_json) json_t *j = json_loads(records[i], 0, NULL);
		struct mount_spec m = { 0 };
		struct err err = { 0 };

		CHECK(mount_spec_from_json(j, &m, &err) < 0 && err.kind == ERR_CORRUPT && !m.target);
	}
}

int main(void)
{
	char path[] = "/tmp/tiffin-test-volume.XXXXXX";
	CLEAN(clean_free) char *root = NULL;

	if (!mkdtemp(path))
		return 1;
	root = xasprintf("%s/store", path);
	if (store_open(root, &store, NULL) < 0)
		return 1;
	RUN(a_volume_is_there_whole_and_fresh);
	RUN(a_name_is_taken_once_and_well_formed);
	RUN(what_is_looked_for_by_a_path_is_not_found);
	RUN(a_volume_in_use_is_not_removed);
	RUN(an_anonymous_one_goes_with_the_last_that_uses_it);
	RUN(none_but_anonymous_ones_go_with_a_container);
	RUN(one_that_the_user_made_stays_whatever_it_is_called);
	RUN(the_list_passes_over_what_is_no_volume);
	RUN(a_mount_comes_back_from_its_record);
	RUN(a_record_that_names_no_mount_is_broken);
	store_done(&store);
	tree_remove_at(AT_FDCWD, path, NULL);
	return test_summary();
}
