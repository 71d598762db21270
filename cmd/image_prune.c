#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/human.h"
#include "cmd/image_filter.h"
#include "cmd/image_users.h"
#include "cmd/prompt.h"
#include "cmd/prune.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/layer.h"

struct prune_options {
	bool all, force;
	struct strv filters;
};

static const struct opt prune_opts[] = {
	{ 'a', "all", NULL, "every image without a container, not only those without a name",
	  set_flag, FIELD(prune_options, all) },
	{ 0, "filter", "KEY=VALUE", "of these only: until, label, label! (repeatable)", set_list,
	  FIELD(prune_options, filters) },
	{ 'f', "force", NULL, "do not ask", set_flag, FIELD(prune_options, force) },
	{ 0 },
};

static void prune_done(void *options)
{
	strv_done(&((struct prune_options *)options)->filters);
}

static bool is_used(const struct container *list, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (container_uses_image(&list[i], id))
			return true;
	return false;
}

/* What came free: of the layers that went, those that are not in it any more. */
static int64_t sum_sizes(const int64_t *sizes, const struct strv *layers, const struct strv *gone)
{
	int64_t sum = 0;

	for (size_t i = 0; i < layers->n; i++)
		if (strv_has(gone, layers->v[i]))
			sum += sizes[i];
	return sum;
}

static int prune_one(struct tiffin *t, const struct image_record *image, int64_t *io_freed,
		     struct err *err)
{
	CLEAN(clean_free) int64_t *sizes = xcalloc(image->layers.n + 1, sizeof(*sizes));
	CLEAN(strv_done) struct strv gone = { 0 };

	for (size_t i = 0; i < image->layers.n; i++) {
		struct layer_info info = { 0 };

		layer_read_info(&t->store, image->layers.v[i], &info, NULL);
		sizes[i] = info.diff_size;
	}
	if (image_remove(&t->store, image, &gone, err) < 0)
		return -1;
	for (size_t i = 0; i < image->names.n; i++)
		printf("untagged: %s\n", image->names.v[i]);
	for (size_t i = 0; i < image->digests.n; i++)
		printf("untagged: %s\n", image->digests.v[i]);
	printf("deleted: sha256:%s\n", image->id);
	event_image(&t->store, "remove", image->id, image->names.n ? image->names.v[0] : NULL);
	*io_freed += sum_sizes(sizes, &image->layers, &gone);
	return 0;
}

/* Under one lock, so that nobody makes a container of what is going. */
int image_prune(struct tiffin *t, bool all, const struct image_filter *filter, int64_t *io_freed,
		struct err *err)
{
	CLEAN(clean_fd) int lock = -1;
	struct image_record *images = NULL;
	struct container *containers = NULL;
	size_t n = 0, used = 0;
	bool headed = false;
	int result = 0;

	if (image_lock(&t->store, true, &lock, err) < 0 ||
	    container_list(&t->store, &containers, &used, err) < 0)
		return -1;
	result = image_list(&t->store, &images, &n, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		if ((images[i].names.n && !all) || is_used(containers, used, images[i].id) ||
		    !image_filter_passes(t, filter, &images[i], NULL, images, n))
			continue;
		if (!headed)
			printf("Deleted Images:\n");
		headed = true;
		result = prune_one(t, &images[i], io_freed, err);
	}
	if (headed)
		putchar('\n');
	image_list_done(images, n);
	container_list_done(containers, used);
	return result;
}

static int confirm(const struct prune_options *o, bool *ret, struct err *err)
{
	*ret = true;
	if (o->force)
		return 0;
	warn(o->all ? "WARNING! This will remove all images without at least one container "
		      "associated to them." :
		      "WARNING! This will remove all dangling images.");
	return prompt_yes("Are you sure you want to continue? [y/N] ", ret, err);
}

static int prune(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const char *const known[] = { "until", "label", "label!", NULL };
	const struct prune_options *o = options;
	CLEAN(image_filter_done) struct image_filter filter = { 0 };
	CLEAN(clean_free) char *size = NULL;
	int64_t freed = 0;
	bool yes;

	(void)operands;
	if (tiffin_open(t, false, err) < 0 ||
	    image_filter_parse(t, &o->filters, known, &filter, err) < 0 ||
	    confirm(o, &yes, err) < 0)
		return -1;
	if (!yes)
		return 0;
	if (image_prune(t, o->all, &filter, &freed, err) < 0)
		return -1;
	helper_sweep(&t->store, &t->ids);
	event_pruned(&t->store, "image", freed);
	size = human_size(freed);
	printf("Total reclaimed space: %s\n", size);
	return 0;
}

const struct command command_image_prune = {
	.names = "prune",
	.operands = "[OPTIONS]",
	.summary = "remove images that nothing uses",
	.opts = prune_opts,
	.size = sizeof(struct prune_options),
	.max_operands = 0,
	.run = prune,
	.done = prune_done,
};
