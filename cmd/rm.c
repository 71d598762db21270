#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/helper.h"
#include "cmd/life.h"

struct rm_options {
	bool all, force, ignore;
	char *timeout;
};

static const struct opt rm_opts[] = {
	{ 'a', "all", NULL, "every container", set_flag, FIELD(rm_options, all) },
	{ 'f', "force", NULL, "kill those that run first", set_flag, FIELD(rm_options, force) },
	{ 't', "time", "SECONDS", "with --force: how long to wait before it is killed (0)", set_string,
	  FIELD(rm_options, timeout) },
	{ 'i', "ignore", NULL, "one that is not there is no error", set_flag,
	  FIELD(rm_options, ignore) },
	{ 0 },
};

/* With a time to wait it is stopped first, as "stop" does. */
static int rm_one(struct tiffin *t, const struct container *c, const struct rm_options *o,
		  struct err *err)
{
	if (o->timeout && o->force && life_stop_as_configured(t, c, o->timeout, err) < 0)
		return -1;
	return life_remove(t, c, o->force, err);
}

static void done(void *options)
{
	free(((struct rm_options *)options)->timeout);
}

static int rm_all(struct tiffin *t, const struct rm_options *o, struct err *err)
{
	struct container *list = NULL;
	int code = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		if (rm_one(t, &list[i], o, &why) < 0)
			code = report_item(&why, code);
		else
			printf("%s\n", list[i].id);
	}
	container_list_done(list, n);
	return code;
}

static int rm(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct rm_options *o = options;
	int code = 0;

	if (!operands->n && !o->all)
		return err_set(err, ERR_USAGE, "rm wants the name or ID of a container, or --all");
	if (tiffin_open(t, false, err) < 0)
		return -1;
	if (o->all)
		return rm_all(t, o, err);
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(container_done) struct container c = { 0 };
		struct err why = { 0 };

		if (container_find(&t->store, operands->v[i], &c, &why) < 0) {
			if ((o->ignore || o->force) && why.kind == ERR_NOT_FOUND)
				continue;
			code = report_item(&why, code);
		} else if (rm_one(t, &c, o, &why) < 0) {
			code = report_item(&why, code);
		} else {
			printf("%s\n", operands->v[i]);
		}
	}
	return code;
}

const struct command command_rm = {
	.names = "rm",
	.operands = "[OPTIONS] CONTAINER [CONTAINER…]",
	.summary = "remove containers",
	.opts = rm_opts,
	.size = sizeof(struct rm_options),
	.max_operands = SIZE_MAX,
	.run = rm,
	.done = done,
};
