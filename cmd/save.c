#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/named_image.h"
#include "cmd/save_target.h"
#include "image/save.h"

struct save_command_options {
	char *output, *format;
	bool quiet, multi, compress, uncompressed;
};

static const struct opt save_opts[] = {
	{ 'o', "output", "FILE", "write there, and not to standard output", set_string,
	  FIELD(save_command_options, output) },
	{ 0, "format", "FORMAT", "docker-archive (the default), oci-archive, oci-dir, docker-dir",
	  set_string, FIELD(save_command_options, format) },
	{ 0, "compress", NULL, "compress the layers of a docker-dir", set_flag,
	  FIELD(save_command_options, compress) },
	{ 0, "uncompressed", NULL, "leave layers uncompressed: so without --compress", set_flag,
	  FIELD(save_command_options, uncompressed) },
	{ 'm', "multi-image-archive", NULL, "several images in one archive: always so here",
	  set_flag,
	  FIELD(save_command_options, multi) },
	{ 'q', "quiet", NULL, "say nothing: always so here", set_flag,
	  FIELD(save_command_options, quiet) },
	{ 0 },
};

static void save_done(void *options)
{
	struct save_command_options *o = options;

	free(o->output);
	free(o->format);
}

/* Each image once, with the names that were typed: an ID alone gives it none. */
static int find_images(struct tiffin *t, const struct strv *operands, struct strv *ret,
		       struct err *err)
{
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;
		const char *name = NULL;
		size_t k = 0;

		if (named_image_find(t, operands->v[i], false, &image, err) < 0)
			return -1;
		if (image.name && strv_has(&image.record.names, image.name))
			name = image.name;
		while (k < ret->n && !starts_with(ret->v[k], image.record.id))
			k++;
		if (k == ret->n) {
			strv_addf(ret, "%s%s%s", image.record.id, name ? "," : "", name ?: "");
		} else if (name) {
			char *more = xasprintf("%s,%s", ret->v[k], name);

			free(ret->v[k]);
			ret->v[k] = more;
		}
	}
	return 0;
}

static int save_command(struct tiffin *t, void *options, const struct strv *operands,
			struct err *err)
{
	const struct save_command_options *o = options;
	const char *name = o->format ?: "docker-archive";
	CLEAN(save_target_done) struct save_target target = SAVE_TARGET_INIT;
	CLEAN(strv_done) struct strv images = { 0 };
	enum save_format format;

	if (save_format_parse(name, &format, err) < 0 || tiffin_open(t, false, err) < 0 ||
	    find_images(t, operands, &images, err) < 0)
		return -1;
	if (o->compress && format != SAVE_DOCKER_DIR)
		return err_set(err, ERR_USAGE,
			       "--compress can only be set when --format is 'docker-dir'");
	if (o->compress && o->uncompressed)
		return err_set(err, ERR_USAGE, "--compress and --uncompressed exclude each other");
	if (format == SAVE_DOCKER_DIR && images.n > 1)
		return err_set(err, ERR_USAGE, "docker-dir holds one image");
	if (save_format_is_directory(format) && !o->output)
		return err_set(err, ERR_USAGE, "a directory wants a name: --output");
	if (save_target_open(o->output, save_format_is_directory(format), &target, err) < 0 ||
	    helper_save(t, &images, name, o->compress, target.fd, err) < 0)
		return -1;
	if (save_target_finish(&target, err) < 0)
		return -1;
	for (size_t i = 0; i < images.n; i++) {
		CLEAN(clean_free) char *id = xstrdup(images.v[i]);
		char *names = id;

		strsep(&names, ",");
		event_image(&t->store, "save", id, names);
	}
	return 0;
}

const struct command command_save = {
	.names = "save",
	.operands = "[OPTIONS] IMAGE [IMAGE…]",
	.summary = "write images to an archive",
	.opts = save_opts,
	.size = sizeof(struct save_command_options),
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = save_command,
	.done = save_done,
};
