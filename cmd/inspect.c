#include "cmd/inspect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/container_size.h"
#include "cmd/format.h"
#include "cmd/latest.h"
#include "cmd/short_name.h"
#include "cmd/volume_row.h"
#include "image/reference.h"
#include "storage/layer.h"
#include "storage/rootfs.h"

struct inspect_options {
	char *type, *format;
	bool size, latest;
};

/* Where the type is said, containers' begin at the second, images' at the fourth. */
static const struct opt inspect_opts[] = {
	{ 0, "type", "TYPE",
	  "container, image, volume or all: whichever has that name, in this order",
	  set_string, FIELD(inspect_options, type) },
	LATEST_ROW(inspect_options, latest),
	{ 's', "size", NULL, "with what a container takes on the disk", set_flag,
	  FIELD(inspect_options, size) },
	{ 'f', "format", "TEMPLATE", "print each so: a template, or 'json'", set_string,
	  FIELD(inspect_options, format) },
	{ 0 },
};

static void of_containers(void *options)
{
	((struct inspect_options *)options)->type = xstrdup("container");
}

static void of_images(void *options)
{
	((struct inspect_options *)options)->type = xstrdup("image");
}

static void inspect_done(void *options)
{
	struct inspect_options *o = options;

	free(o->type);
	free(o->format);
}

void inspect_add_key(json_t *set, const char *key)
{
	json_object_set_new(set, key, json_object());
}

/* Where a layer's tree is; only storage knows how a digest becomes a path. */
static char *layer_path(const struct store *s, const char *diff_id)
{
	CLEAN(clean_fd) int fd = -1;
	char path[4096], link[FD_PATH_MAX];
	ssize_t n;

	if (layer_open(s, diff_id, &fd, NULL) < 0)
		return NULL;
	n = readlink(fd_path(fd, link), path, sizeof(path) - 1);
	return n > 0 ? xstrndup(path, (size_t)n) : NULL;
}

/* Of the copy driver there is one directory, and only with a container. */
static json_t *copied_files(const struct store *s, const char *container_id)
{
	json_t *data = json_object();

	if (container_id)
		js_set_str_take(data, "MergedDir",
				xasprintf("%s/containers/%s/root", s->root, container_id));
	return data;
}

json_t *inspect_graph_driver(const struct store *s, const struct rootfs_driver *driver,
			     const struct strv *layers, const char *container_id)
{
	CLEAN(buf_done) struct buf lower = { 0 };
	CLEAN(clean_free) char *upper = NULL;
	json_t *data;

	if (driver == &rootfs_copy)
		return json_pack("{ssso}", "Name", driver->name, "Data",
				 copied_files(s, container_id));
	data = json_object();
	/* The topmost first. An image's topmost is, in docker's words, its upper one. */
	for (size_t i = layers->n; i-- > 0;) {
		CLEAN(clean_free) char *path = layer_path(s, layers->v[i]);

		if (path && !container_id && !upper)
			upper = ptr_take(&path);
		else if (path)
			buf_addf(&lower, "%s%s", lower.len ? ":" : "", path);
	}
	if (container_id) {
		CLEAN(clean_free)
		char *work = xasprintf("%s/containers/%s/work", s->root, container_id);

		upper = xasprintf("%s/containers/%s/upper", s->root, container_id);
		js_set_str(data, "WorkDir", work);
	}
	js_set_str(data, "LowerDir", buf_str(&lower));
	js_set_str(data, "UpperDir", upper);
	return json_pack("{ssso}", "Name", rootfs_overlay.name, "Data", data);
}

static int container_of_name(const struct tiffin *t, const char *name,
			     const struct inspect_options *o, json_t **ret, struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	struct container_size size = { 0 };

	if (container_find(&t->store, name, &c, err) < 0 ||
	    (o->size && container_size(t, &c, &size, err) < 0))
		return -1;
	*ret = inspect_container(t, &c);
	if (o->size) {
		js_set_int(*ret, "SizeRw", size.written);
		js_set_int(*ret, "SizeRootFs", size.whole);
	}
	return 0;
}

static int image_of_name(const struct tiffin *t, const char *name, json_t **ret, struct err *err)
{
	CLEAN(image_record_done) struct image_record image = { 0 };
	CLEAN(reference_done) struct reference ref = { 0 };
	CLEAN(clean_free) char *canonical = NULL;
	CLEAN(clean_fd) int lock = -1;
	const char *id = starts_with(name, "sha256:") ? name + strlen("sha256:") : name;
	struct err why = { 0 };

	if (reference_parse(name, &ref, &why) == 0)
		canonical = reference_canonical(&ref);
	if (image_lock(&t->store, false, &lock, err) < 0)
		return -1;
	if (image_find(&t->store, canonical, id, &image, &why) < 0 &&
	    (why.kind != ERR_NOT_FOUND ||
	     short_name_find(&t->store, name, &image, &canonical, NULL) < 0)) {
		*err = why;
		return why.kind == ERR_NOT_FOUND ?
			       err_set(err, ERR_NOT_FOUND, "%s: image not known", name) :
			       -1;
	}
	return inspect_image(t, &image, ret, err);
}

