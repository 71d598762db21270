#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/auth.h"
#include "image/auth_file.h"
#include "image/base64.h"
#include "image/challenge.h"
#include "image/credentials.h"
#include "image/source.h"
#include "image/origin.h"
#include "image/registry.h"
#include "tests/unit/test.h"

/* Challenges */

static const struct {
	const char *header, *realm, *service, *scope;
	bool basic, bearer;
} good_challenges[] = {
	{ "", NULL, NULL, NULL, false, false },
	{ "Basic", NULL, NULL, NULL, true, false },
	{ "basic realm=\"x\"", NULL, NULL, NULL, true, false },
	{ "Bearer realm=\"https://h/t\",service=\"s\",scope=\"repository:a/b:pull,push\"",
	  "https://h/t", "s", "repository:a/b:pull,push", false, true },
	{ "BEARER  Realm = \"https://h/t\" , SERVICE=s", "https://h/t", "s", NULL, false, true },
	{ "Bearer realm=\"a\\\"b\\\\c\"", "a\"b\\c", NULL, NULL, false, true },
	{ "Basic realm=\"a, Bearer realm=b\", Bearer realm=\"c\"", "c", NULL, NULL, true, true },
	{ "Bearer realm=a, Basic realm=b, Bearer realm=c", "a", NULL, NULL, true, true },
	{ "Negotiate abc==, Basic", NULL, NULL, NULL, true, false },
	{ "Negotiate abc=, Bearer realm=x", "x", NULL, NULL, false, true },
	{ "Digest qop=\"a\",nonce=\"b\", Bearer realm=x", "x", NULL, NULL, false, true },
	{ ",, Basic ,, Bearer realm=x,,", "x", NULL, NULL, true, true },
	{ "Bearer", NULL, NULL, NULL, false, true },
	{ "Bearer realm=\"\"", "", NULL, NULL, false, true },
};

static const char *const bad_challenges[] = {
	"Bearer realm=\"x",
	"Bearer realm=\"x\\",
	"Bearer realm=\"x\" service=\"y\"",
	"Bearer realm=a,realm=b",
	"Bearer realm=\"a\nb\"",
	"Bearer realm=\"a\"b",
	"Bearer realm=\"a\" b",
	"\"Bearer\"",
	"Bearer@x realm=y",
	"=",
	"Basic a b",
};

TEST(challenge_is_read_as_rfc_9110_says)
{
	for (size_t i = 0; i < ARRAY_SIZE(good_challenges); i++) {
		CLEAN(challenge_done) struct challenge c = { 0 };
		struct err err = { 0 };

		CHECK_STR(challenge_parse(good_challenges[i].header, &c, &err) < 0 ?
				  good_challenges[i].header :
				  "",
			  "");
		CHECK_STR(c.realm, good_challenges[i].realm);
		CHECK_STR(c.service, good_challenges[i].service);
		CHECK_STR(c.scope, good_challenges[i].scope);
		CHECK(c.basic == good_challenges[i].basic && c.bearer == good_challenges[i].bearer);
	}
}

TEST(challenge_that_is_malformed_or_ambiguous_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_challenges); i++) {
		struct challenge c = { 0 };
		struct err err = { 0 };

		CHECK_STR(challenge_parse(bad_challenges[i], &c, &err) < 0 ? NULL : bad_challenges[i],
			  NULL);
		CHECK(err.kind == ERR_CORRUPT);
		challenge_done(&c);
	}
}

/* Every cut and every changed byte of a long header: what matters is that it ends, in bounds. */
TEST(challenge_survives_any_bytes)
{
	static const char header[] = "Negotiate abc==, Digest a=\"b\\\"c\", Basic realm=\"x\", "
				     "Bearer realm=\"https://h/t\",service=\"s\",scope=\"p q\"";

	for (size_t i = 0; i < sizeof(header); i++) {
		for (int c = 1; c < 256 && header[i]; c++) {
			CLEAN(clean_free) char *text = xstrdup(header);
			CLEAN(challenge_done) struct challenge parsed = { 0 };

			text[i] = (char)c;
			challenge_parse(text, &parsed, NULL);
		}
		CLEAN(clean_free) char *cut = xstrndup(header, i);
		CLEAN(challenge_done) struct challenge parsed = { 0 };

		challenge_parse(cut, &parsed, NULL);
	}
}

