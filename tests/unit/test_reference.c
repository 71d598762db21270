/* What is named: references, digests, platforms. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/hash.h"
#include "image/platform.h"
#include "image/reference.h"
#include "tests/unit/test.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64

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

int main(void)
{
	RUN(reference_canonical_form_is_dockers);
	RUN(reference_refuses_what_is_none);
	RUN(digest_is_lower_case_sha256_of_64_digits);
	RUN(hash_is_sha256);
	RUN(platform_is_parsed_and_refused);
	RUN(platform_prefers_the_nearest_older_variant);
	RUN(platform_has_other_names);
	return test_summary();
}
