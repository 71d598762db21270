#include "cmd/named_image.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/short_name.h"
#include "image/reference.h"

void named_image_done(struct named_image *i)
{
	image_record_done(&i->record);
	free(i->name);
	clean_fd(&i->lock);
	*i = (struct named_image)NAMED_IMAGE_INIT;
}

static bool is_id(const char *text)
{
	const char *hex = starts_with(text, "sha256:") ? text + strlen("sha256:") : text;

	return is_hex(hex, strlen(hex));
}

int named_image_find(struct tiffin *t, const char *text, bool exclusive, struct named_image *ret,
		     struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(named_image_done) struct named_image i = NAMED_IMAGE_INIT;
	CLEAN(clean_free) char *canonical = NULL;
	struct err why = { 0 };

	/* An ID in full is no reference, and need not be. */
	if (reference_parse(text, &ref, &why) == 0) {
		canonical = reference_canonical(&ref);
	} else if (!is_id(text)) {
		*err = why;
		return -1;
	}
	if (image_lock(&t->store, exclusive, &i.lock, err) < 0)
		return -1;
	if (image_find(&t->store, canonical, text, &i.record, &why) < 0 &&
	    (why.kind != ERR_NOT_FOUND ||
	     short_name_find(&t->store, text, &i.record, &canonical, NULL) < 0)) {
		*err = why;
		return why.kind == ERR_NOT_FOUND ?
			       err_set(err, ERR_NOT_FOUND, "%s: image not known", text) :
			       -1;
	}
	if (canonical &&
	    (strv_has(&i.record.names, canonical) || strv_has(&i.record.digests, canonical)))
		i.name = ptr_take(&canonical);
	*ret = i;
	i = (struct named_image)NAMED_IMAGE_INIT;
	return 0;
}
