#include "image/endpoint.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"

/* How much of a name a prefix covers, 0 for nothing. It ends where a part of the name does. */
static size_t covered(const char *name, const char *prefix)
{
	const char *domain = prefix + 1, *end;
	size_t len = strlen(prefix);

	if (starts_with(prefix, "*.")) {
		const char *at = strstr(name, domain);

		if (!at || memchr(name, '/', (size_t)(at - name)))
			return 0;
		len = (size_t)(at - name) + strlen(domain);
	} else if (!starts_with(name, prefix)) {
		return 0;
	}
	end = name + len;
	return *end == '\0' || *end == ':' || *end == '/' || *end == '@' ? len : 0;
}

/* The one with the longest prefix that covers the name, or NULL. */
static const struct registry_rule *find_rule(const struct registries_conf *c, const char *name)
{
	const struct registry_rule *best = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (covered(name, c->rules[i].prefix) &&
		    (!best || strlen(c->rules[i].prefix) > strlen(best->prefix)))
			best = &c->rules[i];
	return best;
}

static int refuse_blocked(const struct registry_rule *rule, struct err *err)
{
	if (!rule || !rule->blocked)
		return 0;
	return err_set(err, ERR_DENIED, "registry %.200s is blocked in %.200s", rule->prefix,
		       rule->file);
}

int endpoint_check(const struct registries_conf *c, const char *registry, const char *repository,
		   bool *ret_insecure, struct err *err)
{
	CLEAN(clean_free)
	char *name = xasprintf("%s%s%s", registry, repository ? "/" : "", repository ?: "");
	const struct registry_rule *rule = find_rule(c, name);

	*ret_insecure = rule && rule->insecure;
	return refuse_blocked(rule, err);
}

void endpoint_list_done(struct endpoint *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reference_done(&list[i].at);
	free(list);
}

/* The name with a location in place of what the prefix covers. */
static int rewrite(const char *name, size_t len, const char *location, struct reference *ret,
		   struct err *err)
{
	CLEAN(clean_free)
	char *text = location ? xasprintf("%s%s", location, name + len) : xstrdup(name);

	if (reference_is_short(text))
		return err_set(err, ERR_CORRUPT,
			       "location '%.200s' does not begin with a registry: one has a '.' or a "
			       "':' in it, or is localhost",
			       location);
	return reference_parse(text, ret, err);
}

static int add(struct endpoint **list, size_t *n, const char *name, size_t len,
	       const char *location, bool insecure, bool is_mirror, struct err *err)
{
	struct endpoint *e;

	*list = xrealloc(*list, (*n + 1) * sizeof(**list));
	e = &(*list)[(*n)++];
	*e = (struct endpoint){ .insecure = insecure, .is_mirror = is_mirror };
	return rewrite(name, len, location, &e->at, err);
}

static bool is_usable(const struct mirror *m, const struct reference *name)
{
	return m->use == MIRROR_ALWAYS || (m->use == MIRROR_BY_DIGEST) == (name->digest != NULL);
}

int endpoints_find(const struct registries_conf *c, const struct reference *name,
		   struct endpoint **ret, size_t *ret_n, struct err *err)
{
	CLEAN(clean_free) char *bare = reference_name(name);
	CLEAN(clean_free) char *text = reference_canonical(name);
	const struct registry_rule *rule = find_rule(c, text);
	size_t len = rule ? covered(text, rule->prefix) : 0, n = 0;
	struct endpoint *list = NULL;
	int result = refuse_blocked(rule, err);

	for (size_t i = 0; rule && result == 0 && i < rule->n; i++)
		if (is_usable(&rule->mirrors[i], name))
			result = add(&list, &n, text, len, rule->mirrors[i].location,
				     rule->mirrors[i].insecure, true, err);
	if (result == 0)
		result = add(&list, &n, text, len, rule ? rule->location : NULL,
			     rule && rule->insecure, false, err);
	if (result < 0) {
		endpoint_list_done(list, n);
		return err_wrap(err, "'%.200s'", bare);
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static int add_name(const char *text, const char *tail, struct strv *ret, struct err *err)
{
	CLEAN(clean_free) char *whole = xasprintf("%s%s", text, tail);
	CLEAN(reference_done) struct reference ref = { 0 };

	if (reference_parse(whole, &ref, err) < 0)
		return -1;
	strv_add_take(ret, reference_canonical(&ref));
	return 0;
}

/* The text's name without tag and digest: how long it is. */
static size_t name_length(const char *text)
{
	const size_t end = strcspn(text, "@");
	const char *slash = memrchr(text, '/', end), *start = slash ? slash : text;
	const size_t to_colon = strcspn(start, ":@");

	return (size_t)(start - text) + to_colon;
}

static int expand(const struct registries_conf *c, const char *text, struct strv *ret,
		  struct err *err)
{
	const size_t len = name_length(text);
	CLEAN(clean_free) char *name = xstrndup(text, len);
	const char *alias = js_str(c->aliases, name);

	if (alias && *alias)
		return add_name(alias, text + len, ret, err);
	if (c->mode == SHORT_NAMES_ENFORCING && c->search.n > 1) {
		err_set(err, ERR_USAGE,
			"'%.200s': short-name resolution enforced but cannot prompt without a TTY",
			text);
		return err_hint(err, "name the registry, or give it an alias in registries.conf");
	}
	for (size_t i = 0; i < c->search.n; i++) {
		CLEAN(clean_free) char *full = xasprintf("%s/%s", c->search.v[i], name);

		if (add_name(full, text + len, ret, err) < 0)
			return -1;
	}
	return c->search.n ? 0 : add_name(text, "", ret, err);
}

int short_name_expand(const struct registries_conf *c, const char *text, struct strv *ret,
		      struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(reference_done) struct reference ref = { 0 };

	if (reference_parse(text, &ref, err) < 0)
		return -1;
	if (reference_is_short(text))
		if (expand(c, text, &names, err) < 0)
			return -1;
	if (!names.n)
		strv_add_take(&names, reference_canonical(&ref));
	*ret = names;
	names = (struct strv){ 0 };
	return 0;
}
