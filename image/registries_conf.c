#include "image/registries_conf.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "image/reference.h"
#include "image/toml.h"

static void rule_done(struct registry_rule *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->mirrors[i].location);
	free(r->mirrors);
	free(r->prefix);
	free(r->location);
	free(r->file);
	*r = (struct registry_rule){ 0 };
}

void registries_conf_done(struct registries_conf *c)
{
	for (size_t i = 0; i < c->n; i++)
		rule_done(&c->rules[i]);
	free(c->rules);
	strv_done(&c->search);
	strv_done(&c->helpers);
	json_decref(c->aliases);
	*c = (struct registries_conf){ 0 };
}

static int wrong_type(const char *key, const char *type, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "'%s' is not %s", key, type);
}

/* What is not there stays NULL, or false. */
static int read_text(const json_t *table, const char *key, const char **ret, struct err *err)
{
	const json_t *j = json_object_get(table, key);

	if (j && !json_is_string(j))
		return wrong_type(key, "a string", err);
	*ret = json_string_value(j);
	return 0;
}

static int read_bool(const json_t *table, const char *key, bool *ret, struct err *err)
{
	const json_t *j = json_object_get(table, key);

	if (j && !json_is_boolean(j))
		return wrong_type(key, "true or false", err);
	*ret = json_is_true(j);
	return 0;
}

static int read_list(const json_t *table, const char *key, struct strv *ret, bool *ret_there,
		     struct err *err)
{
	const json_t *j = json_object_get(table, key), *item;
	size_t i;

	*ret_there = j != NULL;
	if (j && !json_is_array(j))
		return wrong_type(key, "an array", err);
	json_array_foreach(j, i, item)
	{
		if (!json_is_string(item))
			return wrong_type(key, "an array of strings", err);
		strv_add(ret, json_string_value(item));
	}
	return 0;
}

/* host[:port][/path…], without slashes at its end. NULL where it is not there, or empty. */
static int read_location(const json_t *table, const char *key, char **ret, struct err *err)
{
	const char *text = NULL;
	size_t len;

	if (read_text(table, key, &text, err) < 0)
		return -1;
	if (!text)
		return 0;
	if (starts_with(text, "http://") || starts_with(text, "https://"))
		return err_set(err, ERR_CORRUPT,
			       "invalid location '%.200s': URI schemes are not supported", text);
	for (len = strlen(text); len && text[len - 1] == '/';)
		len--;
	*ret = len ? xstrndup(text, len) : NULL;
	return 0;
}

static int read_use(const char *text, bool by_digest, const struct mirror *m, enum mirror_use *ret,
		    struct err *err)
{
	*ret = by_digest ? MIRROR_BY_DIGEST : MIRROR_ALWAYS;
	if (!text || !*text)
		return 0;
	if (by_digest)
		return err_set(err, ERR_CORRUPT,
			       "cannot set mirror-by-digest-only for the registry and "
			       "pull-from-mirror for mirror '%.200s' at the same time",
			       m->location);
	if (streq(text, "digest-only"))
		*ret = MIRROR_BY_DIGEST;
	else if (streq(text, "tag-only"))
		*ret = MIRROR_BY_TAG;
	else if (!streq(text, "all"))
		return err_set(err, ERR_CORRUPT,
			       "unsupported pull-from-mirror value '%.100s' for mirror '%.200s'", text,
			       m->location);
	return 0;
}

static int read_mirror(const json_t *table, bool by_digest, struct registry_rule *rule,
		       struct err *err)
{
	struct mirror *m;
	const char *use = NULL;

	rule->mirrors = xrealloc(rule->mirrors, (rule->n + 1) * sizeof(*rule->mirrors));
	m = &rule->mirrors[rule->n++];
	*m = (struct mirror){ 0 };
	if (read_location(table, "location", &m->location, err) < 0 ||
	    read_bool(table, "insecure", &m->insecure, err) < 0 ||
	    read_text(table, "pull-from-mirror", &use, err) < 0)
		return -1;
	if (!m->location)
		return err_set(err, ERR_CORRUPT, "invalid condition: mirror location is unset");
	return read_use(use, by_digest, m, &m->use, err);
}

static int read_mirrors(const json_t *table, struct registry_rule *rule, struct err *err)
{
	const json_t *mirrors = json_object_get(table, "mirror"), *one;
	bool by_digest = false;
	size_t i;

	if (read_bool(table, "mirror-by-digest-only", &by_digest, err) < 0)
		return -1;
	if (mirrors && !json_is_array(mirrors))
		return wrong_type("mirror", "an array of tables", err);
	json_array_foreach(mirrors, i, one)
		if (read_mirror(one, by_digest, rule, err) < 0)
			return -1;
	return 0;
}