TEST(challenge_with_a_thousand_schemes_is_refused)
{
	CLEAN(buf_done) struct buf b = { 0 };
	struct challenge c = { 0 };

	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "S%d, ", i);
	CHECK(challenge_parse(buf_str(&b), &c, NULL) < 0);
}

/* Origins */

static const struct {
	const char *realm, *registry;
	bool may_have;
} realms[] = {
	{ "https://auth.docker.io/token", "https://registry-1.docker.io/v2/", true },
	{ "https://gitlab.example.com/jwt/auth", "https://registry.example.com/v2/", true },
	{ "https://gitlab.example.com/jwt/auth", "https://gitlab.example.com:5050/v2/", true },
	{ "https://example.com/token", "https://registry.example.com/v2/", true },
	{ "https://h.example.com:5000/token", "https://H.EXAMPLE.COM:5000/v2/", true },
	{ "https://h.example.com:443/token", "https://h.example.com/v2/", true },
	{ "http://localhost:5000/token", "http://localhost:5000/v2/", true },
	{ "https://[::1]:5000/token", "https://[::1]:5000/v2/", true },
	{ "http://localhost:5001/token", "http://localhost:5000/v2/", false },
	{ "https://localhost:5001/token", "https://localhost:5000/v2/", false },
	{ "https://localhost/token", "https://localhost:5000/v2/", false },
	{ "https://localhost:5000/token", "http://localhost:5000/v2/", false },
	{ "http://h.example.com/token", "https://h.example.com/v2/", false },
	{ "http://auth.example.com/token", "http://h.example.com/v2/", false },
	{ "https://h.example.com:8443/token", "https://h.example.com/v2/", false },
	{ "https://auth.evil.com/token", "https://h.example.com/v2/", false },
	{ "https://evilexample.com/token", "https://example.com/v2/", false },
	{ "https://example.com.evil.org/token", "https://h.example.com/v2/", false },
	{ "https://192.0.2.2/token", "https://192.1.2.2/v2/", false },
	{ "https://[2001:db8::1]/token", "https://[2001:db8::2]/v2/", false },
	{ "https://com/token", "https://example.com/v2/", false },
};

TEST(realm_is_given_a_password_only_where_it_is_the_registrys)
{
	for (size_t i = 0; i < ARRAY_SIZE(realms); i++) {
		CLEAN(origin_done) struct origin realm = { 0 };
		CLEAN(origin_done) struct origin registry = { 0 };

		CHECK(origin_parse(realms[i].realm, &realm) == 0);
		CHECK(origin_parse(realms[i].registry, &registry) == 0);
		CHECK_STR(origin_may_have(&realm, &registry) == realms[i].may_have ? "" :
										     realms[i].realm,
			  "");
	}
}

