#include "cmd/volume_filter.h"

#include <regex.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/when.h"

void volume_filter_done(struct volume_filter *f)
{
	free(f->times);
	*f = (struct volume_filter){ 0 };
}

/* "label!=x" has the key "label!". */
static bool has_key(const char *text, const char *key)
{
	return starts_with(text, key) && text[strlen(key)] == '=';
}

static const char *value_of(const char *text)
{
	return text + strcspn(text, "=") + 1;
}

static bool says_yes(const char *value)
{
	return streq(value, "true") || streq(value, "1");
}

static int compile(const char *value, regex_t *ret, struct err *err)
{
	char why[128];
	int code = regcomp(ret, value, REG_EXTENDED | REG_NOSUB);

	if (code == 0)
		return 0;
	regerror(code, ret, why, sizeof(why));
	return err_set(err, ERR_USAGE, "--filter '%s' is not a regular expression: %s", value, why);
}

static int check_bool(const char *text, const char *value, struct err *err)
{
	if (says_yes(value) || streq(value, "false") || streq(value, "0"))
		return 0;
	return err_set(err, ERR_USAGE, "--filter %s: '%s' is not true or false", text, value);
}

static int parse_value(const struct tiffin *t, const char *text, int64_t *ret, struct err *err)
{
	CLEAN(volume_done) struct volume v = { 0 };
	const char *value = value_of(text);
	regex_t name;

	if (has_key(text, "name")) {
		if (compile(value, &name, err) < 0)
			return -1;
		regfree(&name);
	}
	if (has_key(text, "until"))
		return parse_when(value, ret, err);
	if (has_key(text, "since") || has_key(text, "after")) {
		if (volume_find(&t->store, value, &v, err) < 0)
			return -1;
		*ret = v.created;
	}
	if (has_key(text, "dangling") || has_key(text, "anonymous") || has_key(text, "all"))
		return check_bool(text, value, err);
	return 0;
}

int volume_filter_parse(const struct tiffin *t, const struct strv *texts, const char *const *known,
			struct volume_filter *ret, struct err *err)
{
	CLEAN(volume_filter_done)
	struct volume_filter f = { .texts = texts,
				   .times = xcalloc(texts->n + 1, sizeof(*f.times)) };

	for (size_t i = 0; i < texts->n; i++) {
		const char *text = texts->v[i];
		size_t k = 0;

		while (known[k] && !has_key(text, known[k]))
			k++;
		if (!known[k])
			return err_set(err, ERR_USAGE, "\"%.*s\" is an invalid volume filter",
				       (int)strcspn(text, "="), text);
		if (parse_value(t, text, &f.times[i], err) < 0)
			return -1;
	}
	*ret = f;
	f = (struct volume_filter){ 0 };
	return 0;
}

/* "key" or "key=value" among labels or options. */
static bool has_pair(const struct strv *pairs, const char *wanted)
{
	const bool key_alone = !strchr(wanted, '=');

	for (size_t i = 0; i < pairs->n; i++) {
		const char *pair = pairs->v[i];
		const size_t len = strcspn(pair, "=");

		if (key_alone ?
			    strlen(wanted) == len && strncmp(pair, wanted, len) == 0 :
			    streq(pair, wanted) || (!pair[len] && strncmp(pair, wanted, len) == 0 &&
						    streq(wanted + len, "=")))
			return true;
	}
	return false;
}

static bool name_matches(const char *pattern, const char *name)
{
	regex_t r;
	bool matches;

	if (regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&r, name, 0, NULL, 0) == 0;
	regfree(&r);
	return matches;
}

static bool fits(const struct volume_filter *f, size_t i, const struct volume *v,
		 const json_t *users)
{
	const char *text = f->texts->v[i], *value = value_of(text);

	if (has_key(text, "name"))
		return name_matches(value, v->name);
	if (has_key(text, "driver") || has_key(text, "scope"))
		return streq(value, "local");
	if (has_key(text, "label"))
		return has_pair(&v->labels, value);
	if (has_key(text, "label!"))
		return !has_pair(&v->labels, value);
	if (has_key(text, "opt"))
		return has_pair(&v->options, value);
	if (has_key(text, "until"))
		return v->created < f->times[i];
	if (has_key(text, "since") || has_key(text, "after"))
		return v->created > f->times[i];
	if (has_key(text, "dangling"))
		return (json_array_size(js_arr(users, v->name)) == 0) == says_yes(value);
	if (has_key(text, "anonymous"))
		return v->anonymous == says_yes(value);
	return true; /* "all" is the command's affair */
}

bool volume_filter_passes(const struct volume_filter *f, const struct volume *v,
			  const json_t *users)
{
	for (size_t i = 0; i < f->texts->n; i++) {
		const size_t len = strcspn(f->texts->v[i], "=") + 1;
		const bool all = starts_with(f->texts->v[i], "label");
		bool passes = fits(f, i, v, users);

		for (size_t k = 0; !all && !passes && k < f->texts->n; k++)
			passes = strncmp(f->texts->v[i], f->texts->v[k], len) == 0 &&
				 fits(f, k, v, users);
		if (!passes)
			return false;
	}
	return true;
}

bool volume_filter_says(const struct volume_filter *f, const char *key)
{
	for (size_t i = 0; i < f->texts->n; i++)
		if (has_key(f->texts->v[i], key) && says_yes(value_of(f->texts->v[i])))
			return true;
	return false;
}
