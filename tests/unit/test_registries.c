/* Unit tests of the configuration of registries; tests/data/registries has whole files. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/endpoint.h"
#include "image/toml.h"
#include "tests/unit/test.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "@sha256:" HEX64

static struct registries_conf conf_of(const char *text)
{
	struct registries_conf c = { 0 };
	struct err err = { 0 };

	if (registries_conf_parse(text, strlen(text), "f", &c, &err) < 0)
		printf("#   %s\n", err.text);
	return c;
}

/* "a b !c": the places for a name, '!' before an insecure one; or the error. The caller frees. */
static char *places(const char *conf, const char *name)
{
	CLEAN(registries_conf_done) struct registries_conf c = conf_of(conf);
	CLEAN(reference_done) struct reference ref = { 0 };
	struct buf text = { 0 };
	struct endpoint *list = NULL;
	struct err err = { 0 };
	size_t n = 0;

	CHECK(reference_parse(name, &ref, NULL) == 0);
	if (endpoints_find(&c, &ref, &list, &n, &err) < 0) {
		buf_adds(&text, err.text);
		return text.data;
	}
	for (size_t i = 0; i < n; i++) {
		CLEAN(clean_free) char *at = reference_canonical(&list[i].at);

		CHECK(list[i].is_mirror == (i + 1 < n));
		buf_addf(&text, "%s%s%s", i ? " " : "", list[i].insecure ? "!" : "", at);
	}
	endpoint_list_done(list, n);
	return text.data;
}

#define CHECK_PLACES(conf, name, want)                                                            \
	do {                                                                                      \
		CLEAN(clean_free) char *have_ = places(conf, name);                               \
		CHECK_STR(have_, want);                                                           \
	} while (0)

TEST(a_name_that_no_rule_covers_stays)
{
	CHECK_PLACES("", "x.io/a", "x.io/a:latest");
	CHECK_PLACES("[[registry]]\nlocation='x.io/ab'\ninsecure=true", "x.io/a", "x.io/a:latest");
	CHECK_PLACES("[[registry]]\nlocation='x.io/a'\ninsecure=true", "x.io/ab", "x.io/ab:latest");
	CHECK_PLACES("[[registry]]\nlocation='x.io/a'\ninsecure=true", "x.io/a", "!x.io/a:latest");
	CHECK_PLACES("[[registry]]\nlocation='x.io/a:1'\ninsecure=true", "x.io/a:1", "!x.io/a:1");
	CHECK_PLACES("[[registry]]\nlocation='x.io/a:1'\ninsecure=true", "x.io/a:12", "x.io/a:12");
}

TEST(the_longest_prefix_counts_and_gives_way_to_its_location)
{
	const char *conf = "[[registry]]\nprefix='docker.io'\nlocation='m.io'\n"
			   "[[registry]]\nprefix='docker.io/library'\nlocation='m.io:5/hub'\n";

	CHECK_PLACES(conf, "alpine", "m.io:5/hub/alpine:latest");
	CHECK_PLACES(conf, "me/tool:1", "m.io/me/tool:1");
	CHECK_PLACES(conf, "alpine" DIGEST, "m.io:5/hub/alpine" DIGEST);
	CHECK_PLACES("[[registry]]\nprefix='x.io'\nlocation='m'\n", "x.io/a",
		     "'x.io/a': location 'm' does not begin with a registry: one has a '.' or a ':' "
		     "in it, or is localhost");
}

TEST(a_wildcard_covers_every_host_of_the_domain_and_nothing_else)
{
	const char *conf = "[[registry]]\nprefix='*.x.io'\ninsecure=true";

	CHECK_PLACES(conf, "a.x.io/b", "!a.x.io/b:latest");
	CHECK_PLACES(conf, "a.b.x.io:5/b", "!a.b.x.io:5/b:latest");
	CHECK_PLACES(conf, "x.io/b", "x.io/b:latest");
	CHECK_PLACES(conf, "ax.io/b", "ax.io/b:latest");
	CHECK_PLACES(conf, "a.x.io.y/b", "a.x.io.y/b:latest");
	CHECK_PLACES(conf, "y.io/a.x.io", "y.io/a.x.io:latest");
	CHECK_PLACES("[[registry]]\nprefix='*.x.io'\nlocation='m.io/x'", "a.x.io/b", "m.io/x/b:latest");
}

TEST(mirrors_come_first_in_their_order_where_they_may_be_used)
{
	const char *conf = "[[registry]]\nlocation='x.io'\n"
			   "[[registry.mirror]]\nlocation='a.io/m'\n"
			   "[[registry.mirror]]\nlocation='t.io'\npull-from-mirror='tag-only'\n"
			   "[[registry.mirror]]\nlocation='d.io'\npull-from-mirror='digest-only'\n"
			   "insecure=true";

	CHECK_PLACES(conf, "x.io/b:1", "a.io/m/b:1 t.io/b:1 x.io/b:1");
	CHECK_PLACES(conf, "x.io/b" DIGEST, "a.io/m/b" DIGEST " !d.io/b" DIGEST " x.io/b" DIGEST);
	conf = "[[registry]]\nlocation='x.io'\nmirror-by-digest-only=true\n"
	       "[[registry.mirror]]\nlocation='a.io'";
	CHECK_PLACES(conf, "x.io/b:1", "x.io/b:1");
	CHECK_PLACES(conf, "x.io/b" DIGEST, "a.io/b" DIGEST " x.io/b" DIGEST);
}

