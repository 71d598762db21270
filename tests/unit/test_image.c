#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/config.h"
#include "image/digest.h"
#include "image/hash.h"
#include "image/inflate.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "image/result.h"
#include "image/unpack.h"
#include "tests/unit/tar_writer.h"
#include "tests/unit/test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

/* References */

static const struct {
	const char *text, *canonical;
} good_references[] = {
	{ "alpine", "docker.io/library/alpine:latest" },
	{ "alpine:3.19", "docker.io/library/alpine:3.19" },
	{ "me/tool", "docker.io/me/tool:latest" },
	{ "docker.io/alpine", "docker.io/library/alpine:latest" },
	{ "index.docker.io/alpine", "docker.io/library/alpine:latest" },
	{ "docker.io/me/tool:V1", "docker.io/me/tool:V1" },
	{ "localhost/x", "localhost/x:latest" },
	{ "localhost:5000/x", "localhost:5000/x:latest" },
	{ "localhost:5000/x:y", "localhost:5000/x:y" },
	{ "127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest" },
	{ "[::1]:5000/x", "[::1]:5000/x:latest" },
	{ "quay.io/a/b-c__d.e_f---g", "quay.io/a/b-c__d.e_f---g:latest" },
	{ "REGISTRY/x", "REGISTRY/x:latest" },
	{ "x@" DIGEST, "docker.io/library/x@" DIGEST },
	{ "x:tag@" DIGEST, "docker.io/library/x@" DIGEST },
	{ "x:_a.b-c", "docker.io/library/x:_a.b-c" },
};

static const char *const bad_references[] = {
	"", ":tag", "@" DIGEST, "/x", "x/", "a//b", "Alpine", "me/Tool", "x:", "x:-a", "x:.a", "x:a b",
	"x@sha256:abc", "x@sha512:" HEX64, "x@SHA256:" HEX64, "x@" DIGEST "0", "x@sha256:../../etc",
	"x@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "-a", "a-", "a..b",
	"a.-b", "a___b", "a/../b", "../x", "./x", "x\n", "x\033[2J", "localhost:port/x",
	"localhost:123456/x", "ho_st.de/x", "[::1/x", "-host.de/x", "host-.de/x", HEX64, "http://h.de/x",
};

TEST(reference_canonical_form_is_dockers)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_references); i++) {
		CLEAN(reference_done) struct reference r = { 0 };
		CLEAN(clean_free) char *got = NULL;
		struct err err = { 0 };

		CHECK_STR(reference_parse(good_references[i].text, &r, &err) < 0 ? err.text : "", "");
		got = r.registry ? reference_canonical(&r) : NULL;
		CHECK_STR(got, good_references[i].canonical);
	}
}

TEST(reference_refuses_what_is_none)
{
	CLEAN(clean_free) char *long_tag = xasprintf("x:%0129d", 0);
	CLEAN(clean_free) char *long_name = xasprintf("localhost/%0256d", 0);
	struct reference r = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad_references); i++) {
		CHECK_STR(reference_parse(bad_references[i], &r, &err) < 0 ? NULL : bad_references[i],
			  NULL);
		CHECK(err.kind == ERR_USAGE && strstr(err.text, "invalid reference format"));
		CHECK(!strchr(err.text, '\033') && !strchr(err.text, '\n'));
	}
	CHECK(reference_parse(long_tag, &r, &err) < 0);
	CHECK(reference_parse(long_name, &r, &err) < 0);
	long_name[strlen(long_name) - 1] = '\0';
	CHECK(reference_parse(long_name, &r, &err) == 0);
	reference_done(&r);
}

TEST(digest_is_lower_case_sha256_of_64_digits)
{
	CHECK(digest_valid(DIGEST));
	CHECK(!digest_valid(NULL));
	CHECK(!digest_valid(""));
	CHECK(!digest_valid("sha256:"));
	CHECK(!digest_valid(HEX64));
	CHECK(!digest_valid(DIGEST "\n"));
	CHECK(!digest_valid("sha256:../../../../../../../../../../../../../../../../../etc/passwd_pad"));
	CHECK(!digest_valid("sha256:" "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"));
}

