#include <stdio.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/human.h"
#include "cmd/prompt.h"
#include "cmd/prune.h"
#include "cmd/system.h"
#include "cmd/volume_filter.h"
#include "cmd/volumes.h"
#include "storage/image.h"
#include "storage/sweep.h"

struct prune_options {
	bool all, force, volumes;
	struct strv filters;
};

static const struct opt prune_opts[] = {
	{ 'a', "all", NULL, "every image without a container, not only those without a name",
	  set_flag,
	  FIELD(prune_options, all) },
	{ 0, "filter", "KEY=VALUE", "of these only: until, label, label! (repeatable)", set_list,
	  FIELD(prune_options, filters) },
	{ 'f', "force", NULL, "do not ask", set_flag, FIELD(prune_options, force) },
	{ 0, "volumes", NULL, "and volumes without a name that no container uses", set_flag,
	  FIELD(prune_options, volumes) },
	{ 0 },
};

static void prune_done(void *options)
{
	strv_done(&((struct prune_options *)options)->filters);
}

static const char *const known[] = { "until", "label", "label!", NULL };

struct filters {
	struct container_filter containers;
	struct image_filter images;
	struct volume_filter volumes;
};

static void filters_done(struct filters *f)
{
	container_filter_done(&f->containers);
	image_filter_done(&f->images);
	volume_filter_done(&f->volumes);
}

/* That of images is the strictest; the others know these keys, and more. */
static int parse_filters(struct tiffin *t, const struct prune_options *o, struct filters *ret,
			 struct err *err)
{
	for (size_t i = 0; o->volumes && i < o->filters.n; i++)
		if (starts_with(o->filters.v[i], "until="))
			return err_set(err, ERR_USAGE,
				       "the \"until\" filter is not supported with \"--volumes\"");
	if (image_filter_parse(t, &o->filters, known, &ret->images, err) < 0 ||
	    container_filter_parse(t, &o->filters, &ret->containers, err) < 0)
		return -1;
	return o->volumes ? volume_filter_parse(t, &o->filters, known, &ret->volumes, err) : 0;
}

static int confirm(const struct prune_options *o, bool *ret, struct err *err)
{
	*ret = true;
	if (o->force)
		return 0;
	warn("WARNING! This command removes:");
	warn("  - all stopped containers");
	if (o->volumes)
		warn("  - all anonymous volumes not used by at least one container");
	warn(o->all ? "  - all images without at least one container associated with them" :
		      "  - all dangling images");
	warn("  - what was left behind by commands that did not end well");
	return prompt_yes("Are you sure you want to continue? [y/N] ", ret, err);
}

static int64_t size_of_layer(const struct store *s, const char *name)
{
	CLEAN(clean_free) char *path = xasprintf("%s/layer.json", name);
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;

	if (file_read_at(s->layers, path, 4096, &text, NULL) < 0 ||
	    js_parse(text.data, text.len, &j, NULL) < 0)
		return 0;
	return js_int(j, "diff_size");
}

int system_sweep(struct tiffin *t, int64_t *io_freed, struct err *err)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	CLEAN(clean_fd) int lock = -1;
	int result;

	if (image_lock(&t->store, true, &lock, err) < 0)
		return -1;
	result = sweep_find_layers(&t->store, &layers, err);
	for (size_t i = 0; i < layers.n; i++) {
		const int64_t size = size_of_layer(&t->store, layers.v[i]);

		if (sweep_layer(&t->store, layers.v[i], NULL) == 0)
			*io_freed += size;
	}
	sweep_images(&t->store);
	sweep_locks(&t->store);
	clean_fd(&lock);
	sweep_containers(&t->store);
	helper_sweep(&t->store, &t->ids);
	return result;
}

static int prune_all(struct tiffin *t, const struct prune_options *o, const struct filters *f,
		     int64_t *io_freed, struct err *err)
{
	int64_t freed[3] = { 0 };
	int code, worst;

	worst = container_prune(t, &f->containers, "Deleted Containers:\n", &freed[0], err);
	if (worst < 0)
		return -1;
	if (freed[0])
		event_pruned(&t->store, "container", freed[0]);
	if (o->volumes) {
		code = volume_prune(t, &f->volumes, false, "Deleted Volumes:\n", &freed[1], err);
		if (code < 0)
			return -1;
		worst = code > worst ? code : worst;
		event_pruned(&t->store, "volume", freed[1]);
	}
	if (image_prune(t, o->all, &f->images, &freed[2], err) < 0)
		return -1;
	if (freed[2])
		event_pruned(&t->store, "image", freed[2]);
	for (size_t i = 0; i < ARRAY_SIZE(freed); i++)
		*io_freed += freed[i];
	return system_sweep(t, io_freed, err) < 0 ? -1 : worst;
}

static int prune(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct prune_options *o = options;
	CLEAN(filters_done) struct filters filters = { 0 };
	CLEAN(clean_free) char *size = NULL;
	int64_t freed = 0;
	bool yes;
	int code;

	(void)operands;
	if (tiffin_open(t, false, err) < 0 || parse_filters(t, o, &filters, err) < 0 ||
	    confirm(o, &yes, err) < 0)
		return -1;
	if (!yes)
		return 0;
	code = prune_all(t, o, &filters, &freed, err);
	if (code < 0)
		return -1;
	event_pruned(&t->store, "system", freed);
	size = human_size(freed);
	printf("Total reclaimed space: %s\n", size);
	return code;
}

const struct command command_system_prune = {
	.names = "prune",
	.operands = "[OPTIONS]",
	.summary = "remove what nothing uses, and what was left behind",
	.opts = prune_opts,
	.size = sizeof(struct prune_options),
	.max_operands = 0,
	.run = prune,
	.done = prune_done,
};
