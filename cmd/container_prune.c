#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/container_filter.h"
#include "cmd/container_size.h"
#include "cmd/event.h"
#include "cmd/human.h"
#include "cmd/life.h"
#include "cmd/prompt.h"
#include "cmd/prune.h"

struct prune_options {
	bool force;
	struct strv filters;
};

static const struct opt prune_opts[] = {
	{ 'f', "force", NULL, "do not ask", set_flag, FIELD(prune_options, force) },
	{ 0, "filter", "KEY=VALUE", "of them, those with until, label, label! (repeatable)",
	  set_list,
	  FIELD(prune_options, filters) },
	{ 0 },
};

static void prune_done(void *options)
{
	strv_done(&((struct prune_options *)options)->filters);
}

static int check_filters(const struct strv *filters, struct err *err)
{
	for (size_t i = 0; i < filters->n; i++)
		if (!starts_with(filters->v[i], "until=") &&
		    !starts_with(filters->v[i], "label=") && !starts_with(filters->v[i], "label!="))
			return err_set(err, ERR_USAGE,
				       "--filter '%s': invalid filter; there are until, label, "
				       "label!",
				       filters->v[i]);
	return 0;
}

static int confirm(const struct prune_options *o, bool *ret, struct err *err)
{
	*ret = true;
	if (o->force)
		return 0;
	warn("WARNING! This will remove all non running containers.");
	return prompt_yes("Are you sure you want to continue? [y/N] ", ret, err);
}

/* One that somebody starts or removes meanwhile is theirs. */
static int prune_one(struct tiffin *t, const struct container *c, const char **io_heading,
		     int64_t *io_freed, struct err *err)
{
	struct container_size size = { 0 };
	struct err why = { 0 };

	container_size(t, c, &size, NULL);
	if (life_remove(t, c, false, &why) == 0) {
		printf("%s%s\n", *io_heading, c->id);
		*io_heading = "";
		*io_freed += size.written;
	} else if (why.kind != ERR_BUSY && why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	return 0;
}

int container_prune(struct tiffin *t, const struct container_filter *filter, const char *heading,
		    int64_t *io_freed, struct err *err)
{
	const char *const first = heading;
	struct container *list = NULL;
	int code = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		if (life_is_up(&list[i]) || !container_filter_passes(filter, &list[i]) ||
		    prune_one(t, &list[i], &heading, io_freed, &why) == 0)
			continue;
		report(&why);
		code = EXIT_TIFFIN;
	}
	container_list_done(list, n);
	if (*first && !*heading)
		putchar('\n');
	return code;
}

static int prune(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct prune_options *o = options;
	CLEAN(container_filter_done) struct container_filter filter = { 0 };
	CLEAN(clean_free) char *size = NULL;
	int64_t freed = 0;
	bool yes;
	int code;

	(void)operands;
	if (check_filters(&o->filters, err) < 0 || confirm(o, &yes, err) < 0)
		return -1;
	if (!yes)
		return 0;
	if (tiffin_open(t, false, err) < 0 ||
	    container_filter_parse(t, &o->filters, &filter, err) < 0)
		return -1;
	code = container_prune(t, &filter, "", &freed, err);
	if (code < 0)
		return -1;
	event_pruned(&t->store, "container", freed);
	size = human_size(freed);
	printf("Total reclaimed space: %s\n", size);
	return code;
}

const struct command command_container_prune = {
	.names = "prune",
	.operands = "[OPTIONS]",
	.summary = "remove containers that do not run",
	.opts = prune_opts,
	.size = sizeof(struct prune_options),
	.max_operands = 0,
	.run = prune,
	.done = prune_done,
};