TEST(hash_is_sha256)
{
	char digest[DIGEST_SIZE];

	digest_of("abc", 3, digest);
	CHECK_STR(digest,
		  "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* Platforms */

TEST(platform_is_parsed_and_refused)
{
	struct platform p = { 0 };
	char text[PLATFORM_TEXT_MAX];

	CHECK(platform_parse("linux/arm/v7", &p, NULL) == 0);
	CHECK_STR(platform_text(&p, text), "linux/arm/v7");
	CHECK(platform_parse("linux/amd64", &p, NULL) == 0);
	CHECK_STR(platform_text(&p, text), "linux/amd64");
	CHECK(platform_parse("linux", &p, NULL) < 0);
	CHECK(platform_parse("linux/", &p, NULL) < 0);
	CHECK(platform_parse("linux/amd64/", &p, NULL) < 0);
	CHECK(platform_parse("linux/amd64/v1/x", &p, NULL) < 0);
	CHECK(platform_parse("linux/amd64 ", &p, NULL) < 0);
}

TEST(platform_prefers_the_nearest_older_variant)
{
	const struct platform v7 = { "linux", "arm", "v7" }, v6 = { "linux", "arm", "v6" };
	const struct platform v8 = { "linux", "arm64", "v8" }, none = { "linux", "arm64", "" };
	const struct platform amd64 = { "linux", "amd64", "" }, i386 = { "linux", "386", "" };

	CHECK(platform_rank(&v7, &v7) == 0);
	CHECK(platform_rank(&v7, &v6) == 1);
	CHECK(platform_rank(&v6, &v7) < 0);
	CHECK(platform_rank(&v8, &none) == 0);
	CHECK(platform_rank(&amd64, &i386) > 0);
	CHECK(platform_rank(&i386, &amd64) < 0);
	CHECK(platform_rank(&amd64, &v8) < 0);
}

/* Manifests */

#define OCI "application/vnd.oci.image."
#define CONFIG "{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" DIGEST "\",\"size\":2}"
#define LAYER "{\"mediaType\":\"" OCI "layer.v1.tar+gzip\",\"digest\":\"" DIGEST "\",\"size\":3}"
#define ENTRY(arch)                                                                              \
	"{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"" DIGEST "\",\"size\":4,"        \
	"\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\"}}"
#define IMAGE "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER "," LAYER "]}"
#define INDEX "{\"schemaVersion\":2,\"manifests\":[" ENTRY("arm64") "," ENTRY("amd64") "]}"

static int parse_manifest(const char *text, const char *type, struct manifest *ret, struct err *err)
{
	return manifest_parse(text, strlen(text), type, ret, err);
}

TEST(manifest_of_an_image_has_its_config_and_layers)
{
	CLEAN(manifest_done) struct manifest m = { 0 };
	struct err err = { 0 };

	CHECK(parse_manifest(IMAGE, OCI "manifest.v1+json; charset=utf-8", &m, &err) == 0);
	CHECK_STR(err.text, "");
	CHECK(m.kind == MANIFEST_IMAGE && m.n == 2 && m.config.size == 2 && m.entries[1].size == 3);
}

TEST(manifest_is_recognised_by_its_shape_where_its_type_says_nothing)
{
	static const char *const silent[] = { NULL, "", "text/plain", "application/json" };

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		CLEAN(manifest_done) struct manifest m = { 0 };

		CHECK(parse_manifest(INDEX, silent[i], &m, NULL) == 0);
		CHECK(m.kind == MANIFEST_INDEX && m.n == 2);
	}
}

TEST(manifest_of_an_index_is_selected_by_platform)
{
	const struct platform amd64 = { "linux", "amd64", "" }, riscv = { "linux", "riscv64", "" };
	CLEAN(manifest_done) struct manifest m = { 0 };
	const struct descriptor *entry = NULL;
	struct err err = { 0 };

	CHECK(parse_manifest(INDEX, NULL, &m, NULL) == 0);
	CHECK(manifest_select(&m, &amd64, &entry, NULL) == 0 && entry == &m.entries[1]);
	CHECK(manifest_select(&m, &riscv, &entry, &err) < 0 && err.kind == ERR_NOT_FOUND);
	CHECK_STR(err.text, "no image found for platform linux/riscv64");
}

static const struct {
	const char *text, *type, *says;
	enum err_kind kind;
} bad_manifests[] = {
	{ "<html>", "text/html", "not a manifest but of type 'text/html'", ERR_CORRUPT },
	{ "<html>", NULL, "not JSON", ERR_CORRUPT },
	{ "[]", NULL, "not a JSON object", ERR_CORRUPT },
	{ "{}", NULL, "schema version 2", ERR_CORRUPT },
	{ "{\"schemaVersion\":1}", NULL, "schema 1", ERR_UNSUPPORTED },
	{ IMAGE, "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1",
	  ERR_UNSUPPORTED },
	{ "{\"schemaVersion\":2}", NULL, "neither layers nor manifests", ERR_CORRUPT },
	/* CVE-2021-41190, by members, by the header, by mediaType. */
	{ "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", NULL, "an image and an index at once",
	  ERR_CORRUPT },
	{ IMAGE, OCI "index.v1+json", "not of the type", ERR_CORRUPT },
	{ INDEX, OCI "manifest.v1+json", "not of the type", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"config\":" CONFIG
	  ",\"layers\":[]}", NULL, "not of the type", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[]}",
	  "application/vnd.docker.distribution.manifest.v2+json", "not of the type", ERR_CORRUPT },
	/* Duplicate keys, which parsers choose among differently. */
	{ "{\"schemaVersion\":2,\"schemaVersion\":2}", NULL, "duplicate", ERR_CORRUPT },
	/* Artifacts. */
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\","
	  "\"digest\":\"" DIGEST "\",\"size\":2},\"layers\":[]}", NULL, "an artifact", ERR_UNSUPPORTED },
	{ "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.artifact.manifest.v1+json\"}", NULL,
	  "not a container image", ERR_UNSUPPORTED },
	{ "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[{\"mediaType\":\"application/wasm\","
	  "\"digest\":\"" DIGEST "\",\"size\":2}]}", NULL, "unknown type 'application/wasm'",
	  ERR_UNSUPPORTED },
	{ "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":7}", NULL, "no list of layers",
	  ERR_CORRUPT },
	/* Digests and sizes. */
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":"
	  "\"sha256:../x\",\"size\":2},\"layers\":[]}", NULL, "'sha256:../x', is not a SHA-256 digest",
	  ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" DIGEST
	  "\",\"size\":-1},\"layers\":[]}", NULL, "out of bounds", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" DIGEST
	  "\",\"size\":4194305},\"layers\":[]}", NULL, "out of bounds", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" DIGEST
	  "\",\"size\":\"2\"},\"layers\":[]}", NULL, "out of bounds", ERR_CORRUPT },
};