static int volume_of_name(const struct tiffin *t, const char *name, json_t **ret, struct err *err)
{
	CLEAN(volume_done) struct volume v = { 0 };

	if (volume_find(&t->store, name, &v, err) < 0)
		return -1;
	*ret = volume_json(&v);
	return 0;
}

static int find(const struct tiffin *t, const char *name, const struct inspect_options *o,
		json_t **ret, struct err *err)
{
	const char *type = o->type ?: "all";

	if (streq(type, "container"))
		return container_of_name(t, name, o, ret, err);
	if (streq(type, "image"))
		return image_of_name(t, name, ret, err);
	if (streq(type, "volume"))
		return volume_of_name(t, name, ret, err);
	if (container_of_name(t, name, o, ret, err) == 0)
		return 0;
	if (err->kind == ERR_NOT_FOUND && image_of_name(t, name, ret, err) == 0)
		return 0;
	if (err->kind == ERR_NOT_FOUND && volume_of_name(t, name, ret, err) == 0)
		return 0;
	if (err->kind == ERR_NOT_FOUND)
		err_set(err, ERR_NOT_FOUND, "no such object: \"%s\"", name);
	return -1;
}

static int check(const struct inspect_options *o, const struct strv *operands, struct err *err)
{
	const char *type = o->type ?: "all";

	if (!streq(type, "container") && !streq(type, "image") && !streq(type, "volume") &&
	    !streq(type, "all"))
		return err_set(err, ERR_USAGE,
			       "invalid type \"%s\": must be \"image\", \"container\", \"volume\" "
			       "or \"all\"",
			       type);
	if ((o->size || o->latest) && (streq(type, "image") || streq(type, "volume")))
		return err_set(err, ERR_USAGE, "--size and --latest are about containers");
	if (o->latest && operands->n)
		return err_set(err, ERR_USAGE, "inspect: names and --latest do not go together");
	if (!o->latest && !operands->n)
		return err_set(err, ERR_USAGE,
			       "inspect wants the name or ID of a container, image or volume");
	return 0;
}

/* What is found is printed, and what is not is told of behind it. */
static int inspect(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct inspect_options *o = options;
	CLEAN(format_done) struct format format = { 0 };
	CLEAN(clean_json) json_t *found = json_array();
	CLEAN(clean_free) struct err *missing = xcalloc(operands->n + 1, sizeof(*missing));
	CLEAN(strv_done) struct strv newest = { 0 };
	char *id = NULL;
	bool template = o->format && !streq(o->format, "json");
	size_t n_missing = 0;

	if (check(o, operands, err) < 0 ||
	    (template && format_parse("inspect", o->format, NULL, &format, err) < 0) ||
	    tiffin_open(t, false, err) < 0)
		return -1;
	if (o->latest) {
		if (latest_id(t, &id, err) < 0)
			return -1;
		strv_add_take(&newest, id);
		operands = &newest;
	}
	for (size_t i = 0; i < operands->n; i++) {
		json_t *one = NULL;

		if (find(t, operands->v[i], o, &one, &missing[n_missing]) < 0)
			n_missing++;
		else
			json_array_append_new(found, one);
	}
	for (size_t i = 0; template && i < json_array_size(found); i++)
		if (format_row(&format, json_incref(json_array_get(found, i)), NULL, err) < 0)
			return -1;
	if (template)
		format_print(&format, false, err);
	else
		print_json(found, !o->format);
	for (size_t i = 0; i < n_missing; i++)
		report(&missing[i]);
	return n_missing ? EXIT_TIFFIN : 0;
}

const struct command command_inspect = {
	.names = "inspect",
	.operands = "[OPTIONS] [NAME…]",
	.summary = "print all about containers, images and volumes",
	.opts = inspect_opts,
	.size = sizeof(struct inspect_options),
	.max_operands = SIZE_MAX,
	.run = inspect,
	.done = inspect_done,
};

/* These two have said the type, and do without that option. */
const struct command command_container_inspect = {
	.names = "inspect",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "print all about containers",
	.opts = &inspect_opts[1],
	.size = sizeof(struct inspect_options),
	.max_operands = SIZE_MAX,
	.run = inspect,
	.init = of_containers,
	.done = inspect_done,
};

const struct command command_image_inspect = {
	.names = "inspect",
	.operands = "[OPTIONS] IMAGE [IMAGE…]",
	.summary = "print all about images",
	.opts = &inspect_opts[3],
	.size = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = inspect,
	.init = of_images,
	.done = inspect_done,
};
