#include "cmd/find_image.h"

#include <stdlib.h>

#include "base/cleanup.h"
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

/* Looks it up, and keeps the lock where it is there. canonical may be NULL: text is an ID. */
static int look_up(struct tiffin *t, const char *canonical, const char *text,
		   struct found_image *ret, struct err *err)
{
	CLEAN(found_image_done) struct found_image f = FOUND_IMAGE_INIT;

	if (image_lock(&t->store, false, &f.lock, err) < 0 ||
	    image_find(&t->store, canonical, text, &f.record, err) < 0)
		return -1;
	if (!is_usable(&t->store, &f.record))
		return err_set(err, ERR_NOT_FOUND,
			       "%s: image not known in the form that these ID maps need", text);
	f.name = xstrdup(canonical && strv_has(&f.record.names, canonical) ? canonical : text);
	*ret = f;
	f = (struct found_image)FOUND_IMAGE_INIT;
	return 0;
}

int find_image(struct tiffin *t, const char *text, const char *policy,
	       const struct pull_options *pull, struct found_image *ret, struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *canonical = NULL;
	CLEAN(clean_free) char *id = NULL;
	struct err why = { 0 };
	bool always = policy && streq(policy, "always"), never = policy && streq(policy, "never");

	if (policy && !always && !never && !streq(policy, "missing"))
		return err_set(err, ERR_USAGE, "--pull: '%s' is not always, missing or never", policy);
	if (reference_parse(text, &ref, &why) == 0)
		canonical = reference_canonical(&ref);
	else if (!is_hex(text, strlen(text))) {
		*err = why;
		return -1;
	}
	if (!always || !canonical) {
		if (look_up(t, canonical, text, ret, &why) == 0)
			return 0;
		if (why.kind != ERR_NOT_FOUND || never || !canonical) {
			*err = why;
			return -1;
		}
	}
	if (helper_pull(t, text, pull, &id, err) < 0)
		return -1;
	return look_up(t, canonical, text, ret, err);
}