TEST(manifest_refuses_what_is_none_or_could_be_two)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_manifests); i++) {
		struct manifest m = { 0 };
		struct err err = { 0 };

		CHECK(parse_manifest(bad_manifests[i].text, bad_manifests[i].type, &m, &err) < 0);
		CHECK(err.kind == bad_manifests[i].kind);
		CHECK_STR(strstr(err.text, bad_manifests[i].says) ? NULL : err.text, NULL);
		CHECK(!m.entries);
	}
}

TEST(manifest_refuses_a_million_layers_and_endless_depth)
{
	CLEAN(buf_done) struct buf many = { 0 }, deep = { 0 };
	struct manifest m = { 0 };
	struct err err = { 0 };

	buf_adds(&many, "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[" LAYER);
	for (int i = 0; i < 1000000; i++)
		buf_adds(&many, ",{}");
	buf_adds(&many, "]}");
	CHECK(manifest_parse(many.data, many.len, NULL, &m, &err) < 0);
	CHECK(strstr(err.text, "1000001 layers"));
	for (int i = 0; i < 100000; i++)
		buf_adds(&deep, "{\"a\":");
	CHECK(manifest_parse(deep.data, deep.len, NULL, &m, &err) < 0 && err.kind == ERR_CORRUPT);
}

/* Configurations */

TEST(config_is_read_with_types_checked)
{
	static const char text[] =
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-01-02T03:04:05.678+01:00\","
		"\"config\":{\"User\":\"me\",\"WorkingDir\":\"\",\"Env\":[\"A=b\",7],\"Cmd\":[\"sh\"],"
		"\"Entrypoint\":null,\"Volumes\":{\"/data\":{}},\"ExposedPorts\":{\"80/tcp\":{}},"
		"\"Labels\":{\"k\":\"v\",\"n\":1},\"StopSignal\":9},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST "\"]}}";
	CLEAN(image_config_done) struct image_config c = { 0 };
	struct err err = { 0 };

	CHECK(image_config_parse(text, strlen(text), &c, &err) == 0);
	CHECK_STR(err.text, "");
	CHECK_STR(c.architecture, "amd64");
	CHECK_STR(c.user, "me");
	CHECK_STR(c.workdir, NULL);
	CHECK_STR(c.stop_signal, NULL);
	CHECK(c.env.n == 1 && c.cmd.n == 1 && c.entrypoint.n == 0);
	CHECK(strv_has(&c.volumes, "/data") && strv_has(&c.exposed_ports, "80/tcp"));
	CHECK(c.labels.n == 1 && strv_has(&c.labels, "k=v"));
	CHECK(c.diff_ids.n == 1);
	CHECK(c.created == 1704161045); /* 2024-01-02T02:04:05Z */
}

TEST(config_refuses_what_names_no_layers)
{
	static const char *const bad[] = {
		"", "null", "{}", "{\"rootfs\":{}}", "{\"rootfs\":{\"diff_ids\":{}}}",
		"{\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}", "{\"rootfs\":{\"diff_ids\":[7]}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct image_config c = { 0 };
		struct err err = { 0 };

		CHECK(image_config_parse(bad[i], strlen(bad[i]), &c, &err) < 0);
		CHECK(err.kind == ERR_CORRUPT);
		CHECK(strstr(err.text, "not an image configuration"));
	}
}

/* Results */

TEST(result_crosses_the_pipe_unchanged)
{
	struct pull_result out = { .id = HEX64, .name = (char *)"localhost/x:y", .digest = DIGEST };
	CLEAN(clean_free) char *text = pull_result_format(&out, NULL);
	CLEAN(pull_result_done) struct pull_result in = { 0 };

	CHECK(pull_result_parse(text, strlen(text), &in, NULL) == 0);
	CHECK_STR(in.id, out.id);
	CHECK_STR(in.name, out.name);
	CHECK_STR(in.digest, out.digest);
}

