#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/config.h"
#include "image/digest.h"
#include "image/hash.h"
#include "image/history.h"
#include "image/inflate.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "image/result.h"
#include "tests/unit/test.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
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
	"",
	":tag",
	("@" DIGEST),
	"/x",
	"x/",
	"a//b",
	"Alpine",
	"me/Tool",
	"x:",
	"x:-a",
	"x:.a",
	"x:a b",
	"x@sha256:abc",
	("x@sha512:" HEX64),
	("x@SHA256:" HEX64),
	("x@" DIGEST "0"),
	"x@sha256:../../etc",
	"x@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
	"-a",
	"a-",
	"a..b",
	"a.-b",
	"a___b",
	"a/../b",
	"../x",
	"./x",
	"x\n",
	"x\033[2J",
	"localhost:port/x",
	"localhost:123456/x",
	"ho_st.de/x",
	"[::1/x",
	"-host.de/x",
	"host-.de/x",
	HEX64,
	"http://h.de/x",
};

TEST(reference_canonical_form_is_dockers)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_references); i++) {
		CLEAN(reference_done) struct reference r = { 0 };
		CLEAN(clean_free) char *got = NULL;
		struct err err = { 0 };

		CHECK_STR(reference_parse(good_references[i].text, &r, &err) < 0 ? err.text : "",
			  "");
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
		CHECK_STR(reference_parse(bad_references[i], &r, &err) < 0 ? NULL :
									     bad_references[i],
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
	CHECK(!digest_valid(
		"sha256:../../../../../../../../../../../../../../../../../etc/passwd_pad"));
	CHECK(!digest_valid("sha256:"
			    "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"));
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
	CHECK(platform_rank(&v8, &v7) == 101 && platform_rank(&v8, &v6) == 102);
	CHECK(platform_rank(&v7, &v8) < 0);
}

TEST(platform_has_other_names)
{
	static const struct {
		struct platform want, have;
		int rank;
	} pairs[] = {
		{ { "linux", "aarch64", "" }, { "linux", "arm64", "v8" }, 0 },
		{ { "linux", "arm64", "8" }, { "linux", "arm64", "" }, 0 },
		{ { "linux", "x86_64", "" }, { "linux", "amd64", "v1" }, 0 },
		{ { "linux", "amd64", "v3" }, { "linux", "x86-64", "" }, 2 },
		{ { "linux", "amd64", "" }, { "linux", "amd64", "v2" }, -1 },
		{ { "linux", "armhf", "" }, { "linux", "arm", "7" }, 0 },
		{ { "linux", "arm", "" }, { "linux", "armel", "" }, 1 },
		{ { "linux", "i386", "" }, { "linux", "386", "" }, 0 },
		{ { "linux", "arm", "v7" }, { "linux", "arm", "v99999999999" }, -1 },
		{ { "linux", "arm", "v7" }, { "linux", "arm", "v6x" }, -1 },
		{ { "linux", "mips64le", "softfloat" }, { "linux", "mips64le", "softfloat" }, 0 },
		{ { "linux", "mips64le", "softfloat" }, { "linux", "mips64le", "hardfloat" }, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		CHECK(platform_rank(&pairs[i].want, &pairs[i].have) == pairs[i].rank);
}

/* Manifests */

#define OCI    "application/vnd.oci.image."
#define CONFIG "{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" DIGEST "\",\"size\":2}"
#define LAYER  "{\"mediaType\":\"" OCI "layer.v1.tar+gzip\",\"digest\":\"" DIGEST "\",\"size\":3}"
#define ENTRY(arch)                                                                                \
	"{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"" DIGEST "\",\"size\":4,"         \
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
	{ "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", NULL,
	  "an image and an index at once", ERR_CORRUPT },
	{ IMAGE, OCI "index.v1+json", "not of the type", ERR_CORRUPT },
	{ INDEX, OCI "manifest.v1+json", "not of the type", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"config\":" CONFIG
	  ",\"layers\":[]}",
	  NULL, "not of the type", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[]}",
	  "application/vnd.docker.distribution.manifest.v2+json", "not of the type", ERR_CORRUPT },
	/* Duplicate keys, which parsers choose among differently. */
	{ "{\"schemaVersion\":2,\"schemaVersion\":2}", NULL, "duplicate", ERR_CORRUPT },
	/* Artifacts. */
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
	  "vnd.cncf.helm.config.v1+json\","
	  "\"digest\":\"" DIGEST "\",\"size\":2},\"layers\":[]}",
	  NULL, "an artifact", ERR_UNSUPPORTED },
	{ "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.artifact.manifest.v1+json\"}",
	  NULL, "not a container image", ERR_UNSUPPORTED },
	{ "{\"schemaVersion\":2,\"config\":" CONFIG
	  ",\"layers\":[{\"mediaType\":\"application/wasm\","
	  "\"digest\":\"" DIGEST "\",\"size\":2}]}",
	  NULL, "unknown type 'application/wasm'", ERR_UNSUPPORTED },
	{ "<html>", "text/\033[2Jhtml", "'text/\\x1b[2Jhtml'", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":7}", NULL, "no list of layers",
	  ERR_CORRUPT },
	/* Digests and sizes. */
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":"
	  "\"sha256:../x\",\"size\":2},\"layers\":[]}",
	  NULL, "'sha256:../x', is not a SHA-256 digest", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	  "config.v1+json\",\"digest\":\"" DIGEST "\",\"size\":-1},\"layers\":[]}",
	  NULL, "out of bounds", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	  "config.v1+json\",\"digest\":\"" DIGEST "\",\"size\":4194305},\"layers\":[]}",
	  NULL, "out of bounds", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
	  "config.v1+json\",\"digest\":\"" DIGEST "\",\"size\":\"2\"},\"layers\":[]}",
	  NULL, "out of bounds", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[{\"mediaType\":\"" OCI
	  "layer.v1.tar\",\"digest\":\"" DIGEST "\",\"size\":68719476737}]}",
	  NULL, "out of bounds", ERR_CORRUPT },
	{ "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI
	  "manifest.v1+json\",\"digest\":\"" DIGEST "\",\"size\":4194305}]}",
	  NULL, "out of bounds", ERR_CORRUPT },
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

TEST(manifest_of_an_index_may_name_a_thousand_others)
{
	for (int n = 1000; n <= 1001; n++) {
		CLEAN(buf_done) struct buf text = { 0 };
		CLEAN(manifest_done) struct manifest m = { 0 };
		struct err err = { 0 };

		buf_adds(&text, "{\"schemaVersion\":2,\"manifests\":[" ENTRY("amd64"));
		for (int i = 1; i < n; i++)
			buf_adds(&text, ",{}");
		buf_adds(&text, "]}");
		CHECK(manifest_parse(text.data, text.len, NULL, &m, &err) == (n == 1000 ? 0 : -1));
		CHECK_STR(err.text, n == 1000 ? "" : "its index has 1001 manifests, and 1000 is the most");
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
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-01-02T03:04:05."
		"678+01:00\","
		"\"config\":{\"User\":\"me\",\"WorkingDir\":\"\",\"Env\":[\"A=b\",7],\"Cmd\":["
		"\"sh\"],"
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
		"",
		"null",
		"{}",
		"{\"rootfs\":{}}",
		"{\"rootfs\":{\"diff_ids\":{}}}",
		"{\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}",
		"{\"rootfs\":{\"diff_ids\":[7]}}",
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
	const struct err out = {
		.kind = ERR_NETWORK, .sys = 111, .text = "\033[2Jgone", .hint = "try"
	};
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
	buf_adds(&good, "trailing");
	CLEAN(buf_done) struct buf out = { 0 };

	CHECK(inflate_all(&good, 100, 8192, &out, NULL) < 0);
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

/* History */

TEST(history_is_read_in_order_and_by_type)
{
	static const char config[] =
		"{\"history\":[{\"created\":\"1970-01-01T00:01:00Z\",\"created_by\":\"a\"},"
		"{\"empty_layer\":true,\"comment\":\"c\"},{\"created_by\":7},8]}";
	CLEAN(history_done) struct history h = { 0 };
	CLEAN(history_done) struct history none = { 0 };

	CHECK(history_parse(config, strlen(config), &h, NULL) == 0);
	CHECK(h.n == 4 && h.v[0].created == 60 && !h.v[0].empty && h.v[1].empty);
	CHECK_STR(h.v[0].created_by, "a");
	CHECK_STR(h.v[1].comment, "c");
	CHECK_STR(h.v[2].created_by, "");
	CHECK_STR(h.v[3].created_by, "");
	CHECK(history_parse("{}", 2, &none, NULL) == 0 && none.n == 0);
	CHECK(history_parse("[]", 2, &none, NULL) < 0);
}

int main(void)
{
	RUN(reference_canonical_form_is_dockers);
	RUN(reference_refuses_what_is_none);
	RUN(digest_is_lower_case_sha256_of_64_digits);
	RUN(hash_is_sha256);
	RUN(platform_is_parsed_and_refused);
	RUN(platform_prefers_the_nearest_older_variant);
	RUN(platform_has_other_names);
	RUN(manifest_of_an_image_has_its_config_and_layers);
	RUN(manifest_is_recognised_by_its_shape_where_its_type_says_nothing);
	RUN(manifest_of_an_index_is_selected_by_platform);
	RUN(manifest_refuses_what_is_none_or_could_be_two);
	RUN(manifest_of_an_index_may_name_a_thousand_others);
	RUN(manifest_refuses_a_million_layers_and_endless_depth);
	RUN(config_is_read_with_types_checked);
	RUN(config_refuses_what_names_no_layers);
	RUN(result_crosses_the_pipe_unchanged);
	RUN(result_carries_an_error_made_printable);
	RUN(inflate_gives_back_what_gzip_zstd_and_nothing_packed);
	RUN(inflate_refuses_damage);
	RUN(inflate_refuses_a_zstd_window_of_more_than_128_megabytes);
	RUN(history_is_read_in_order_and_by_type);
	return test_summary();
}
