/* Pushing: what is decided without a registry. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/deflate.h"
#include "image/inflate.h"
#include "image/manifest.h"
#include "image/manifest_make.h"
#include "image/origin.h"
#include "image/push_plan.h"
#include "image/shadow.h"
#include "image/transport.h"
#include "image/upload.h"
#include "storage/known_blob.h"
#include "storage/layer.h"
#include "tests/unit/test.h"

#define HEX16(c) c c c c c c c c c c c c c c c c
#define DIGEST(c) "sha256:" HEX16(c) HEX16(c) HEX16(c) HEX16(c)

static void check_transport(const char *text, enum transport_kind kind, const char *path,
			    const char *reference)
{
	CLEAN(transport_done) struct transport t = { 0 };
	struct err err = { 0 };

	CHECK(transport_parse(text, &t, &err) == 0);
	CHECK(t.kind == kind);
	CHECK_STR(t.path, path);
	CHECK_STR(t.reference, reference);
}

TEST(transports_are_taken_apart)
{
	check_transport("alpine", TRANSPORT_REGISTRY, NULL, "alpine");
	check_transport("docker://alpine:3", TRANSPORT_REGISTRY, NULL, "alpine:3");
	check_transport("localhost:5000/dir:1", TRANSPORT_REGISTRY, NULL, "localhost:5000/dir:1");
	check_transport("docker-archive:/a/b.tar", TRANSPORT_DOCKER_ARCHIVE, "/a/b.tar", NULL);
	check_transport("docker-archive:b.tar:x/y:1", TRANSPORT_DOCKER_ARCHIVE, "b.tar", "x/y:1");
	check_transport("oci-archive:b:latest", TRANSPORT_OCI_ARCHIVE, "b", "latest");
	check_transport("oci:b", TRANSPORT_OCI, "b", NULL);
	check_transport("dir:a:b", TRANSPORT_DIR, "a:b", NULL);
}

TEST(transports_that_we_do_not_have_are_refused_by_name)
{
	static const char *const bad[] = {
		"containers-storage:x", "docker-daemon:x:1", "dir:", "oci::x", "oci:a:b,c", "oci:a:",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEAN(transport_done) struct transport t = { 0 };
		struct err err = { 0 };

		CHECK(transport_parse(bad[i], &t, &err) < 0);
		CHECK(err.kind == (i < 2 ? ERR_UNSUPPORTED : ERR_USAGE));
	}
}

TEST(ranges_of_uploads_are_lengths)
{
	CHECK(upload_range_length("0-0") == 0);
	CHECK(upload_range_length("0-1023") == 1024);
	CHECK(upload_range_length("bytes=0-1023") == 1024);
	CHECK(upload_range_length("0-9223372036854775807") == -1);
	CHECK(upload_range_length("0-99999999999999999999") == -1);
	CHECK(upload_range_length("5-10") == -1);
	CHECK(upload_range_length("0--5") == -1);
	CHECK(upload_range_length("0-10x") == -1);
	CHECK(upload_range_length("many") == -1);
	CHECK(upload_range_length("") == -1);
}

static void check_follow(const char *location, const char *query, const char *want)
{
	CLEAN(clean_free) char *url = NULL;

	CHECK(origin_follow("https://r.example/v2/x/blobs/uploads/", location, query, &url) ==
	      (want ? 0 : -1));
	CHECK_STR(url, want);
}

TEST(locations_are_followed)
{
	check_follow("/v2/x/1", NULL, "https://r.example/v2/x/1");
	check_follow("/v2/x/1?state=a%2Fb", "digest=" DIGEST("a"),
		     "https://r.example/v2/x/1?state=a%2Fb&digest=" DIGEST("a"));
	check_follow("/v2/x/1#end", "digest=d", "https://r.example/v2/x/1?digest=d");
	check_follow("https://other.example:1/u", NULL, "https://other.example:1/u");
	check_follow("2", NULL, "https://r.example/v2/x/blobs/uploads/2");
	check_follow("file:///etc/passwd", NULL, NULL);
	check_follow("https://me:secret@r.example/u", NULL, NULL);
	check_follow("/v2 x", NULL, NULL);
	check_follow("/v2/\r\nHost: x", NULL, NULL);
}

static const struct shadow *find(const struct shadows *s, const char *path, size_t index,
				 const char *rest)
{
	const char *got = NULL;
	const struct shadow *found = shadows_find(s, path, index, &got);

	if (found)
		CHECK_STR(got, rest);
	return found;
}

TEST(shadows_are_found_by_what_came_before_them)
{
	CLEAN(shadows_done) struct shadows s = { 0 };

	CHECK(!find(&s, "a", 0, ""));
	CHECK(shadows_add(&s, "d/f", 1) && shadows_add(&s, "a", 1) && shadows_add(&s, "d", 2) &&
	      shadows_add(&s, "a", 4));
	shadows_sort(&s);
	CHECK(find(&s, "a", 0, "")->number == 1);
	CHECK(find(&s, "a", 1, "")->number == 3);
	CHECK(find(&s, "a", 3, "")->number == 3);
	CHECK(!find(&s, "a", 4, ""));
	CHECK(!find(&s, "ab", 0, ""));
	CHECK(find(&s, "d/f", 0, "")->number == 0);
	CHECK(find(&s, "d/f", 1, "/f")->number == 2);
	CHECK(find(&s, "d/g/h", 0, "/g/h")->number == 2);
	CHECK(!find(&s, "d/f", 2, ""));
	CHECK(!find(&s, "", 0, ""));
}

TEST(shadows_are_bounded)
{
	CLEAN(shadows_done) struct shadows s = { 0 };
	size_t n = 0;

	while (n <= SHADOWS_MAX && shadows_add(&s, "x", n))
		n++;
	CHECK(n == SHADOWS_MAX);
}

static void check_round(enum compression how, size_t len, size_t room)
{
	CLEAN(clean_deflate) struct deflate *d = deflate_new(how);
	CLEAN(buf_done) struct buf blob = { 0 };
	CLEAN(clean_free) char *data = xmalloc(len + 1), *out = xmalloc(len + 100);
	struct deflate_io io = { .in = data, .in_len = len };
	struct inflate *z = inflate_new();
	struct inflate_io back;
	bool done = false;

	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * i % 251);
	while (!done) {
		char piece[4096];

		io.out = piece;
		io.out_len = room;
		CHECK(deflate_run(d, &io, true, &done, NULL) == 0);
		buf_add(&blob, piece, room - io.out_len);
	}
	back = (struct inflate_io){ (const unsigned char *)buf_str(&blob), blob.len,
				    (unsigned char *)out, len + 100 };
	for (int i = 0; i < 3; i++)
		CHECK(inflate_run(z, &back, NULL) == 0);
	CHECK(inflate_end(z, NULL) == 0 && back.in_len == 0);
	CHECK(back.out_len == 100 && memcmp(out, data, len) == 0);
	CHECK_STR(inflate_found(z), compression_name(how));
	inflate_free(z);
}

TEST(what_is_deflated_inflates_to_the_same)
{
	static const enum compression all[] = { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		check_round(all[i], 100000, 4096);
		check_round(all[i], 100000, 7);
		check_round(all[i], 10, 1);
	}
}

TEST(a_manifest_is_remade_with_what_its_layers_became)
{
	static const char before[] =
		"{\"schemaVersion\":2,\"annotations\":{\"a\":\"b\"},\"config\":{},\"layers\":["
		"{\"digest\":\"x\",\"urls\":[\"http://x\"],\"annotations\":{\"k\":\"v\"}},{}]}";
	const struct layer_blob layers[] = {
		{ DIGEST("a"), 10, COMPRESSION_GZIP },
		{ DIGEST("b"), 20, COMPRESSION_NONE },
	};
	CLEAN(clean_free)
	char *oci = manifest_remake(before, strlen(before), &manifest_types_oci, DIGEST("c"), 30,
				    layers, 2);
	CLEAN(clean_free)
	char *docker = manifest_remake(NULL, 0, &manifest_types_docker, DIGEST("c"), 30, layers, 2);
	CLEAN(manifest_done) struct manifest m = { 0 };

	CHECK(manifest_parse(oci, strlen(oci), NULL, &m, NULL) == 0 && m.n == 2);
	CHECK_STR(m.entries[0].digest, DIGEST("a"));
	CHECK(m.entries[0].compression == COMPRESSION_GZIP && m.entries[1].size == 20);
	CHECK(strstr(oci, "\"annotations\":{\"a\":\"b\"}") && strstr(oci, "{\"k\":\"v\"}"));
	CHECK(!strstr(oci, "urls"));
	manifest_done(&m);
	CHECK(manifest_parse(docker, strlen(docker), NULL, &m, NULL) == 0 && m.n == 2);
	CHECK(manifest_types_of(docker, strlen(docker)) == &manifest_types_docker);
	CHECK(manifest_types_of(oci, strlen(oci)) == &manifest_types_oci);
}

/* A blob of a list, as the registry "here" and another have it. */
static struct known_blob blob_of(const char *digest, bool verified, const char *repository)
{
	struct known_blob b = { .size = 5, .compression = xstrdup("gzip"), .verified = verified };