TEST(what_is_blocked_is_refused)
{
	CHECK_PLACES("[[registry]]\nlocation='x.io'\nblocked=true", "x.io/a",
		     "'x.io/a': registry x.io is blocked in f");
	CHECK_PLACES("[[registry]]\nlocation='x.io'\nblocked=true\n"
		     "[[registry]]\nlocation='x.io/a'",
		     "x.io/a", "x.io/a:latest");
}

static char *names(const char *conf, const char *text)
{
	CLEAN(registries_conf_done) struct registries_conf c = conf_of(conf);
	CLEAN(strv_done) struct strv list = { 0 };
	struct buf all = { 0 };
	struct err err = { 0 };

	if (short_name_expand(&c, text, &list, &err) < 0)
		buf_adds(&all, err.text);
	for (size_t i = 0; i < list.n; i++)
		buf_addf(&all, "%s%s", i ? " " : "", list.v[i]);
	return all.data;
}

#define CHECK_NAMES(conf, text, want)                                                             \
	do {                                                                                      \
		CLEAN(clean_free) char *have_ = names(conf, text);                                \
		CHECK_STR(have_, want);                                                           \
	} while (0)

TEST(short_names_are_docker_hubs_where_nothing_says_otherwise)
{
	CHECK_NAMES("", "x", "docker.io/library/x:latest");
	CHECK_NAMES("", "a/x:1", "docker.io/a/x:1");
	CHECK_NAMES("unqualified-search-registries=[]", "x", "docker.io/library/x:latest");
	CHECK_NAMES("unqualified-search-registries=['q.io']", "p.io/x", "p.io/x:latest");
	CHECK_NAMES("unqualified-search-registries=['q.io']", "localhost/x", "localhost/x:latest");
}

TEST(short_names_are_looked_for_in_every_registry_in_order)
{
	const char *conf = "unqualified-search-registries=['q.io', 'docker.io']\n";

	CHECK_NAMES(conf, "x", "q.io/x:latest docker.io/library/x:latest");
	CHECK_NAMES(conf, "a/x" DIGEST, "q.io/a/x" DIGEST " docker.io/a/x" DIGEST);
	CHECK_NAMES("short-name-mode='enforcing'\nunqualified-search-registries=['q.io', 'docker.io']",
		    "x", "'x': short-name resolution enforced but cannot prompt without a TTY");
	CHECK_NAMES("short-name-mode='enforcing'\nunqualified-search-registries=['q.io']", "x",
		    "q.io/x:latest");
}

TEST(aliases_come_before_the_registries_to_search)
{
	const char *conf = "unqualified-search-registries=['q.io']\n[aliases]\nx='r.io/y'\n'a/x'='r.io/z'";

	CHECK_NAMES(conf, "x", "r.io/y:latest");
	CHECK_NAMES(conf, "x:1", "r.io/y:1");
	CHECK_NAMES(conf, "x:1" DIGEST, "r.io/y" DIGEST);
	CHECK_NAMES(conf, "a/x", "r.io/z:latest");
	CHECK_NAMES(conf, "b/x", "q.io/b/x:latest");
}

TEST(a_later_file_is_laid_over_the_earlier)
{
	CLEAN(registries_conf_done)
	struct registries_conf c = conf_of("unqualified-search-registries=['q.io']\n"
					   "short-name-mode='enforcing'\n"
					   "[[registry]]\nlocation='x.io'\nblocked=true\n"
					   "[[registry]]\nlocation='y.io'\n"
					   "[aliases]\na='q.io/a'\nb='q.io/b'");
	struct registries_conf over = conf_of("[[registry]]\nlocation='x.io'\ninsecure=true\n"
					      "[aliases]\na='p.io/a'\nb=''");
	CLEAN(strv_done) struct strv list = { 0 };

	registries_conf_merge(&c, &over);
	CHECK(c.n == 2 && !c.rules[0].blocked && c.rules[0].insecure);
	CHECK(c.mode == SHORT_NAMES_ENFORCING && c.search.n == 1);
	CHECK(short_name_expand(&c, "a", &list, NULL) == 0);
	CHECK_STR(list.v[0], "p.io/a:latest");
	strv_done(&list);
	CHECK(short_name_expand(&c, "b", &list, NULL) == 0);
	CHECK_STR(list.v[0], "q.io/b:latest");
	over = conf_of("unqualified-search-registries=[]");
	registries_conf_merge(&c, &over);
	CHECK(c.search.n == 0);
}

/* What jansson makes of it, in one line. */
static char *toml(const char *text)
{
	CLEAN(clean_json) json_t *j = NULL;
	struct err err = { 0 };

	if (toml_parse(text, strlen(text), &j, &err) < 0)
		return xstrdup(err.text);
	return json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
}

