#include "cmd/find_image.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/pull_path.h"
#include "cmd/short_name.h"
#include "image/reference.h"
#include "storage/layer.h"

void found_image_done(struct found_image *f)
{
	image_record_done(&f->record);
	free(f->name);
	clean_fd(&f->lock);
	*f = (struct found_image)FOUND_IMAGE_INIT;
}

static bool is_usable(const struct store *s, const struct image_record *image)
{
	for (size_t i = 0; i < image->layers.n; i++)
		if (!layer_exists(s, image->layers.v[i]))
			return false;
	return true;
}

/* Hands out what was found, with the lock. */
static int keep(struct tiffin *t, const char *canonical, const char *text, struct found_image *f,
		struct found_image *ret, struct err *err)
{
	if (!is_usable(&t->store, &f->record))
		return err_set(err, ERR_NOT_FOUND,
			       "%s: image not known in the form that these ID maps need", text);
	f->name = xstrdup(canonical && strv_has(&f->record.names, canonical) ? canonical : text);
	*ret = *f;
	*f = (struct found_image)FOUND_IMAGE_INIT;
	return 0;
}

/* Looks it up, and keeps the lock where it is there. canonical may be NULL: text is an ID. */
static int look_up(struct tiffin *t, const char *canonical, const char *text,
		   struct found_image *ret, struct err *err)
{
	CLEAN(found_image_done) struct found_image f = FOUND_IMAGE_INIT;

	if (image_lock(&t->store, false, &f.lock, err) < 0 ||
	    image_find(&t->store, canonical, text, &f.record, err) < 0)
		return -1;
	return keep(t, canonical, text, &f, ret, err);
}

/* The same by the names that a short one may stand for. */
static int look_up_short(struct tiffin *t, const char *text, struct found_image *ret,
			 struct err *err)
{
	CLEAN(found_image_done) struct found_image f = FOUND_IMAGE_INIT;
	CLEAN(clean_free) char *name = NULL;

	if (image_lock(&t->store, false, &f.lock, err) < 0 ||
	    short_name_find(&t->store, text, &f.record, &name, err) < 0)
		return -1;
	return keep(t, name, text, &f, ret, err);
}

/* An archive may have several: the first is meant. */
static int load_first(struct tiffin *t, const struct transport *from, struct found_image *ret,
		      struct err *err)
{
	CLEAN(strv_done) struct strv ids = { 0 };

	if (pull_path(t, from, &ids, err) < 0)
		return -1;
	if (!ids.n)
		return err_set(err, ERR_SYSTEM, "tiffin-image ended without a result");
	return look_up(t, NULL, ids.v[0], ret, err);
}

int find_image(struct tiffin *t, const char *text, const char *policy,
	       const struct pull_options *pull, struct found_image *ret, struct err *err)
{
	CLEAN(transport_done) struct transport from = { 0 };
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *canonical = NULL;
	CLEAN(clean_free) char *id = NULL;
	CLEAN(clean_free) char *name = NULL;
	struct err why = { 0 };
	bool always = policy && streq(policy, "always"), never = policy && streq(policy, "never");

	if (policy && !always && !never && !streq(policy, "missing"))
		return err_set(err, ERR_USAGE, "--pull: '%s' is not always, missing or never", policy);
	if (transport_parse(text, &from, err) < 0)
		return -1;
	if (from.path)
		return load_first(t, &from, ret, err);
	text = from.reference;
	if (reference_parse(text, &ref, &why) == 0)
		canonical = reference_canonical(&ref);
	else if (!is_hex(text, strlen(text))) {
		*err = why;
		return -1;
	}
	if (!always || !canonical) {
		if (look_up(t, canonical, text, ret, &why) == 0 ||
		    (why.kind == ERR_NOT_FOUND && canonical &&
		     look_up_short(t, text, ret, NULL) == 0))
			return 0;
		if (why.kind != ERR_NOT_FOUND || never || !canonical) {
			*err = why;
			return -1;
		}
	}
	if (short_name_pull(t, text, pull, &id, &name, err) < 0)
		return -1;
	return look_up(t, name, text, ret, err);
}