	snprintf(b.digest, sizeof(b.digest), "%s", digest);
	strv_add(&b.repositories, repository);
	return b;
}

TEST(what_nobody_verified_is_named_only_where_it_was_seen)
{
	struct reference ref = { .registry = (char *)"here:1", .repository = (char *)"x" };
	struct push_target t = { .ref = &ref, .name = "here:1/x", .zstd = true };
	struct known_blob seen = blob_of(DIGEST("a"), false, "here:1/y");
	struct known_blob elsewhere = blob_of(DIGEST("b"), false, "here:11/y");
	struct known_blob sure = blob_of(DIGEST("c"), true, "there/y");
	struct push_item item = { .known = { .n = 3 } };
	CLEAN(strv_done) struct strv from = { 0 };
	struct layer_blob got;

	item.known.v = xcalloc(3, sizeof(*item.known.v));
	item.known.v[0] = seen;
	item.known.v[1] = elsewhere;
	item.known.v[2] = sure;
	CHECK(push_may_name(&t, &seen, &got) && streq(got.digest, DIGEST("a")));
	CHECK(!push_may_name(&t, &elsewhere, &got));
	CHECK(push_may_name(&t, &sure, &got));
	t.forced = true;
	t.compression = COMPRESSION_ZSTD;
	CHECK(!push_may_name(&t, &sure, &got));
	push_neighbours(&t, &seen, &from);
	push_neighbours(&t, &elsewhere, &from);
	push_neighbours(&t, &sure, &from);
	CHECK(from.n == 1 && streq(from.v[0], "y"));
	push_item_done(&item);
}

