/*
 * Theory of operation
 *
 * The note in the store (containers/<id>/paused) names the run that it is about, those of its
 * processes that were stopped before, and whether all had been stopped. It is written before the
 * first is stopped and again after the last, and removed when all go on. A container counts as
 * paused where the note is about this run, is whole, and the first process is stopped: whatever of
 * this dies half way, the container is shown as running, and unpause mends it.
 */
#include "cmd/pause.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/each.h"
#include "cmd/event.h"
#include "cmd/life.h"
#include "runtime/freeze.h"

struct pause_options {
	struct each each;
};

static const struct opt pause_opts[] = {
	{ .more = each_opts, .field = FIELD(pause_options, each) },
	{ 0 },
};

static void done(void *options)
{
	each_done(&((struct pause_options *)options)->each);
}

/* One at a time pauses a container, or lifts it; then it is looked at anew. */
static int lock(const struct tiffin *t, const struct container *c, int *ret_lock,
		struct container *ret_now, struct err *err)
{
	CLEAN(clean_fd)
	int dir =
		openat(t->store.containers, c->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (dir < 0)
		return err_sys(err, "cannot open container %.12s", c->id);
	if (file_lock_at(dir, "pausing", LOCK_EXCLUSIVE, true, ret_lock, err) < 0)
		return -1;
	return container_find(&t->store, c->id, ret_now, err);
}

static int pause_one(struct tiffin *t, const struct container *named, const char *name, void *arg,
		     struct err *err)
{
	CLEAN(container_done) struct container c = { 0 };
	CLEAN(clean_json) json_t *stopped = NULL;
	CLEAN(clean_fd) int locked = -1;
	CLEAN(clean_fd) int pidfd = -1;
	const struct proc_id *init = &c.state.init;

	(void)name;
	(void)arg;
	/*
	 * Stopped in the middle of its start it would keep its monitor waiting, which nobody could
	 * reach.
	 */
	if (named->status == CONTAINER_RUNNING && life_await_start(t, named, err) < 0)
		return -1;
	if (lock(t, named, &locked, &c, err) < 0 || life_open_init(&c, "pause", &pidfd, err) < 0)
		return -1;
	if (c.paused)
		return err_set(err, ERR_BUSY,
			       "cannot pause container %s: it is already paused: container "
			       "state improper",
			       c.name);
	/* Half paused: those that were stopped before that. */
	stopped = json_incref(js_arr(c.pause_note, "stopped")) ?: freeze_find_stopped(init, err);
	if (!stopped || container_save_pause(&t->store, &c, stopped, false, err) < 0)
		return -1;
	if (freeze_stop(init, stopped, err) < 0) {
		container_clear_pause(&t->store, &c);
		return err_wrap(err, "cannot pause container %s", c.name);
	}
	if (container_save_pause(&t->store, &c, stopped, true, err) < 0) {
		freeze_continue(init, stopped, NULL);
		container_clear_pause(&t->store, &c);
		return -1;
	}
	event_container(&t->store, c.config, "pause", NULL);
	return 0;
}

int pause_lift(const struct tiffin *t, const struct container *c, struct err *err)
{
	CLEAN(container_done) struct container now = { 0 };
	CLEAN(clean_fd) int locked = -1;
	CLEAN(clean_fd) int pidfd = -1;

	if (lock(t, c, &locked, &now, err) < 0 || life_open_init(&now, "unpause", &pidfd, err) < 0)
		return -1;
	if (!now.pause_note)
		return err_set(err, ERR_BUSY,
			       "cannot unpause container %s: it is not paused: container "
			       "state improper",
			       now.name);
	if (freeze_continue(&now.state.init, js_arr(now.pause_note, "stopped"), err) < 0)
		return err_wrap(err, "cannot unpause container %s", now.name);
	container_clear_pause(&t->store, &now);
	event_container(&t->store, now.config, "unpause", NULL);
	return 0;
}

static int unpause_one(struct tiffin *t, const struct container *c, const char *name, void *arg,
		       struct err *err)
{
	(void)name;
	(void)arg;
	return pause_lift(t, c, err);
}

static bool goes_on(const struct container *c)
{
	return c->status == CONTAINER_RUNNING && !c->paused;
}

static bool is_paused(const struct container *c)
{
	return c->pause_note != NULL;
}

/*
 * It is not us who lift what we paused, but a child that waits for our end: nobody is to find a
 * container stopped because a client was killed.
 */
static _Noreturn void guard(const struct tiffin *t, const struct container *c, int pipe)
{
	char paused = 0;

	/* What ends us at the terminal is not for it. */
	setsid();
	while (read(pipe, &paused, 1) > 0)
		;
	if (paused)
		pause_lift(t, c, NULL);
	_exit(0);
}

int pause_hold(struct tiffin *t, const struct container *c, struct pause_hold *ret, struct err *err)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	struct pause_hold h = PAUSE_HOLD_INIT;
	int ends[2], result;
	char paused = 1;

	if (!goes_on(c))
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	theirs = ends[0];
	ours = ends[1];
	h.guardian = fork();
	if (h.guardian < 0)
		return err_sys(err, "cannot fork");
	if (h.guardian == 0) {
		close(fd_take(&ours));
		guard(t, c, theirs);
	}
	h.pipe = fd_take(&ours);
	/* Before it is: who dies half way has it lifted. */
	result = write(h.pipe, &paused, 1) == 1 ? pause_one(t, c, c->id, NULL, err) :
						  err_sys(err, "cannot write to a pipe");
	if (result < 0) {
		/* It is not paused, or by somebody else. */
		paused = 0;
		if (write(h.pipe, &paused, 1) < 0)
			kill(h.guardian, SIGKILL);
		pause_release(&h);
		return -1;
	}
	*ret = h;
	return 0;
}

void pause_release(struct pause_hold *h)
{
	clean_fd(&h->pipe);
	if (h->guardian > 0)
		proc_reap(h->guardian);
	h->guardian = 0;
}

static int pause_command(struct tiffin *t, void *options, const struct strv *operands,
			 struct err *err)
{
	const struct pause_options *o = options;
	const struct each_task task = { .verb = "pause", .wanted = goes_on, .work = pause_one };

	return each_container(t, &o->each, operands, &task, err);
}

static int unpause(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct pause_options *o = options;
	const struct each_task task = { .verb = "unpause",
					.wanted = is_paused,
					.work = unpause_one };

	return each_container(t, &o->each, operands, &task, err);
}

const struct command command_pause = {
	.names = "pause",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "stop all processes of containers for a while",
	.opts = pause_opts,
	.size = sizeof(struct pause_options),
	.max_operands = SIZE_MAX,
	.run = pause_command,
	.done = done,
};

const struct command command_unpause = {
	.names = "unpause",
	.operands = "[OPTIONS] [CONTAINER…]",
	.summary = "have paused containers go on",
	.opts = pause_opts,
	.size = sizeof(struct pause_options),
	.max_operands = SIZE_MAX,
	.run = unpause,
	.done = done,
};