TEST(result_carries_an_error_made_printable)
{
	const struct err out = { .kind = ERR_NETWORK, .sys = 111, .text = "\033[2Jgone", .hint = "try" };
	CLEAN(clean_free) char *text = pull_result_format(NULL, &out);
	struct pull_result r = { 0 };
	struct err in = { 0 };

	CHECK(pull_result_parse(text, strlen(text), &r, &in) < 0);
	CHECK(in.kind == ERR_NETWORK && in.sys == 111);
	CHECK_STR(in.text, "\\x1b[2Jgone");
	CHECK_STR(in.hint, "try");
	CHECK(pull_result_parse("", 0, &r, &in) < 0 && in.kind == ERR_SYSTEM);
	CHECK(pull_result_parse("{\"id\":\"../x\"}", 13, &r, &in) < 0 && in.kind == ERR_SYSTEM);
}

/* Decompression */

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

			CHECK_STR(inflate_all(&packed[f], sizes[i % 4], rooms[i / 4], &out, &err) < 0 ?
					  err.text : "", "");
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
	buf_adds(&good, "trailing");
	CLEAN(buf_done) struct buf out = { 0 };

	CHECK(inflate_all(&good, 100, 8192, &out, NULL) < 0);
}

TEST(inflate_refuses_a_zstd_window_of_two_gigabytes)
{
	/* RFC 8878, 3.1.1.1.2: exponent 21, mantissa 0: 2^(10+21) bytes. */
	struct buf bomb = { 0 };
	CLEAN(buf_done) struct buf out = { 0 };
	struct err err = { 0 };

	buf_add(&bomb, "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);
	CHECK(inflate_all(&bomb, 100, 8192, &out, &err) < 0 && err.kind == ERR_CORRUPT);
	CHECK(strstr(err.text, "memory"));
	buf_done(&bomb);
}

/* Unpacking. Each test has a directory of its own: stage/ to unpack into, canary/ beside it. */

struct scene {
	char path[64];
	int dir, stage;
	struct buf tar;
	struct stat canary, secret;
	struct err err;
	int64_t bytes;
};

static void scene_init(struct scene *s)
{
	int fd;

	*s = (struct scene){ 0 };
	umask(0);
	strcpy(s->path, "/tmp/tiffin-test-image.XXXXXX");
	if (!mkdtemp(s->path))
		perror("mkdtemp");
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(s->dir, "stage", 0755);
	mkdirat(s->dir, "canary", 0700);
	s->stage = openat(s->dir, "stage", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(s->dir, "canary/secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(write_all(fd, "secret", 6, NULL) == 0);
	close(fd);
	fstatat(s->dir, "canary", &s->canary, 0);
	fstatat(s->dir, "canary/secret", &s->secret, 0);
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid && a->st_size == b->st_size && a->st_nlink == b->st_nlink &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

static void clean_scene(struct scene *s)
{
	CLEAN(buf_done) struct buf text = { 0 };
	struct stat canary, secret;

	CHECK(fstatat(s->dir, "canary", &canary, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(fstatat(s->dir, "canary/secret", &secret, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(unchanged(&s->canary, &canary) && unchanged(&s->secret, &secret));
	CHECK(file_read_at(s->dir, "canary/secret", 100, &text, NULL) == 0);
	CHECK_STR(text.data, "secret");
	close(s->stage);
	close(s->dir);
	buf_done(&s->tar);
	CHECK(tree_remove_at(AT_FDCWD, s->path, NULL) == 0);
}

#define SCENE(s)                               \
	CLEAN(clean_scene) struct scene s;     \
	scene_init(&s)

static void dir(struct scene *s, const char *name, unsigned int mode)
{
	tar_add(&s->tar, (struct tar_entry){ .name = name, .type = '5', .mode = mode, .mtime = 1000 });
}

static void file(struct scene *s, const char *name, const char *data)
{
	tar_add(&s->tar, (struct tar_entry){ .name = name, .type = '0', .mode = 0644, .mtime = 1000,
					     .data = data });
}

static void link_to(struct scene *s, char type, const char *name, const char *target)
{
	tar_add(&s->tar, (struct tar_entry){ .name = name, .type = type, .mode = 0777, .mtime = 1000,
					     .link = target });
}

/* The stream in pieces of an odd size, so that headers lie across them. */
struct stream {
	const struct buf *data;
	size_t at;
};

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct stream *s = arg;
	size_t left = s->data->len - s->at;

	(void)err;
	if (!left)
		return 0;
	*ret_len = left < 777 ? left : 777;
	*ret_data = s->data->data + s->at;
	s->at += *ret_len;
	return 1;
}

static int unpack_within(struct scene *s, struct unpack_options options)
{
	struct stream stream = { .data = &s->tar };
	int result;

	tar_end(&s->tar);
	/* Whoever runs the tests may have no right to give files away. */
	options.single_id = true;
	result = unpack_tar(s->stage, next_piece, &stream, &options, &s->bytes, &s->err);
	CHECK(result < 0 || stream.at == s->tar.len);
	return result;
}

static bool unpacks(struct scene *s)
{
	int result = unpack_within(s, (struct unpack_options){ 0 });

	CHECK_STR(s->err.text, "");
	return result == 0;
}

static bool refuses(struct scene *s, const char *says)
{
	int result = unpack_within(s, (struct unpack_options){ 0 });

	CHECK(s->err.kind == ERR_CORRUPT);
	CHECK_STR(strstr(s->err.text, says) ? NULL : s->err.text, NULL);
	return result < 0;
}

static mode_t mode_of(const struct scene *s, const char *path)
{
	struct stat st;

	return fstatat(s->stage, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode;
}

static bool holds(const struct scene *s, const char *path, const char *want)
{
	CLEAN(buf_done) struct buf text = { 0 };

	return file_read_at(s->stage, path, 1 << 20, &text, NULL) == 0 && streq(buf_str(&text), want);
}

static bool is_opaque(const struct scene *s, const char *path)
{
	CLEAN(clean_fd) int fd = openat(s->stage, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value[4] = "";

	return fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)) == 1 && *value == 'y';
}

/* 0:0, which is what overlayfs takes for a whiteout. */
static bool is_whiteout(const struct scene *s, const char *path)
{
	struct stat st;

	return fstatat(s->stage, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

TEST(unpack_restores_files_modes_times_and_links)
{
	SCENE(s);
	struct stat st, linked;
	char target[16] = "";

	dir(&s, "./", 0711);
	dir(&s, "./d/", 02750);
	file(&s, "./d/f", "content");
	tar_add(&s.tar, (struct tar_entry){ .name = "d/suid", .type = '0', .mode = 06755, .data = "x" });
	link_to(&s, '1', "hard", "d/f");
	link_to(&s, '2', "soft", "/etc/passwd");
	tar_add(&s.tar, (struct tar_entry){ .name = "fifo", .type = '6', .mode = 0600 });
	dir(&s, "readonly", 0555);
	if (geteuid() == 0) /* as it is in the namespace */
		file(&s, "readonly/f", "r");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "d/f", "content"));
	CHECK(mode_of(&s, ".") == (S_IFDIR | 0711));
	CHECK(mode_of(&s, "d") == (S_IFDIR | 02750));
	CHECK(mode_of(&s, "d/suid") == (S_IFREG | 06755));
	CHECK(mode_of(&s, "fifo") == (S_IFIFO | 0600));
	CHECK(mode_of(&s, "readonly") == (S_IFDIR | 0555));
	CHECK(readlinkat(s.stage, "soft", target, sizeof(target)) == 11);
	CHECK_STR(target, "/etc/passwd");
	CHECK(fstatat(s.stage, "d/f", &st, 0) == 0 && fstatat(s.stage, "hard", &linked, 0) == 0);
	CHECK(st.st_ino == linked.st_ino && st.st_mtime == 1000);
	CHECK(fstatat(s.stage, "d", &st, 0) == 0 && st.st_mtime == 1000);
	CHECK(s.bytes == (geteuid() == 0 ? 9 : 8));
}

TEST(unpack_sets_times_of_directories_after_their_content)
{
	SCENE(s);
	struct stat st;

	dir(&s, "a", 0755);
	dir(&s, "a/b", 0755);
	file(&s, "a/b/1", "1");
	dir(&s, "c", 0755);
	file(&s, "a/2", "2");
	file(&s, "a/b/3", "3");
	CHECK(unpacks(&s));
	CHECK(fstatat(s.stage, "a", &st, 0) == 0 && st.st_mtime == 1000);
	CHECK(fstatat(s.stage, "a/b", &st, 0) == 0 && st.st_mtime == 1000);
}

TEST(unpack_goes_deep_and_comes_back)
{
	SCENE(s);
	CLEAN(buf_done) struct buf path = { 0 };

	for (int i = 0; i < 40; i++) {
		if (i)
			buf_adds(&path, "/");
		buf_addf(&path, "%x", i);
		dir(&s, path.data, 0755);
	}
	file(&s, "0/f", "f");
	buf_adds(&path, "/g");
	tar_pax(&s.tar, "path", path.data);
	file(&s, "short", "g");
	CHECK(unpacks(&s));
	CHECK(holds(&s, path.data, "g") && holds(&s, "0/f", "f"));
}

TEST(unpack_refuses_dotdot)
{
	static const char *const names[] = { "../canary/x", "a/../../canary/x", "a/..", "/../x", ".." };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		SCENE(s);

		file(&s, names[i], "x");
		CHECK(refuses(&s, "leads out of the layer"));
	}
}

TEST(unpack_takes_absolute_names_as_relative)
{
	SCENE(s);

	file(&s, "/etc/x", "x");
	file(&s, "//./etc//y", "y");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "etc/x", "x") && holds(&s, "etc/y", "y"));
}

TEST(unpack_stays_beneath_through_symlinked_parents)
{
	SCENE(s);
	CLEAN(clean_free) char *canary = xasprintf("%s/canary", s.path);

	link_to(&s, '2', "abs", canary);
	link_to(&s, '2', "up", "../canary");
	link_to(&s, '2', "loop", "loop");
	dir(&s, "d", 0755);
	link_to(&s, '2', "in", "d");
	file(&s, "in/f", "in");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "d/f", "in"));

	/* Where they lead out, they lead to what would be there after a chroot: nothing. */
	static const char *const names[] = { "abs/secret", "up/secret", "loop/x" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		SCENE(t);

		link_to(&t, '2', "abs", canary);
		link_to(&t, '2', "up", "../canary");
		link_to(&t, '2', "loop", "loop");
		file(&t, names[i], "pwned");
		CHECK(refuses(&t, "is not a directory, yet has entries"));
	}
}

TEST(unpack_replaces_symlinks_and_does_not_follow_them)
{
	SCENE(s);

	link_to(&s, '2', "f", "../canary/secret");
	file(&s, "f", "mine");
	link_to(&s, '2', "d", "../canary");
	dir(&s, "d", 0777);
	link_to(&s, '2', "p", "../canary/secret");
	tar_add(&s.tar, (struct tar_entry){ .name = "p", .type = '6', .mode = 0666 });
	link_to(&s, '2', "l", "../canary/secret");
	link_to(&s, '2', "l", "elsewhere");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "f", "mine"));
	CHECK(mode_of(&s, "d") == (S_IFDIR | 0777));
	CHECK(S_ISFIFO(mode_of(&s, "p")) && S_ISLNK(mode_of(&s, "l")));
}

