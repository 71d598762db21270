#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/image_users.h"
#include "cmd/life.h"
#include "cmd/short_name.h"
#include "image/reference.h"
#include "storage/image.h"

struct rmi_options {
	bool all, force, ignore;
};

static const struct opt rmi_opts[] = {
	{ 'a', "all", NULL, "every image", set_flag, FIELD(rmi_options, all) },
	{ 'f', "force", NULL, "with its containers, and all of its names", set_flag,
	  FIELD(rmi_options, force) },
	{ 'i', "ignore", NULL, "one that is not there is no error", set_flag,
	  FIELD(rmi_options, ignore) },
	{ 0 },
};

/* The containers made from it, or that mount it, are in its way; force removes them. */
static int free_of_containers(struct tiffin *t, const struct image_record *image, bool force,
			      struct err *err)
{
	struct container *list = NULL;
	int result = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		if (!container_uses_image(&list[i], image->id))
			continue;
		result = force ? life_remove(t, &list[i], true, err) :
				 err_set(err, ERR_BUSY,
					 "image %.12s is in use by container %s (%.12s)", image->id,
					 list[i].name, list[i].id);
	}
	container_list_done(list, n);
	return result;
}

/* A name of several is taken off; the last one, or an ID, removes the image. */
static int remove_image(struct tiffin *t, const struct image_record *image, const char *name,
			const struct rmi_options *o, struct err *err)
{
	CLEAN(strv_done) struct strv layers = { 0 };

	if (name && strv_has(&image->names, name) && image->names.n > 1) {
		if (image_untag(&t->store, name, err) < 0)
			return -1;
		printf("Untagged: %s\n", name);
		event_image(&t->store, "untag", image->id, name);
		return 0;
	}
	/*
	 * A digest is a name that the image has by another, as an ID is. --all means all names;
	 * containers are for --force alone to touch.
	 */
	if ((!name || !strv_has(&image->names, name)) && image->names.n > 1 && !o->force && !o->all)
		return err_set(err, ERR_BUSY,
			       "image %.12s has several names, %s among them: use one, or --force",
			       image->id, image->names.v[0]);
	if (free_of_containers(t, image, o->force, err) < 0 ||
	    image_remove(&t->store, image, &layers, err) < 0)
		return -1;
	for (size_t i = 0; i < image->names.n; i++) {
		printf("Untagged: %s\n", image->names.v[i]);
		event_image(&t->store, "untag", image->id, image->names.v[i]);
	}
	printf("Deleted: sha256:%s\n", image->id);
	event_image(&t->store, "remove", image->id, image->names.n ? image->names.v[0] : NULL);
	return 0;
}

static int rmi_one(struct tiffin *t, const char *text, const struct rmi_options *o,
		   struct err *err)
{
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(image_record_done) struct image_record image = { 0 };
	CLEAN(clean_free) char *name = NULL;
	CLEAN(clean_fd) int lock = -1;
	struct err why = { 0 };

	/* An ID in full is no reference, and need not be. */
	if (reference_parse(text, &ref, &why) == 0)
		name = reference_canonical(&ref);
	else if (!is_hex(text, strlen(text))) {
		*err = why;
		return -1;
	}
	if (image_lock(&t->store, true, &lock, err) < 0)
		return -1;
	if (image_find(&t->store, name, text, &image, &why) < 0 &&
	    (why.kind != ERR_NOT_FOUND ||
	     short_name_find(&t->store, text, &image, &name, NULL) < 0)) {
		*err = why;
		if (why.kind == ERR_NOT_FOUND)
			err_set(err, ERR_NOT_FOUND, "%s: image not known", text);
		return -1;
	}
	if (name && !strv_has(&image.names, name) && !strv_has(&image.digests, name)) {
		free(name);
		name = NULL;
	}
	return remove_image(t, &image, name, o, err);
}

static int rmi_all(struct tiffin *t, const struct rmi_options *o, struct err *err)
{
	struct image_record *list = NULL;
	int code = 0;
	size_t n = 0;

	if (image_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		if (rmi_one(t, list[i].id, o, &why) < 0)
			code = report_item(&why, code);
	}
	image_list_done(list, n);
	return code;
}

static int rmi(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct rmi_options *o = options;
	int code = 0;

	if (!operands->n && !o->all)
		return err_set(err, ERR_USAGE, "rmi wants the name or ID of an image, or --all");
	if (tiffin_open(t, false, err) < 0)
		return -1;
	if (o->all)
		code = rmi_all(t, o, err);
	for (size_t i = 0; i < operands->n && code >= 0; i++) {
		struct err why = { 0 };

		if (rmi_one(t, operands->v[i], o, &why) == 0)
			continue;
		if (why.kind == ERR_NOT_FOUND && (o->ignore || o->force))
			continue;
		code = report_item(&why, code);
	}
	helper_sweep(&t->store, &t->ids);
	return code;
}

const struct command command_rmi = {
	.names = "rmi",
	.operands = "[OPTIONS] IMAGE [IMAGE…]",
	.summary = "remove images",
	.opts = rmi_opts,
	.size = sizeof(struct rmi_options),
	.max_operands = SIZE_MAX,
	.run = rmi,
};