static const struct {
	const char *text, *want;
} documents[] = {
	{ "a=1\nb . c = 'x'\n\"\" = true", "{\"\":true,\"a\":1,\"b\":{\"c\":\"x\"}}" },
	{ "a=[1,[2,],\n#c\n{b=-0,c=+1_0}]", "{\"a\":[1,[2],{\"b\":0,\"c\":10}]}" },
	{ "[[a]]\nx=1\n[[a.b]]\n[a.c]\ny=2\n[[a]]", "{\"a\":[{\"b\":[{}],\"c\":{\"y\":2},\"x\":1},{}]}" },
	{ "[a.b]\n[a]\nc=1", "{\"a\":{\"b\":{},\"c\":1}}" },
	{ "a='\\n' # c\nb=\"\\u00E9\\n\"", "{\"a\":\"\\\\n\",\"b\":\"é\\n\"}" },
	{ "a=1\na.b=2", "line 2: a key is given twice" },
	{ "[a]\nb=1\n[a.b]", "line 3: a table is given twice" },
	{ "[a]\nb=1\n[a.b.c]", "line 3: a table within what is none" },
	{ "a=[]\n[a.b]", "line 2: a table within what is none" },
	{ "a=1_", "line 1: a value that is no string, whole number, boolean, array or table" },
	{ "a=1.5", "line 1: a value that is no string, whole number, boolean, array or table" },
	{ "a=tru", "line 1: a value that is no string, whole number, boolean, array or table" },
	{ "a=truex", "line 1: something follows the value" },
	{ "a={b=1,}", "line 1: a key is missing" },
	{ "a=\"\\u12\"", "line 1: an escape without its hex digits" },
	{ "a=1\rb=2", "line 1: something follows the value" },
	{ "a=\"\x01\"", "line 1: a control character in a string" },
	{ "a='\x7f'", "line 1: a control character in a string" },
	{ "a=1 # \x1b", "line 1: a control character in a comment" },
	{ "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1", "line 1: a key of too many parts" },
	{ "a=[[[[[[[[[[[[[[[[[", "line 1: too many levels" },
};

TEST(toml_is_read_strictly)
{
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		CLEAN(clean_free) char *have = toml(documents[i].text);

		CHECK_STR(have, documents[i].want);
	}
}

TEST(toml_has_a_bounded_number_of_tables)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_free) char *have = NULL;

	for (int i = 0; i <= 10000; i++)
		buf_addf(&text, "[t%d]\n", i);
	have = toml(text.data);
	CHECK_STR(have, "line 10001: there are too many tables");
}

TEST(an_enforced_choice_among_registries_takes_an_alias)
{
	const char *conf = "unqualified-search-registries=['p.io','q.io']\nshort-name-mode='enforcing'\n"
			   "[aliases]\nx='r.io/x'";

	CHECK_NAMES(conf, "y", "'y': short-name resolution enforced but cannot prompt without a TTY");
	CHECK_NAMES(conf, "x", "r.io/x:latest");
}

/* One that never ends would be read for ever, one that blocks never. */
TEST(the_users_own_file_is_of_a_bounded_size_and_never_blocks)
{
	char dir[] = "/tmp/tiffin-test-registries.XXXXXX";
	struct registries_conf c = { 0 };
	CLEAN(clean_free) char *path = NULL;
	struct err err = { 0 };

	CHECK(mkdtemp(dir) != NULL);
	path = xasprintf("%s/f", dir);
	setenv("CONTAINERS_REGISTRIES_CONF", path, 1);
	CHECK(mkfifo(path, 0600) == 0);
	if (registries_conf_load(&c, NULL) == 0)
		registries_conf_done(&c);
	CHECK(unlink(path) == 0 && close(creat(path, 0600)) == 0 && truncate(path, (4 << 20) + 1) == 0);
	CHECK(registries_conf_load(&c, &err) < 0 && strstr(err.text, "more than 4194304 bytes"));
	CHECK(tree_remove_at(AT_FDCWD, dir, NULL) == 0);
	unsetenv("CONTAINERS_REGISTRIES_CONF");
}

int main(void)
{
	RUN(a_name_that_no_rule_covers_stays);
	RUN(the_longest_prefix_counts_and_gives_way_to_its_location);
	RUN(a_wildcard_covers_every_host_of_the_domain_and_nothing_else);
	RUN(mirrors_come_first_in_their_order_where_they_may_be_used);
	RUN(what_is_blocked_is_refused);
	RUN(short_names_are_docker_hubs_where_nothing_says_otherwise);
	RUN(short_names_are_looked_for_in_every_registry_in_order);
	RUN(aliases_come_before_the_registries_to_search);
	RUN(a_later_file_is_laid_over_the_earlier);
	RUN(toml_is_read_strictly);
	RUN(toml_has_a_bounded_number_of_tables);
	RUN(an_enforced_choice_among_registries_takes_an_alias);
	RUN(the_users_own_file_is_of_a_bounded_size_and_never_blocks);
	return test_summary();
}
