#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_size.h"
#include "cmd/event.h"
#include "cmd/human.h"
#include "cmd/prompt.h"
#include "cmd/volume_filter.h"
#include "cmd/volumes.h"

struct prune_options {
	bool all, force;
	struct strv filters;
};

static const struct opt prune_opts[] = {
	{ 'a', "all", NULL, "those with a name, too", set_flag, FIELD(prune_options, all) },
	{ 'f', "force", NULL, "do not ask", set_flag, FIELD(prune_options, force) },
	{ 0, "filter", "KEY=VALUE", "of these only: label, label!, until, all (repeatable)",
	  set_list,
	  FIELD(prune_options, filters) },
	{ 0 },
};

static void done(void *options)
{
	strv_done(&((struct prune_options *)options)->filters);
}

static int prune_one(struct tiffin *t, const struct volume *v, const char **io_heading,
		     int64_t *io_freed, struct err *err)
{
	int64_t bytes = 0;
	struct err why = { 0 };

	if (!v->elsewhere)
		tree_size(&t->ids, v->path, &bytes, NULL);
	if (volume_delete(t, v->name, &why) == 0) {
		printf("%s%s\n", *io_heading, v->name);
		*io_heading = "";
		*io_freed += bytes;
	} else if (why.kind != ERR_BUSY && why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	return 0;
}

int volume_prune(struct tiffin *t, const struct volume_filter *filter, bool all,
		 const char *heading, int64_t *io_freed, struct err *err)
{
	const char *const first = heading;
	CLEAN(clean_json) json_t *users = NULL;
	struct volume *list = NULL;
	int code = 0;
	size_t n = 0;

	if (volume_users(&t->store, &users, err) < 0 || volume_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		if ((!all && !list[i].anonymous) || json_array_size(js_arr(users, list[i].name)) ||
		    !volume_filter_passes(filter, &list[i], users) ||
		    prune_one(t, &list[i], &heading, io_freed, &why) == 0)
			continue;
		report(&why);
		code = EXIT_TIFFIN;
	}
	volume_list_done(list, n);
	if (*first && !*heading)
		putchar('\n');
	return code;
}

static int confirm(const struct prune_options *o, bool all, bool *ret, struct err *err)
{
	*ret = true;
	if (o->force)
		return 0;
	warn("WARNING! This will remove %s volumes not used by at least one container.",
	     all ? "all" : "anonymous");
	return prompt_yes("Are you sure you want to continue? [y/N] ", ret, err);
}

static int prune(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const char *const known[] = { "label", "label!", "until", "all", "anonymous", NULL };
	const struct prune_options *o = options;
	CLEAN(volume_filter_done) struct volume_filter filter = { 0 };
	CLEAN(clean_free) char *size = NULL;
	int64_t freed = 0;
	bool all, yes;
	int code;

	(void)operands;
	if (tiffin_open(t, false, err) < 0 ||
	    volume_filter_parse(t, &o->filters, known, &filter, err) < 0)
		return -1;
	all = o->all || volume_filter_says(&filter, "all");
	if (confirm(o, all, &yes, err) < 0)
		return -1;
	if (!yes)
		return 0;
	code = volume_prune(t, &filter, all, "", &freed, err);
	if (code < 0)
		return -1;
	event_pruned(&t->store, "volume", freed);
	size = human_size(freed);
	printf("Total reclaimed space: %s\n", size);
	return code;
}

const struct command command_volume_prune = {
	.names = "prune",
	.operands = "[OPTIONS]",
	.summary = "remove volumes that no container uses",
	.opts = prune_opts,
	.size = sizeof(struct prune_options),
	.max_operands = 0,
	.run = prune,
	.done = done,
};