TEST(unpack_refuses_hardlinks_to_what_is_not_in_the_layer)
{
	static const struct {
		const char *target, *says;
	} links[] = {
		{ "../canary/secret", "leads out" },	 { "/etc/passwd", "not in the layer" },
		{ "nowhere", "not in the layer" },	 { "up/secret", "not in the layer" },
		{ "up", NULL },				 { "gone", "not in the layer" },
		{ "d", "is a directory" },		 { ".", "to the root" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		SCENE(s);

		dir(&s, "d", 0755);
		link_to(&s, '2', "up", "../canary");
		file(&s, ".wh.gone", "");
		link_to(&s, '1', "x", links[i].target);
		if (links[i].says)
			CHECK(refuses(&s, links[i].says));
		else
			CHECK(unpacks(&s) && S_ISLNK(mode_of(&s, "x")));
	}
}

TEST(unpack_does_not_write_through_a_hardlink_to_a_symlink)
{
	SCENE(s);

	link_to(&s, '2', "sym", "../canary/secret");
	link_to(&s, '1', "hard", "sym");
	tar_add(&s.tar, (struct tar_entry){ .name = "hard", .type = '0', .mode = 0777, .data = "pwned" });
	link_to(&s, '1', "hard", "hard");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "hard", "pwned"));
	CHECK(S_ISLNK(mode_of(&s, "sym")));
}