/* A wildcard stands for whole parts of a host's name at its beginning, and nowhere else. */
static bool prefix_valid(const char *prefix)
{
	const char *star = strchr(prefix, '*');

	return !star || (star == prefix && prefix[1] == '.' && prefix[2] &&
			 !strchr(star + 1, '*') && !strpbrk(prefix, "/:@"));
}

static int read_rule(const json_t *table, struct registry_rule *rule, struct err *err)
{
	if (read_location(table, "prefix", &rule->prefix, err) < 0 ||
	    read_location(table, "location", &rule->location, err) < 0 ||
	    read_bool(table, "insecure", &rule->insecure, err) < 0 ||
	    read_bool(table, "blocked", &rule->blocked, err) < 0)
		return -1;
	if (!rule->prefix && !rule->location)
		return err_set(err, ERR_CORRUPT,
			       "invalid condition: both location and prefix are unset");
	if (!rule->prefix)
		rule->prefix = xstrdup(rule->location);
	if (!prefix_valid(rule->prefix))
		return err_set(err, ERR_CORRUPT,
			       "invalid prefix '%.200s': '*.' may stand only before "
			       "a host's name without a port",
			       rule->prefix);
	if (!rule->location && *rule->prefix != '*')
		return err_set(err, ERR_CORRUPT,
			       "invalid condition: location is unset and prefix is not in the format: "
			       "*.example.com");
	if (json_object_get(table, "pull-from-mirror"))
		return err_set(err, ERR_CORRUPT,
			       "pull-from-mirror must not be set for a non-mirror registry '%.200s'",
			       rule->prefix);
	return read_mirrors(table, rule, err);
}

static const char *place_of(const struct registry_rule *r)
{
	return r->location ?: r->prefix;
}

/* Of two tables with one prefix in a file, and of two for one place, which would count? */
static int check_conflicts(const struct registries_conf *c, const struct registry_rule *rule,
			   struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct registry_rule *other = &c->rules[i];
		const char *what = NULL;

		if (!streq(place_of(other), place_of(rule)))
			continue;
		if (other->insecure != rule->insecure)
			what = "insecure";
		else if (other->blocked != rule->blocked)
			what = "blocked";
		if (what)
			return err_set(err, ERR_CORRUPT,
				       "registry '%.200s' is defined multiple times with conflicting "
				       "'%s' setting",
				       place_of(rule), what);
	}
	return 0;
}

static struct registry_rule *find_prefix(const struct registries_conf *c, const char *prefix)
{
	for (size_t i = 0; i < c->n; i++)
		if (streq(c->rules[i].prefix, prefix))
			return &c->rules[i];
	return NULL;
}

/*
 * Of two with one prefix the later one counts. *io is the caller's to free: what it took the place
 * of.
 */
static void put_rule(struct registries_conf *c, struct registry_rule *io)
{
	struct registry_rule *there = find_prefix(c, io->prefix), before;

	if (!there) {
		c->rules = xrealloc(c->rules, (c->n + 1) * sizeof(*c->rules));
		there = &c->rules[c->n++];
		*there = (struct registry_rule){ 0 };
	}
	before = *there;
	*there = *io;
	*io = before;
}

static int read_rules(const json_t *root, const char *file, struct registries_conf *c,
		      struct err *err)
{
	const json_t *list = json_object_get(root, "registry"), *table;
	size_t i;

	if (list && !json_is_array(list))
		return wrong_type("registry", "an array of tables", err);
	json_array_foreach(list, i, table)
	{
		CLEAN(rule_done) struct registry_rule rule = { .file = xstrdup(file) };

		if (!json_is_object(table))
			return wrong_type("registry", "an array of tables", err);
		if (read_rule(table, &rule, err) < 0 || check_conflicts(c, &rule, err) < 0)
			return -1;
		put_rule(c, &rule);
	}
	return 0;
}

/* A name, without tag or digest. */
static bool is_plain(const char *text)
{
	const char *slash = strrchr(text, '/');

	return !strchr(text, '@') && !strchr(slash ?: text, ':');
}

static bool is_short_alias(const char *name)
{
	CLEAN(reference_done) struct reference ref = { 0 };

	return is_plain(name) && reference_is_short(name) && reference_parse(name, &ref, NULL) == 0;
}