TEST(origin_is_loopback_by_its_address_and_not_by_how_its_name_begins)
{
	static const struct {
		const char *url;
		bool is;
	} urls[] = {
		{ "http://localhost:5000/", true }, { "http://127.0.0.1/", true },
		{ "http://127.9.9.9:1/", true },    { "http://[::1]:1/", true },
		{ "http://127.evil.example/", false }, { "http://127.0.0.1.evil.example/", false },
		{ "http://localhost.evil.example/", false }, { "http://[::2]/", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		CLEAN(origin_done) struct origin o = { 0 };

		CHECK(origin_parse(urls[i].url, &o) == 0);
		CHECK_STR(origin_is_loopback(&o) == urls[i].is ? "" : urls[i].url, "");
	}
}

TEST(origin_refuses_what_is_no_address)
{
	static const char *const bad[] = {
		"",	      "token",		  "/token",	      "file:///etc/passwd",
		"ftp://h/",   "https://",	  "https://u@h/",	  "https://:p@h/",
		"//h/token",  "https://u:p@h/",	  "https://h /",      "https://h/\r\nX: y",
		"https://h:99999/", "javascript:alert(1)", "gopher://h:70/_",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct origin o = { 0 };

		CHECK_STR(origin_parse(bad[i], &o) < 0 ? "" : bad[i], "");
		origin_done(&o);
	}
}

/* Base64 and credentials */

TEST(base64_is_that_of_rfc_4648)
{
	static const char *const pairs[][2] = {
		{ "", "" },	       { "f", "Zg==" },		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },     { "foob", "Zm9vYg==" },	{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	static const char *const bad[] = { "Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zm9\n", "Zm=v" };
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		CLEAN(clean_free) char *encoded = base64_encode(pairs[i][0], strlen(pairs[i][0]));
		CLEAN(clean_free) char *decoded = base64_decode(pairs[i][1], &len);

		CHECK_STR(encoded, pairs[i][1]);
		CHECK_STR(decoded, pairs[i][0]);
		CHECK(len == strlen(pairs[i][0]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEAN(clean_free) char *decoded = base64_decode(bad[i], &len);

		CHECK_STR(decoded, NULL);
	}
}

TEST(sources_cross_a_descriptor_whole)
{
	CLEAN(source_list_done) struct source_list list = { 0 };
	CLEAN(source_list_done) struct source_list got = { 0 };
	struct source *s = source_list_add(&list, "localhost:5000", "x/y");
	CLEAN(clean_fd) int fd = -1;

	CHECK(credentials_parse("me:se:cret \"\\", &s->credentials, NULL) == 0);
	s->certificates.authorities = xstrdup("Caf\xe9\n-----BEGIN");
	source_list_add(&list, "docker.io", NULL)->insecure = true;
	CHECK(source_list_to_fd(&list, &fd, NULL) == 0);
	CHECK(source_list_from_fd(fd, &got, NULL) == 0);
	CHECK(got.n == 2);
	CHECK_STR(got.v[0].registry, "localhost:5000");
	CHECK_STR(got.v[0].repository, "x/y");
	CHECK_STR(got.v[0].credentials.username, "me");
	CHECK_STR(got.v[0].credentials.password, "se:cret \"\\");
	CHECK_STR(got.v[0].credentials.identity_token, NULL);
	CHECK_STR(got.v[0].certificates.authorities, "Caf\xe9\n-----BEGIN");
	CHECK_STR(got.v[0].certificates.key, NULL);
	CHECK(!got.v[0].insecure && got.v[1].insecure);
	CHECK_STR(got.v[1].repository, NULL);
}

static enum auth_result answer(struct auth *a, unsigned int turn)
{
	enum auth_result what = AUTH_NOTHING;

	CHECK(auth_answer(a, "Basic realm=\"x\"", turn, &what, NULL) == 0);
	return what;
}

TEST(a_password_is_shown_once_by_whichever_thread_comes_first)
{
	const struct credentials c = { .username = (char *)"me", .password = (char *)"secret" };
	struct auth *a = auth_new(&(struct auth_options){
		.registry = "h.de", .url = "https://h.de/v2/", .credentials = &c });
	CLEAN(clean_free) char *header = NULL;
	unsigned int turn = 99;

	CHECK(!auth_header(a, &turn) && turn == 0);
	CHECK(answer(a, 0) == AUTH_FRESH);
	CHECK(answer(a, 0) == AUTH_OTHER);
	header = auth_header(a, &turn);
	CHECK_STR(header, "Basic bWU6c2VjcmV0");
	CHECK(turn == 1 && answer(a, turn) == AUTH_NOTHING);
	auth_free(a);
}

/* Nobody is asked whether it would do without: 192.0.2.1 is nobody's (RFC 5737). */
TEST(plain_http_is_spoken_to_nobody_but_loopback)
{
	const struct registry_options options = { .push = false };
	CLEAN(source_list_done) struct source_list list = { 0 };
	CLEAN(registry_done) struct registry r = { 0 };

	CHECK(registry_open(source_list_add(&list, "192.0.2.1:1", "x"), &options, &r, NULL) == 0);
	CHECK_STR(r.base, "https://192.0.2.1:1/v2/x");
	CHECK(!r.loopback);
}

/* Files */

static void write_file(const char *path, const char *text)
{
	CHECK(file_replace_at(AT_FDCWD, path, text, strlen(text), 0600, RELAXED, NULL) == 0);
}

static const char *password_for(const char *path, const char *registry, const char *repository,
				char ret[64])
{
	CLEAN(credentials_done) struct credentials c = { 0 };
	struct err err = { 0 };

	if (auth_file_find(path, registry, repository, &c, &err) < 0)
		return "error";
	snprintf(ret, 64, "%s", c.password ?: "");
	return ret;
}

TEST(auth_file_prefers_the_most_specific_key)
{
	char path[] = "/tmp/tiffin-test-auth.XXXXXX", got[64];
	CLEAN(clean_fd) int fd = mkstemp(path);

	CHECK(fd >= 0);
	/* me:host, me:team, me:tool; Docker's own spelling of the Hub; one that is empty. */
	write_file(path, "{\"auths\":{\"h.de\":{\"auth\":\"bWU6aG9zdA==\"},"
			 "\"h.de/team\":{\"auth\":\"bWU6dGVhbQ==\"},"
			 "\"h.de/team/tool\":{\"auth\":\"bWU6dG9vbA==\"},"
			 "\"h.de/empty\":{},"
			 "\"https://index.docker.io/v1/\":{\"auth\":\"bWU6aHVi\"}}}");
	CHECK_STR(password_for(path, "h.de", NULL, got), "host");
	CHECK_STR(password_for(path, "h.de", "other", got), "host");
	CHECK_STR(password_for(path, "h.de", "team", got), "team");
	CHECK_STR(password_for(path, "h.de", "team/x/y", got), "team");
	CHECK_STR(password_for(path, "h.de", "teams", got), "host");
	CHECK_STR(password_for(path, "h.de", "team/tool", got), "tool");
	CHECK_STR(password_for(path, "h.de", "empty/x", got), "host");
	CHECK_STR(password_for(path, "docker.io", "library/x", got), "hub");
	CHECK_STR(password_for(path, "h.de:5000", "team", got), "");
	CHECK_STR(password_for(path, "de", NULL, got), "");
	/* "nobody", without a colon */
	write_file(path, "{\"auths\":{\"h.de\":{\"auth\":\"bm9ib2R5\"}}}");
	CHECK_STR(password_for(path, "h.de", NULL, got), "error");
	unlink(path);
}

TEST(auth_file_is_written_for_its_owner_alone)
{
	char path[] = "/tmp/tiffin-test-auth.XXXXXX", got[64];
	CLEAN(clean_fd) int fd = mkstemp(path);
	const struct credentials c = { .username = (char *)"me", .password = (char *)"new" };
	struct stat st;
	bool found;

	CHECK(fd >= 0);
	write_file(path, "{\"auths\":{\"other\":{\"auth\":\"bWU6aG9zdA==\"}},\"more\":1}");
	CHECK(chmod(path, 0644) == 0);
	CHECK(auth_file_put(path, "h.de", &c, NULL) == 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK_STR(password_for(path, "h.de", "x", got), "new");
	CHECK_STR(password_for(path, "other", "x", got), "host");
	CHECK(auth_file_remove(path, "h.de", &found, NULL) == 0 && found);
	CHECK(auth_file_remove(path, "h.de", &found, NULL) == 0 && !found);
	CHECK_STR(password_for(path, "h.de", "x", got), "");
	CHECK_STR(password_for(path, "other", "x", got), "host");
	CHECK(auth_file_clear(path, NULL) == 0);
	CHECK_STR(password_for(path, "other", "x", got), "");
	unlink(path);
}

TEST(auth_file_is_made_in_a_directory_for_its_owner_alone)
{
	char dir[] = "/tmp/tiffin-test-auth.XXXXXX";
	const struct credentials c = { .username = (char *)"me", .password = (char *)"new" };
	CLEAN(clean_free) char *path = NULL;
	CLEAN(clean_free) char *parent = NULL;
	struct stat st;

	CHECK(mkdtemp(dir) != NULL);
	parent = xasprintf("%s/containers", dir);
	path = xasprintf("%s/auth.json", parent);
	umask(0);
	CHECK(auth_file_put(path, "h.de", &c, NULL) == 0);
	CHECK(stat(parent, &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(tree_remove_at(AT_FDCWD, dir, NULL) == 0);
}

int main(void)
{
	RUN(challenge_is_read_as_rfc_9110_says);
	RUN(challenge_that_is_malformed_or_ambiguous_is_refused);
	RUN(challenge_survives_any_bytes);
	RUN(challenge_with_a_thousand_schemes_is_refused);
	RUN(realm_is_given_a_password_only_where_it_is_the_registrys);
	RUN(origin_is_loopback_by_its_address_and_not_by_how_its_name_begins);
	RUN(origin_refuses_what_is_no_address);
	RUN(base64_is_that_of_rfc_4648);
	RUN(sources_cross_a_descriptor_whole);
	RUN(a_password_is_shown_once_by_whichever_thread_comes_first);
	RUN(plain_http_is_spoken_to_nobody_but_loopback);
	RUN(auth_file_prefers_the_most_specific_key);
	RUN(auth_file_is_written_for_its_owner_alone);
	RUN(auth_file_is_made_in_a_directory_for_its_owner_alone);
	return test_summary();
}
