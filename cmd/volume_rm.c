#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/life.h"
#include "cmd/volumes.h"

struct rm_options {
	bool all, force;
	char *timeout;
};

static const struct opt rm_opts[] = {
	{ 'a', "all", NULL, "every volume", set_flag, FIELD(rm_options, all) },
	{ 'f', "force", NULL, "and the containers that use it", set_flag,
	  FIELD(rm_options, force) },
	{ 't', "time", "SECONDS", "with --force: how long to wait before one is killed (10)",
	  set_string,
	  FIELD(rm_options, timeout) },
	{ 0, "timeout", "SECONDS", NULL, set_string, FIELD(rm_options, timeout) },
	{ 0 },
};

static void done(void *options)
{
	free(((struct rm_options *)options)->timeout);
}

int volume_delete(struct tiffin *t, const char *name, struct err *err)
{
	char trash[STAGE_NAME_MAX];

	if (volume_remove(&t->store, name, trash, err) < 0)
		return -1;
	event_volume(&t->store, "remove", name);
	helper_remove_trash(&t->store, &t->ids, trash);
	return 0;
}

static int remove_users(struct tiffin *t, const char *name, const char *timeout, struct err *err)
{
	CLEAN(clean_json) json_t *users = NULL;
	json_t *id;
	size_t i;

	if (volume_users(&t->store, &users, err) < 0)
		return -1;
	json_array_foreach(js_arr(users, name), i, id) {
		CLEAN(container_done) struct container c = { 0 };

		/* One that is gone by now is none of our trouble. */
		if (container_find(&t->store, json_string_value(id), &c, NULL) < 0)
			continue;
		if (life_stop_as_configured(t, &c, timeout, err) < 0 ||
		    life_remove(t, &c, true, err) < 0)
			return -1;
	}
	return 0;
}

static int remove_one(struct tiffin *t, const struct rm_options *o, const char *name,
		      struct err *err)
{
	CLEAN(volume_done) struct volume v = { 0 };
	struct err why = { 0 };

	if (volume_find(&t->store, name, &v, &why) < 0) {
		if (o->force && why.kind == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	if (o->force && remove_users(t, v.name, o->timeout ?: "10", err) < 0)
		return -1;
	/* One that was made for those containers alone has gone with them. */
	if (volume_delete(t, v.name, &why) < 0 && !(o->force && why.kind == ERR_NOT_FOUND)) {
		*err = why;
		return -1;
	}
	printf("%s\n", name);
	return 0;
}

static int list_all(struct tiffin *t, struct strv *ret, struct err *err)
{
	struct volume *list = NULL;
	size_t n = 0;

	if (volume_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		strv_add(ret, list[i].name);
	volume_list_done(list, n);
	return 0;
}

static int rm(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct rm_options *o = options;
	CLEAN(strv_done) struct strv all = { 0 };
	int code = 0;

	if (o->all == (operands->n > 0))
		return err_set(err, ERR_USAGE, "choose either one or more volumes or all");
	if (tiffin_open(t, false, err) < 0 || (o->all && list_all(t, &all, err) < 0))
		return -1;
	if (o->all)
		operands = &all;
	for (size_t i = 0; i < operands->n; i++) {
		struct err why = { 0 };

		if (remove_one(t, o, operands->v[i], &why) < 0)
			code = report_item(&why, code);
	}
	return code;
}

const struct command command_volume_rm = {
	.names = "rm|remove",
	.operands = "[OPTIONS] [VOLUME…]",
	.summary = "remove volumes, and what is in them",
	.opts = rm_opts,
	.size = sizeof(struct rm_options),
	.max_operands = SIZE_MAX,
	.run = rm,
	.done = done,
};
