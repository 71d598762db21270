#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/life.h"

struct stop_options {
	bool all, ignore;
	char *timeout;
};

static const struct opt stop_opts[] = {
	{ 'a', "all", NULL, "every container that runs", set_flag, FIELD(stop_options, all) },
	{ 'i', "ignore", NULL, "one that is not there is no error", set_flag,
	  FIELD(stop_options, ignore) },
	{ 't', "time", "SECONDS", "how long to wait before it is killed (10)", set_string,
	  FIELD(stop_options, timeout) },
	{ 0, "timeout", "SECONDS", NULL, set_string, FIELD(stop_options, timeout) },
	{ 0 },
};

static void stop_done(void *options)
{
	free(((struct stop_options *)options)->timeout);
}

static int stop_all(struct tiffin *t, const struct stop_options *o, struct err *err)
{
	struct container *list = NULL;
	int code = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		if (!life_is_up(&list[i]))
			continue;
		if (life_stop_as_configured(t, &list[i], o->timeout, &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
		} else {
			printf("%s\n", list[i].id);
		}
	}
	container_list_done(list, n);
	return code;
}

static int stop(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct stop_options *o = options;
	int code = 0;

	if (!operands->n && !o->all)
		return err_set(err, ERR_USAGE, "stop wants the name or ID of a container, or --all");
	if (tiffin_open(t, false, err) < 0)
		return -1;
	if (o->all)
		return stop_all(t, o, err);
	for (size_t i = 0; i < operands->n; i++) {
		CLEAN(container_done) struct container c = { 0 };
		struct err why = { 0 };

		if (container_find(&t->store, operands->v[i], &c, &why) < 0) {
			if (o->ignore && why.kind == ERR_NOT_FOUND)
				continue;
			report(&why);
			code = EXIT_TIFFIN;
			continue;
		}
		if (life_stop_as_configured(t, &c, o->timeout, &why) < 0) {
			report(&why);
			code = EXIT_TIFFIN;
			continue;
		}
		printf("%s\n", operands->v[i]);
	}
	return code;
}

const struct command command_stop = {
	.names = "stop",
	.operands = "[OPTIONS] CONTAINER [CONTAINER…]",
	.summary = "stop containers",
	.opts = stop_opts,
	.size = sizeof(struct stop_options),
	.max_operands = SIZE_MAX,
	.run = stop,
	.done = stop_done,
};
