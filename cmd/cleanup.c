#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/each.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/life.h"

/*
 * Nothing of a container that has ended is mounted or runs: the kernel sees to that. What is left
 * to do is to record the end of one whose monitor could not.
 */
struct cleanup_options {
	struct each each;
	bool remove;
};

static const struct opt cleanup_opts[] = {
	{ .more = each_opts, .field = FIELD(cleanup_options, each) },
	{ 0, "rm", NULL, "remove it, then", set_flag, FIELD(cleanup_options, remove) },
	{ 0 },
};

static void done(void *options)
{
	each_done(&((struct cleanup_options *)options)->each);
}

static bool is_down(const struct container *c)
{
	return !life_is_up(c);
}

static int cleanup_one(struct tiffin *t, const struct container *named, const char *name, void *arg,
		       struct err *err)
{
	const struct cleanup_options *o = arg;
	CLEAN(container_dir_done) struct container_dir dir = CONTAINER_DIR_INIT;
	CLEAN(container_done) struct container c = { 0 };

	(void)name;
	if (container_dir_lock(&t->store, named->id, false, &dir, err) < 0 ||
	    container_find(&t->store, named->id, &c, err) < 0 || life_is_up(&c))
		return err_set(err, ERR_BUSY,
			       "container %s is running or paused, refusing to clean up: "
			       "container state improper",
			       named->name);
	if (c.status == CONTAINER_EXITED && !c.state.finished) {
		c.state.finished = now_realtime();
		c.state.exit_code = EXIT_UNKNOWN;
		c.state.restarting = false;
		if (container_save_state(&dir, &c.state, err) < 0)
			return -1;
	}
	event_container(&t->store, c.config, "cleanup", NULL);
	if (!o->remove)
		return 0;
	container_dir_done(&dir);
	return life_remove(t, &c, false, err);
}

static int cleanup(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	struct cleanup_options *o = options;
	const struct each_task task = {
		.verb = "cleanup",
		.wanted = is_down,
		.work = cleanup_one,
		.arg = o,
	};
	int code = each_container(t, &o->each, operands, &task, err);

	if (code >= 0)
		helper_sweep(&t->store, &t->ids);
	return code;
}

const struct command command_cleanup = {
	.names = "cleanup",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "see to what is left of containers whose monitor died",
	.opts = cleanup_opts,
	.size = sizeof(struct cleanup_options),
	.max_operands = SIZE_MAX,
	.run = cleanup,
	.done = done,
};
