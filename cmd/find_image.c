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

int pull_policy_parse(const char *option, const char *text, enum pull_policy fallback,
		      enum pull_policy *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum pull_policy policy;
	} policies[] = {
		{ "always", PULL_ALWAYS }, { "missing", PULL_MISSING },
		{ "ifnotpresent", PULL_MISSING },
		{ "never", PULL_NEVER },   { "newer", PULL_NEWER },
	};

	*ret = fallback;
	for (size_t i = 0; text && i < ARRAY_SIZE(policies); i++) {
		if (!streq(text, policies[i].name))
			continue;
		*ret = policies[i].policy;
		return 0;
	}
	return !text ? 0 :
		       err_set(err, ERR_USAGE, "%s: '%s' is not always, missing, never or newer",
			       option, text);
}

/* In the store, by its own name or by one that a short one stands for. canonical: as of look_up. */
static int look_up_any(struct tiffin *t, const char *canonical, const char *text,
		       struct found_image *ret, struct err *err)
{
	struct err why = { 0 };

	if (look_up(t, canonical, text, ret, &why) == 0 ||
	    (why.kind == ERR_NOT_FOUND && canonical && look_up_short(t, text, ret, NULL) == 0))
		return 0;
	*err = why;
	return -1;
}

static int pull_and_look_up(struct tiffin *t, const char *text, const struct pull_options *pull,
			    struct found_image *ret, struct err *err)
{
	CLEAN(clean_free) char *id = NULL;
	CLEAN(clean_free) char *name = NULL;

	if (short_name_pull(t, text, pull, &id, &name, err) < 0)
		return -1;
	return look_up(t, name, text, ret, err);
}

/* What is there does, where nobody can be asked for something newer. */
static int find_newer(struct tiffin *t, const char *text, const struct pull_options *pull,
		      struct found_image *there, struct found_image *ret, struct err *err)
{
	struct pull_options newer = *pull;
	struct err why = { 0 };

	newer.newer = true;
	/* The lock is let go of meanwhile: the pull may want to put the image. */
	close(fd_take(&there->lock));
	if (pull_and_look_up(t, text, &newer, ret, &why) == 0)
		return 0;
	if (why.kind == ERR_SYSTEM) {
		*err = why;
		return -1;
	}
	warn("Warning: %s; the image that is there is used", why.text);
	return look_up(t, NULL, there->record.id, ret, err);
}

int find_image(struct tiffin *t, const char *text, enum pull_policy policy,
	       const struct pull_options *pull, struct found_image *ret, struct err *err)
{
	CLEAN(transport_done) struct transport from = { 0 };
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(found_image_done) struct found_image there = FOUND_IMAGE_INIT;
	CLEAN(clean_free) char *canonical = NULL;
	struct err why = { 0 };

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
	if (policy == PULL_ALWAYS && canonical)
		return pull_and_look_up(t, text, pull, ret, err);
	if (look_up_any(t, canonical, text, &there, &why) == 0) {
		/* An ID is that of what is there; so is a digest. */
		if (policy == PULL_NEWER && there.name && canonical && !ref.digest &&
		    strchr(there.name, '/'))
			return find_newer(t, there.name, pull, &there, ret, err);
		*ret = there;
		there = (struct found_image)FOUND_IMAGE_INIT;
		return 0;
	}
	if (why.kind != ERR_NOT_FOUND || policy == PULL_NEVER || !canonical) {
		*err = why;
		return -1;
	}
	return pull_and_look_up(t, text, pull, ret, err);
}