TEST(unpack_replaces_entries_of_other_kinds)
{
	SCENE(s);

	dir(&s, "d", 0755);
	dir(&s, "d/sub", 0755);
	file(&s, "d/sub/f", "old");
	file(&s, "d", "now a file");
	file(&s, "f", "old");
	dir(&s, "f", 0700);
	file(&s, "f/x", "new");
	file(&s, "twice", "a longer first");
	file(&s, "twice", "second");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "d", "now a file") && holds(&s, "f/x", "new") && holds(&s, "twice", "second"));
}

TEST(unpack_refuses_to_replace_the_root)
{
	static const struct tar_entry roots[] = {
		{ .name = "./", .type = '2', .link = "../canary" },
		{ .name = "/.", .type = '0', .data = "x" },
		{ .name = "/", .type = '6' },
		{ .name = ".", .type = '1', .link = "f" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		SCENE(s);

		file(&s, "f", "f");
		tar_add(&s.tar, roots[i]);
		/* libarchive takes what ends in a slash for a directory, whatever its type. */
		if (mode_of(&s, ".") && unpack_within(&s, (struct unpack_options){ 0 }) == 0)
			CHECK(S_ISDIR(mode_of(&s, ".")));
		else
			CHECK(s.err.kind == ERR_CORRUPT);
	}
}

TEST(unpack_refuses_files_as_parents)
{
	SCENE(s);

	file(&s, "f", "f");
	file(&s, "f/x", "x");
	CHECK(refuses(&s, "'f' is not a directory, yet has entries"));
}

TEST(unpack_makes_whiteouts_as_overlayfs_wants_them)
{
	SCENE(s);

	file(&s, "d/.wh.gone", "");
	file(&s, "o/.wh..wh..opq", "");
	file(&s, "o/after", "");
	file(&s, "p/before", "");
	file(&s, "p/.wh..wh..opq", "");
	file(&s, ".wh.x.wh.", "");
	CHECK(unpacks(&s));
	CHECK(is_whiteout(&s, "d/gone") && is_whiteout(&s, "x.wh."));
	CHECK(is_opaque(&s, "o") && is_opaque(&s, "p") && !is_opaque(&s, "d"));
	CHECK(!mode_of(&s, "d/.wh.gone") && !mode_of(&s, "o/.wh..wh..opq"));
}

TEST(unpack_hides_only_what_is_below_with_a_whiteout)
{
	SCENE(s);

	file(&s, "kept", "k");
	file(&s, ".wh.kept", "");
	dir(&s, "anew", 0755);
	file(&s, "anew/x", "x");
	file(&s, ".wh.anew", "");
	file(&s, ".wh.first", "");
	dir(&s, "first", 0755);
	file(&s, ".wh.implied", "");
	file(&s, "implied/x", "x");
	file(&s, ".wh.file", "");
	file(&s, "file", "f");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "kept", "k") && holds(&s, "anew/x", "x") && holds(&s, "file", "f"));
	CHECK(is_opaque(&s, "anew") && is_opaque(&s, "first") && is_opaque(&s, "implied"));
}