static bool is_full(const char *value)
{
	CLEAN(reference_done) struct reference ref = { 0 };

	return is_plain(value) && !reference_is_short(value) &&
	       reference_parse(value, &ref, NULL) == 0;
}

static int read_aliases(const json_t *root, struct registries_conf *c, struct err *err)
{
	json_t *aliases = json_object_get(root, "aliases"), *value;
	const char *name;

	if (!aliases)
		return 0;
	if (!json_is_object(aliases))
		return wrong_type("aliases", "a table", err);
	json_object_foreach(aliases, name, value)
	{
		const char *text = json_string_value(value);

		if (!text)
			return wrong_type(name, "a string", err);
		if (!is_short_alias(name))
			return err_set(err, ERR_CORRUPT, "'%.200s' is no short name for an alias",
				       name);
		if (*text && !is_full(text))
			return err_set(err, ERR_CORRUPT,
				       "alias '%.200s': '%.200s' must be a registry and a repository, "
				       "without tag or digest",
				       name, text);
	}
	c->aliases = json_incref(aliases);
	return 0;
}

static int read_mode(const json_t *root, enum short_name_mode *ret, struct err *err)
{
	const char *text = NULL;

	if (read_text(root, "short-name-mode", &text, err) < 0)
		return -1;
	if (!text || !*text)
		return 0;
	if (streq(text, "permissive"))
		*ret = SHORT_NAMES_PERMISSIVE;
	else if (streq(text, "enforcing"))
		*ret = SHORT_NAMES_ENFORCING;
	else if (streq(text, "disabled"))
		*ret = SHORT_NAMES_DISABLED;
	else
		return err_set(err, ERR_CORRUPT, "invalid short-name-mode: '%.100s'", text);
	return 0;
}

/* Each is a registry: host[:port]. */
static int check_search(const struct registries_conf *c, struct err *err)
{
	for (size_t i = 0; i < c->search.n; i++) {
		CLEAN(reference_done) struct reference ref = { 0 };
		CLEAN(clean_free) char *probe = xasprintf("%s/x", c->search.v[i]);

		if (reference_is_short(probe) || reference_parse(probe, &ref, NULL) < 0)
			return err_set(err, ERR_CORRUPT,
				       "unqualified-search-registries: '%.200s' is not a registry's "
				       "host and port",
				       c->search.v[i]);
	}
	return 0;
}

/* [registries.search] and the like */
static bool is_version_1(const json_t *root)
{
	return json_is_object(json_object_get(root, "registries"));
}

int registries_conf_parse(const char *data, size_t len, const char *file,
			  struct registries_conf *ret, struct err *err)
{
	CLEAN(clean_json) json_t *root = NULL;
	CLEAN(registries_conf_done) struct registries_conf c = { 0 };

	if (toml_parse(data, len, &root, err) < 0)
		return err_wrap(err, "'%.200s'", file);
	if (is_version_1(root))
		return err_set(err, ERR_CORRUPT,
			       "'%.200s': registries.conf must be in v2 format but is in v1", file);
	if (read_rules(root, file, &c, err) < 0 || read_aliases(root, &c, err) < 0 ||
	    read_mode(root, &c.mode, err) < 0 ||
	    read_list(root, "unqualified-search-registries", &c.search, &c.has_search, err) < 0 ||
	    read_list(root, "credential-helpers", &c.helpers, &c.has_helpers, err) < 0 ||
	    check_search(&c, err) < 0)
		return err_wrap(err, "'%.200s'", file);
	*ret = c;
	c = (struct registries_conf){ 0 };
	return 0;
}

static void take_list(struct strv *into, struct strv *from)
{
	strv_done(into);
	*into = *from;
	*from = (struct strv){ 0 };
}

void registries_conf_merge(struct registries_conf *into, struct registries_conf *from)
{
	for (size_t i = 0; i < from->n; i++)
		put_rule(into, &from->rules[i]);
	if (from->has_search)
		take_list(&into->search, &from->search);
	if (from->has_helpers)
		take_list(&into->helpers, &from->helpers);
	into->has_search |= from->has_search;
	into->has_helpers |= from->has_helpers;
	if (from->mode)
		into->mode = from->mode;
	if (!into->aliases)
		into->aliases = json_object();
	/* An empty one erases what was there; it stays, and says nothing. */
	json_object_update(into->aliases, from->aliases);
	registries_conf_done(from);
}
