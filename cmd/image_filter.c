#include "cmd/image_filter.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/named_image.h"
#include "cmd/when.h"
#include "image/config.h"
#include "image/history.h"

void image_filter_done(struct image_filter *f)
{
	free(f->times);
	*f = (struct image_filter){ 0 };
}

/* "label!=x" has the key "label!". */
static size_t key_len(const char *text)
{
	return strcspn(text, "=");
}

static bool has_key(const char *text, const char *key)
{
	return strlen(key) == key_len(text) && strncmp(text, key, strlen(key)) == 0;
}

static const char *value_of(const char *text)
{
	return text + key_len(text) + 1;
}

static int created_of(struct tiffin *t, const char *name, int64_t *ret, struct err *err)
{
	CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;

	if (named_image_find(t, name, false, &image, err) < 0)
		return -1;
	*ret = image.record.created;
	return 0;
}

static int parse_time(const char *text, int64_t *ret, struct err *err)
{
	int64_t ns;

	if (parse_when(text, &ns, err) < 0)
		return -1;
	*ret = ns / 1000000000;
	return 0;
}

static int parse_value(struct tiffin *t, const char *text, int64_t *ret, struct err *err)
{
	const char *value = value_of(text);

	if (has_key(text, "before") || has_key(text, "since") || has_key(text, "after"))
		return created_of(t, value, ret, err);
	if (has_key(text, "until"))
		return parse_time(value, ret, err);
	if ((has_key(text, "dangling") || has_key(text, "intermediate") ||
	     has_key(text, "readonly")) && !streq(value, "true") && !streq(value, "false"))
		return err_set(err, ERR_USAGE, "--filter %s: '%s' is not true or false", text,
			       value);
	return 0;
}

int image_filter_parse(struct tiffin *t, const struct strv *texts, const char *const *known,
		       struct image_filter *ret, struct err *err)
{
	CLEAN(image_filter_done)
	struct image_filter f = { .texts = texts,
				  .times = xcalloc(texts->n + 1, sizeof(*f.times)) };

	for (size_t i = 0; i < texts->n; i++) {
		const char *text = texts->v[i];
		size_t k = 0;

		while (known[k] && !has_key(text, known[k]))
			k++;
		if (!known[k] || !text[key_len(text)])
			return err_set(err, ERR_USAGE, "invalid image filter '%s'", text);
		if (parse_value(t, text, &f.times[i], err) < 0)
			return -1;
	}
	*ret = f;
	f = (struct image_filter){ 0 };
	return 0;
}

bool image_filter_has(const struct image_filter *f, const char *key)
{
	for (size_t i = 0; i < f->texts->n; i++)
		if (has_key(f->texts->v[i], key))
			return true;
	return false;
}

static int read_history(struct tiffin *t, const char *id, struct history *ret)
{
	CLEAN(buf_done) struct buf text = { 0 };

	if (image_read_config(&t->store, id, &text, NULL) < 0)
		return -1;
	return history_parse(buf_str(&text), text.len, ret, NULL);
}

/* podman's rule: the same layers and history, and one step more. */
static bool is_built_on(struct tiffin *t, const struct image_record *image,
			const struct image_record *other)
{
	CLEAN(history_done) struct history before = { 0 };
	CLEAN(history_done) struct history after = { 0 };

	if (other->layers.n < image->layers.n)
		return false;
	for (size_t i = 0; i < image->layers.n; i++)
		if (!streq(image->layers.v[i], other->layers.v[i]))
			return false;
	if (read_history(t, image->id, &before) < 0 || read_history(t, other->id, &after) < 0 ||
	    after.n != before.n + 1)
		return false;
	for (size_t i = 0; i < before.n; i++)
		if (before.v[i].created != after.v[i].created ||
		    before.v[i].empty != after.v[i].empty ||
		    !streq(before.v[i].created_by, after.v[i].created_by))
			return false;
	return true;
}

bool image_is_intermediate(struct tiffin *t, const struct image_record *image,
			   const struct image_record *list, size_t n)
{
	for (size_t i = 0; image->names.n == 0 && i < n; i++)
		if (is_built_on(t, image, &list[i]))
			return true;
	return false;
}

/* The name, or what follows a slash in it, as it is and without the tag. */
static bool matches_reference(const char *name, const char *pattern)
{
	for (const char *p = name; p; p = strchr(p, '/'), p = p ? p + 1 : NULL) {
		const char *slash = strrchr(p, '/'), *colon = strrchr(p, ':');
		CLEAN(clean_free) char *bare = NULL;

		bare = xstrndup(p, colon && (!slash || colon > slash) ? (size_t)(colon - p) :
									strlen(p));
		if (fnmatch(pattern, p, FNM_PATHNAME) == 0 ||
		    fnmatch(pattern, bare, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static bool has_label(struct tiffin *t, const struct image_record *image, const char *want)
{
	CLEAN(image_config_done) struct image_config config = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	const size_t len = strlen(want);

	if (image_read_config(&t->store, image->id, &text, NULL) < 0 ||
	    image_config_parse(buf_str(&text), text.len, &config, NULL) < 0)
		return false;
	for (size_t i = 0; i < config.labels.n; i++) {
		const char *label = config.labels.v[i];

		if (streq(label, want) ||
		    (!strchr(want, '=') && strncmp(label, want, len) == 0 && label[len] == '='))
			return true;
	}
	return false;
}

struct candidate {
	struct tiffin *t;
	const struct image_record *image, *list;
	const char *name;
	size_t n;
};

static bool matches(const struct candidate *c, const char *text, int64_t time)
{
	const char *value = value_of(text);

	if (has_key(text, "reference"))
		return c->name && matches_reference(c->name, value);
	if (has_key(text, "dangling"))
		return (c->image->names.n == 0) == streq(value, "true");
	if (has_key(text, "intermediate"))
		return image_is_intermediate(c->t, c->image, c->list, c->n) == streq(value, "true");
	if (has_key(text, "readonly"))
		return streq(value, "false");
	if (has_key(text, "label"))
		return has_label(c->t, c->image, value);
	if (has_key(text, "label!"))
		return !has_label(c->t, c->image, value);
	if (has_key(text, "since") || has_key(text, "after"))
		return c->image->created > time;
	if (has_key(text, "id"))
		return starts_with(c->image->id, starts_with(value, "sha256:") ? value + 7 : value);
	return c->image->created < time; /* before, until */
}

/*
 * Of these, all have to fit, and not one of them: docker's rule, without which prune takes too
 * much.
 */
static bool is_joint(const char *text)
{
	return has_key(text, "label") || has_key(text, "label!") || has_key(text, "until");
}

bool image_filter_passes(struct tiffin *t, const struct image_filter *f,
			 const struct image_record *image, const char *name,
			 const struct image_record *list, size_t n)
{
	const struct candidate c = { t, image, list, name, n };

	for (size_t i = 0; i < f->texts->n; i++) {
		bool any = false, all = is_joint(f->texts->v[i]);

		if (all && !matches(&c, f->texts->v[i], f->times[i]))
			return false;
		for (size_t k = 0; k < f->texts->n && !any && !all; k++) {
			const size_t len = key_len(f->texts->v[i]);

			if (key_len(f->texts->v[k]) == len &&
			    strncmp(f->texts->v[k], f->texts->v[i], len) == 0)
				any = matches(&c, f->texts->v[k], f->times[k]);
		}
		if (!any && !all)
			return false;
	}
	return true;
}