TEST(unpack_refuses_whiteouts_of_nothing)
{
	static const char *const names[] = { ".wh.", "a/.wh.", ".wh..", ".wh...", "a/.wh..." };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		SCENE(s);

		file(&s, names[i], "");
		CHECK(refuses(&s, "is not a valid whiteout"));
	}
}

TEST(unpack_keeps_ordinary_names_and_skips_those_of_aufs)
{
	SCENE(s);

	dir(&s, ".wh.x", 0755);
	file(&s, ".wh.x/file", "ordinary");
	dir(&s, ".wh..wh.plnk", 0700);
	file(&s, ".wh..wh.plnk/123", "aufs");
	file(&s, ".wh..wh.aufs", "");
	CHECK(unpacks(&s));
	CHECK(holds(&s, ".wh.x/file", "ordinary"));
	CHECK(!mode_of(&s, ".wh..wh.plnk") && !mode_of(&s, ".wh..wh.aufs") && !mode_of(&s, "x"));
}

TEST(unpack_leaves_devices_and_sockets_out)
{
	SCENE(s);

	for (char type = '3'; type <= '4'; type++) {
		char name[] = { type, '\0' };

		tar_add(&s.tar, (struct tar_entry){ .name = name, .type = type, .mode = 0666, .major = 1,
						    .minor = 3 });
	}
	tar_add(&s.tar, (struct tar_entry){ .name = "zero", .type = '3', .mode = 0666 });
	CHECK(unpacks(&s));
	CHECK(!mode_of(&s, "3") && !mode_of(&s, "4") && !mode_of(&s, "zero"));
}

TEST(unpack_drops_the_attributes_of_overlayfs)
{
	static const char *const dropped[] = {
		"user.overlay.opaque",	 "user.overlay.redirect", "user.overlay.metacopy",
		"user.overlay.whiteout", "trusted.overlay.opaque", "security.selinux",
	};
	SCENE(s);
	char value[8] = "";

	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		CLEAN(clean_free) char *key = xasprintf("SCHILY.xattr.%s", dropped[i]);

		tar_pax(&s.tar, key, "y");
		dir(&s, dropped[i], 0755);
	}
	tar_pax(&s.tar, "SCHILY.xattr.user.kept", "value");
	file(&s, "f", "f");
	CHECK(unpacks(&s));
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		CLEAN(clean_fd) int fd = openat(s.stage, dropped[i], O_RDONLY | O_CLOEXEC);

		CHECK(fd >= 0 && fgetxattr(fd, dropped[i], value, sizeof(value)) < 0);
	}
	CLEAN(clean_fd) int fd = openat(s.stage, "f", O_RDONLY | O_CLOEXEC);

	CHECK(fgetxattr(fd, "user.kept", value, sizeof(value)) == 5);
}

TEST(unpack_keeps_names_that_are_any_bytes)
{
	static const char *const names[] = {
		"new\nline", "latin1-\xe9", "nfd-e\xcc\x81", "nfc-\xc3\xa9", "\033[2J", "tail ",
	};
	SCENE(s);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEAN(clean_free) char *pax = xasprintf("pax-%s", names[i]);

		file(&s, names[i], "x");
		tar_pax(&s.tar, "path", pax);
		file(&s, "short", "x");
	}
	CHECK(unpacks(&s));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEAN(clean_free) char *pax = xasprintf("pax-%s", names[i]);

		CHECK(mode_of(&s, names[i]) && mode_of(&s, pax));
	}
}

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

TEST(unpack_refuses_owners_beyond_32_bits)
{
	static const int64_t ids[] = { UINT32_MAX, INT64_C(1) << 32, (INT64_C(1) << 32) + 5, -1 };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		SCENE(s);
		struct stream stream = { .data = &s.tar };
		const struct unpack_options options = { 0 };

		/* Owners are given away here: by root, or not at all. */
		tar_add(&s.tar, (struct tar_entry){ .name = "f", .type = '0', .uid = ids[i], .data = "x" });
		tar_end(&s.tar);
		if (geteuid() != 0)
			continue;
		CHECK(unpack_tar(s.stage, next_piece, &stream, &options, &s.bytes, &s.err) < 0 ||
		      ids[i] < 0);
		if (s.err.kind)
			CHECK(strstr(s.err.text, "'f' belongs to") && *s.err.hint);
	}
}

