/* Documents: manifests, configurations and their history; results of tiffin-image. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/config.h"
#include "image/history.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/result.h"
#include "tests/unit/test.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

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
	RUN(history_is_read_in_order_and_by_type);
	return test_summary();
}
