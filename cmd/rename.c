#include "base/cleanup.h"
#include "cmd/command.h"
#include "cmd/event.h"
#include "storage/container.h"

static const struct opt no_opts[] = { { 0 } };

static int rename_command(struct tiffin *t, void *options, const struct strv *operands,
			  struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(container_done) struct container now = { 0 };

	(void)options;
	if (!container_name_valid(operands->v[1]))
		return err_set(err, ERR_USAGE,
			       "the container name '%s' is not of the form "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*",
			       operands->v[1]);
	if (tiffin_open(t, false, err) < 0 ||
	    container_find(&t->store, operands->v[0], &c, err) < 0 ||
	    container_rename(&t->store, &c, operands->v[1], err) < 0)
		return -1;
	if (container_find(&t->store, c.id, &now, NULL) == 0)
		event_container(&t->store, now.config, "rename", "oldName", c.name, NULL);
	return 0;
}

const struct command command_rename = {
	.names = "rename",
	.operands = "CONTAINER NAME",
	.summary = "give a container another name",
	.opts = no_opts,
	.size = 1,
	.min_operands = 2,
	.max_operands = 2,
	.run = rename_command,
};