TEST(unpack_keeps_to_its_limits)
{
	SCENE(s);
	SCENE(t);
	SCENE(u);

	file(&s, "a", "12345");
	file(&s, "b", "67890");
	CHECK(unpack_within(&s, (struct unpack_options){ .max_bytes = 9 }) < 0);
	CHECK(s.err.kind == ERR_CORRUPT && strstr(s.err.text, "larger than any may be"));
	file(&t, "a", "1");
	file(&t, "b", "2");
	CHECK(unpack_within(&t, (struct unpack_options){ .max_entries = 1 }) < 0);
	CHECK(t.err.kind == ERR_CORRUPT && strstr(t.err.text, "more than 1 entries"));
	tar_add(&u.tar, (struct tar_entry){ .name = "huge", .type = '0', .size = INT64_C(1) << 50 });
	CHECK(refuses(&u, "larger than any may be"));
}

TEST(unpack_refuses_damaged_archives)
{
	SCENE(s);
	SCENE(t);

	file(&s, "f", "x");
	s.tar.data[20] ^= 1; /* the name, and so the checksum */
	CHECK(refuses(&s, "not a valid tar archive"));
	tar_add(&t.tar, (struct tar_entry){ .name = "cut", .type = '0', .size = 100000, .data = "x" });
	CHECK(refuses(&t, "not a valid tar archive"));
}

TEST(unpack_reads_what_follows_the_archive)
{
	SCENE(s);
	CLEAN(clean_free) char *garbage = sample(5000);

	file(&s, "f", "f");
	tar_end(&s.tar);
	buf_add(&s.tar, garbage, 5000);
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

TEST(unpack_is_linear_in_opaque_markers)
{
	SCENE(s);

	for (int i = 0; i < 20000; i++)
		file(&s, "d/.wh..wh..opq", "");
	CHECK(unpacks(&s));
	CHECK(is_opaque(&s, "d"));
}

int main(void)
{
	RUN(reference_canonical_form_is_dockers);
	RUN(reference_refuses_what_is_none);
	RUN(digest_is_lower_case_sha256_of_64_digits);
	RUN(hash_is_sha256);
	RUN(platform_is_parsed_and_refused);
	RUN(platform_prefers_the_nearest_older_variant);
	RUN(manifest_of_an_image_has_its_config_and_layers);
	RUN(manifest_is_recognised_by_its_shape_where_its_type_says_nothing);
	RUN(manifest_of_an_index_is_selected_by_platform);
	RUN(manifest_refuses_what_is_none_or_could_be_two);
	RUN(manifest_refuses_a_million_layers_and_endless_depth);
	RUN(config_is_read_with_types_checked);
	RUN(config_refuses_what_names_no_layers);
	RUN(result_crosses_the_pipe_unchanged);
	RUN(result_carries_an_error_made_printable);
	RUN(inflate_gives_back_what_gzip_zstd_and_nothing_packed);
	RUN(inflate_refuses_damage);
	RUN(inflate_refuses_a_zstd_window_of_two_gigabytes);
	RUN(unpack_restores_files_modes_times_and_links);
	RUN(unpack_sets_times_of_directories_after_their_content);
	RUN(unpack_goes_deep_and_comes_back);
	RUN(unpack_refuses_dotdot);
	RUN(unpack_takes_absolute_names_as_relative);
	RUN(unpack_stays_beneath_through_symlinked_parents);
	RUN(unpack_replaces_symlinks_and_does_not_follow_them);
	RUN(unpack_refuses_hardlinks_to_what_is_not_in_the_layer);
	RUN(unpack_does_not_write_through_a_hardlink_to_a_symlink);
	RUN(unpack_replaces_entries_of_other_kinds);
	RUN(unpack_refuses_to_replace_the_root);
	RUN(unpack_refuses_files_as_parents);
	RUN(unpack_makes_whiteouts_as_overlayfs_wants_them);
	RUN(unpack_hides_only_what_is_below_with_a_whiteout);
	RUN(unpack_refuses_whiteouts_of_nothing);
	RUN(unpack_keeps_ordinary_names_and_skips_those_of_aufs);
	RUN(unpack_leaves_devices_and_sockets_out);
	RUN(unpack_drops_the_attributes_of_overlayfs);
	RUN(unpack_keeps_names_that_are_any_bytes);
	RUN(unpack_bounds_the_length_of_names);
	RUN(unpack_refuses_owners_beyond_32_bits);
	RUN(unpack_keeps_to_its_limits);
	RUN(unpack_refuses_damaged_archives);
	RUN(unpack_reads_what_follows_the_archive);
	RUN(unpack_takes_an_empty_stream_for_an_empty_layer);
	RUN(unpack_is_linear_in_opaque_markers);
	return test_summary();
}
