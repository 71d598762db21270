#include "base/cleanup.h"
#include "cmd/event.h"
#include "cmd/named_image.h"
#include "image/reference.h"

static const struct opt no_opts[] = { { 0 } };

/* The names that are to be given or taken, each of which has to be one, before anything changes. */
static int parse_names(const struct strv *operands, struct strv *ret, struct err *err)
{
	for (size_t i = 1; i < operands->n; i++) {
		CLEAN(reference_done) struct reference ref = { 0 };

		if (reference_parse(operands->v[i], &ref, err) < 0)
			return -1;
		if (ref.digest)
			return err_set(err, ERR_USAGE,
				       "'%.200s': a name with a digest can't be given "
				       "or taken",
				       operands->v[i]);
		strv_add_take(ret, reference_canonical(&ref));
	}
	return 0;
}

static int tag(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;
	CLEAN(strv_done) struct strv names = { 0 };

	(void)options;
	if (parse_names(operands, &names, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    named_image_find(t, operands->v[0], true, &image, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (image_tag(&t->store, &image.record, names.v[i], err) < 0)
			return -1;
		event_image(&t->store, "tag", image.record.id, names.v[i]);
	}
	return 0;
}

const struct command command_tag = {
	.names = "tag",
	.operands = "IMAGE NAME [NAME…]",
	.summary = "give an image another name",
	.opts = no_opts,
	.size = 1,
	.min_operands = 2,
	.max_operands = SIZE_MAX,
	.run = tag,
};

/* Without names, all of them; the image stays. */
static int untag(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;
	CLEAN(strv_done) struct strv names = { 0 };
	const struct strv *wanted = &names;

	(void)options;
	if (parse_names(operands, &names, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    named_image_find(t, operands->v[0], true, &image, err) < 0)
		return -1;
	if (operands->n == 1)
		wanted = &image.record.names;
	for (size_t i = 0; i < names.n; i++)
		if (!strv_has(&image.record.names, names.v[i]))
			return err_set(err, ERR_NOT_FOUND, "%s: tag not known", names.v[i]);
	for (size_t i = 0; i < wanted->n; i++) {
		if (image_untag(&t->store, wanted->v[i], err) < 0)
			return -1;
		event_image(&t->store, "untag", image.record.id, wanted->v[i]);
	}
	return 0;
}

const struct command command_untag = {
	.names = "untag",
	.operands = "IMAGE [NAME…]",
	.summary = "take names from an image, which stays",
	.opts = no_opts,
	.size = 1,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = untag,
};

/* The answer is the exit status. */
static int exists(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;
	struct err why = { 0 };

	(void)options;
	if (tiffin_open(t, false, err) < 0)
		return -1;
	if (named_image_find(t, operands->v[0], false, &image, &why) == 0)
		return 0;
	if (why.kind == ERR_NOT_FOUND)
		return EXIT_NOT_THERE;
	*err = why;
	return -1;
}

const struct command command_image_exists = {
	.names = "exists",
	.operands = "IMAGE",
	.summary = "say by the exit status whether an image is in the store",
	.opts = no_opts,
	.size = 1,
	.min_operands = 1,
	.max_operands = 1,
	.run = exists,
};