TEST(the_blob_that_the_manifest_has_is_asked_for_first)
{
	struct descriptor recorded = { .digest = DIGEST("b") };
	struct push_item item = { .recorded = &recorded, .known = { .n = 3 } };
	const struct known_blob *b;
	char order[4] = "";
	size_t at = 0, n = 0;

	item.known.v = xcalloc(3, sizeof(*item.known.v));
	for (int i = 0; i < 3; i++)
		item.known.v[i] = blob_of(i == 0 ? DIGEST("a") : i == 1 ? DIGEST("b") : DIGEST("c"), true,
					  "there/y");
	while (n < 3 && (b = push_candidate(&item, &at)))
		order[n++] = b->digest[7];
	CHECK_STR(order, "bac");
	CHECK(!push_candidate(&item, &at));
	push_item_done(&item);
}

TEST(known_blobs_are_kept_and_say_no_less_than_before)
{
	char path[] = "/tmp/tiffin-test-push.XXXXXX";
	CLEAN(store_done) struct store store = STORE_INIT;
	struct layer_stage stage = LAYER_STAGE_INIT;
	const struct layer_info info = { .digest = DIGEST("a") };
	struct known_blob claimed = { DIGEST("a"), 7, (char *)"gzip", false, { 0 } };
	struct known_blob verified = { DIGEST("a"), 7, (char *)"zstd", true, { 0 } };
	struct known_blob other = { DIGEST("b"), 8, (char *)"none", true, { 0 } };
	struct known_blobs got;

	CHECK(mkdtemp(path) && store_open(path, &store, NULL) == 0);
	known_blobs_read(&store, DIGEST("d"), &got);
	CHECK(got.n == 0);
	CHECK(layer_stage_new(&store, &stage, NULL) == 0);
	CHECK(layer_stage_commit(&store, &stage, DIGEST("d"), &info, NULL) == 0);
	layer_stage_done(&store, &stage);
	known_blobs_add(&store, DIGEST("d"), &claimed, "r/one");
	known_blobs_add(&store, DIGEST("d"), &verified, NULL);
	known_blobs_add(&store, DIGEST("d"), &other, "r/two");
	known_blobs_add(&store, DIGEST("d"), &claimed, "r/three");
	known_blobs_read(&store, DIGEST("d"), &got);
	CHECK(got.n == 2);
	if (got.n != 2 || !got.v)
		return;
	CHECK_STR(got.v[0].digest, DIGEST("a"));
	CHECK_STR(got.v[0].compression, "zstd");
	CHECK(got.v[0].verified && got.v[0].repositories.n == 2);
	CHECK_STR(got.v[0].repositories.v[0], "r/three");
	CHECK_STR(got.v[1].digest, DIGEST("b"));
	known_blobs_done(&got);
	for (int i = 0; i < 40; i++) {
		snprintf(other.digest, sizeof(other.digest), "sha256:%064d", i);
		known_blobs_add(&store, DIGEST("d"), &other, NULL);
	}
	known_blobs_read(&store, DIGEST("d"), &got);
	CHECK(got.n == 16 && ends_with(got.v[0].digest, "39"));
	known_blobs_done(&got);
	CHECK(tree_remove_at(AT_FDCWD, path, NULL) == 0);
}

int main(void)
{
	RUN(transports_are_taken_apart);
	RUN(transports_that_we_do_not_have_are_refused_by_name);
	RUN(ranges_of_uploads_are_lengths);
	RUN(locations_are_followed);
	RUN(shadows_are_found_by_what_came_before_them);
	RUN(shadows_are_bounded);
	RUN(what_is_deflated_inflates_to_the_same);
	RUN(a_manifest_is_remade_with_what_its_layers_became);
	RUN(what_nobody_verified_is_named_only_where_it_was_seen);
	RUN(the_blob_that_the_manifest_has_is_asked_for_first);
	RUN(known_blobs_are_kept_and_say_no_less_than_before);
	return test_summary();
}
