#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/event.h"
#include "cmd/volume_driver.h"
#include "storage/volume.h"

struct create_options {
	char *driver, *name;
	struct strv labels, options;
	bool ignore;
};

static const struct opt create_opts[] = {
	{ 'd', "driver", "NAME", "there is one: local", set_string, FIELD(create_options, driver) },
	{ 0, "ignore", NULL, "one that is there already is no error", set_flag,
	  FIELD(create_options, ignore) },
	{ 'l', "label", "KEY=VALUE", "note it in the volume's record (repeatable)", set_list,
	  FIELD(create_options, labels) },
	{ 'o', "opt", "KEY=VALUE", "type=none, o=bind and device=DIR: a directory of the host's "
	  "(repeatable)", set_list, FIELD(create_options, options) },
	{ 0, "name", "NAME", NULL, set_string, FIELD(create_options, name) },
	{ 0 },
};

static void done(void *options)
{
	struct create_options *o = options;

	free(o->driver);
	free(o->name);
	strv_done(&o->labels);
	strv_done(&o->options);
}

/* One that is said again is said anew. */
static int once_each(const struct strv *pairs, const char *option, struct strv *ret,
		     struct err *err)
{
	for (size_t i = 0; i < pairs->n; i++) {
		CLEAN(clean_free) char *pair =
			xasprintf("%s%s", pairs->v[i], strchr(pairs->v[i], '=') ? "" : "=");

		if (*pair == '=')
			return err_set(err, ERR_USAGE, "%s '%s': it must be formatted KEY=VALUE",
				       option, pairs->v[i]);
		strv_set_env(ret, pair);
	}
	return 0;
}

static int create(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct create_options *o = options;
	CLEAN(strv_done) struct strv labels = { 0 };
	CLEAN(strv_done) struct strv driver_options = { 0 };
	CLEAN(clean_free) char *name = NULL;
	const struct volume_new new = {
		.name = operands->n ? operands->v[0] : o->name,
		.labels = &labels,
		.options = &driver_options,
	};
	struct err why = { 0 };

	if (once_each(&o->labels, "--label", &labels, err) < 0 ||
	    once_each(&o->options, "--opt", &driver_options, err) < 0 ||
	    volume_driver_check(o->driver, &driver_options, err) < 0 ||
	    tiffin_open(t, false, err) < 0)
		return -1;
	if (volume_create(&t->store, &new, &name, &why) == 0) {
		event_volume(&t->store, "create", name);
	} else if (why.kind == ERR_EXISTS && o->ignore) {
		name = xstrdup(new.name);
	} else {
		*err = why;
		return -1;
	}
	printf("%s\n", name);
	return 0;
}

const struct command command_volume_create = {
	.names = "create",
	.operands = "[OPTIONS] [NAME]",
	.summary = "make a volume",
	.opts = create_opts,
	.size = sizeof(struct create_options),
	.max_operands = 1,
	.run = create,
	.done = done,
};
