#include "cmd/life.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/pause.h"
#include "runtime/attach.h"
#include "storage/volume.h"

int parse_signal(const char *text, int *ret, struct err *err)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	char *end;
	long n = strtol(text, &end, 10);

	if (end != text && !*end && n > 0 && n < NSIG) {
		*ret = (int)n;
		return 0;
	}
	for (int sig = 1; sig < NSIG; sig++) {
		const char *known = sigabbrev_np(sig);

		if (known && strcasecmp(known, name) == 0) {
			*ret = sig;
			return 0;
		}
	}
	if (strncasecmp(name, "RTMIN", 5) == 0 && (!name[5] || (name[5] == '+' && name[6]))) {
		n = name[5] ? strtol(name + 6, &end, 10) : 0;
		if ((!name[5] || !*end) && n >= 0 && n <= SIGRTMAX - SIGRTMIN) {
			*ret = SIGRTMIN + (int)n;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "there is no signal '%s'", text);
}

/* What a monitor may take for what it does at once; then it hangs. */
#define MONITOR_MS 10000

/* A moment. False: too much time has gone by since. */
static bool rest(int64_t since)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	nanosleep(&moment, NULL);
	return now_monotonic() - since < MONITOR_MS * 1000000LL;
}

static int monitor_hangs(const struct container *c, struct err *err)
{
	return err_set(err, ERR_BUSY, "the monitor of container %s does not answer", c->name);
}

/* Somebody has started it again. */
static bool runs_anew(struct tiffin *t, const struct container *c)
{
	CLEAN(container_done) struct container now = { 0 };

	return container_find(&t->store, c->id, &now, NULL) == 0 && proc_alive(&now.state.init);
}

/*
 * Its process has ended: waits until its monitor has let go of it, unless the next run has begun by
 * then; a container that vanishes meanwhile has been removed. A monitor that hangs is killed, where
 * that is wanted, and known which it is.
 */
static int await_monitor(struct tiffin *t, const struct container *c, bool kill, struct err *err)
{
	int64_t since = now_monotonic();

	while (container_is_busy(&t->store, c->id)) {
		CLEAN(clean_fd) int monitor = -1;

		if (runs_anew(t, c))
			return 0;
		if (rest(since))
			continue;
		monitor = kill ? proc_open(&c->state.monitor) : -1;
		if (monitor < 0 || pidfd_send_signal(monitor, SIGKILL, NULL, 0) < 0)
			return monitor_hangs(c, err);
		pidfd_wait(monitor, -1);
		since = now_monotonic();
		kill = false;
	}
	return 0;
}

/* A container without a monitor, that is: one that was killed. */
static void await_end(const struct container *c)
{
	CLEAN(clean_fd) int pidfd = proc_open(&c->state.init);

	if (pidfd >= 0)
		pidfd_wait(pidfd, -1);
}

int life_connect(struct tiffin *t, const struct container *c, int *ret_sock, struct err *err)
{
	const int64_t since = now_monotonic();

	while (container_connect(&t->store, c->id, CONTAINER_ATTACH, ret_sock, NULL) < 0) {
		if (!container_is_busy(&t->store, c->id))
			return err_set(err, ERR_NOT_FOUND, "container %s has no monitor", c->name);
		if (!rest(since))
			return monitor_hangs(c, err);
	}
	return 0;
}

/*
 * Its first process, or -1 where none runs. A start that is under way is waited for: in a moment
 * there is a process, or nobody has the lock.
 */
static int open_process(struct tiffin *t, const struct container *c)
{
	const int64_t since = now_monotonic();
	int pidfd = proc_open(&c->state.init);

	while (pidfd < 0) {
		CLEAN(container_done) struct container now = { 0 };

		if (!container_is_busy(&t->store, c->id) ||
		    container_find(&t->store, c->id, &now, NULL) < 0)
			break;
		pidfd = proc_open(&now.state.init);
		if (pidfd < 0 && !rest(since))
			break;
	}
	return pidfd;
}

int life_await_start(struct tiffin *t, const struct container *c, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;

	return life_connect(t, c, &sock, err);
}

int life_reload_network(struct tiffin *t, const struct container *c, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	int exit_code;

	if (life_connect(t, c, &sock, err) < 0)
		return -1;
	if (frame_send(sock, FRAME_RELOAD, NULL, 0, 0) < 0)
		return err_sys(err, "cannot talk to the monitor of container %s", c->name);
	return attach_await_start(sock, &exit_code, err);
}

int life_go(struct tiffin *t, const struct container *c, bool attached, int *ret_client,
	    int *ret_exit_code, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	const char wanted = attached;

	*ret_exit_code = EXIT_TIFFIN;
	if (life_connect(t, c, &sock, err) < 0)
		return -1;
	if (frame_send(sock, FRAME_GO, &wanted, 1, 0) < 0 ||
	    attach_await_start(sock, ret_exit_code, err) < 0)
		return -1;
	*ret_client = fd_take(&sock);
	return 0;
}

bool life_is_up(const struct container *c)
{
	return c->status == CONTAINER_RUNNING || c->status == CONTAINER_RESTARTING;
}

void life_forbid_restart(struct tiffin *t, const struct container *c)
{
	const json_t *spec = js_obj(c->config, "spec");
	CLEAN(clean_fd) int sock = -1;
	struct pollfd p = { .events = POLLIN };
	struct frame f;

	/* Without a policy its monitor would not start it again anyway. */
	if (streq(js_str(spec, "restart") ?: "no", "no") && !js_obj(spec, "health"))
		return;
	if (life_connect(t, c, &sock, NULL) < 0 || frame_send(sock, FRAME_LAST, NULL, 0, 0) < 0)
		return;
	p.fd = sock;
	while (poll(&p, 1, MONITOR_MS) > 0 && frame_receive(sock, &f) >= 0 && f.kind != FRAME_TAKEN)
		;
}

int life_stop(struct tiffin *t, const struct container *c, int sig, int timeout, struct err *err)
{
	CLEAN(clean_fd) int pidfd = -1;

	life_forbid_restart(t, c);
	pidfd = open_process(t, c);
	if (pidfd >= 0) {
		if (pidfd_send_signal(pidfd, sig, NULL, 0) < 0 && errno != ESRCH)
			return err_sys(err, "cannot signal container %.12s", c->id);
		/* What is stopped acts on nothing but SIGKILL. */
		if (c->pause_note && sig != SIGKILL)
			pause_lift(t, c, NULL);
		if (pidfd_wait(pidfd,
			       timeout < 0 || timeout > INT_MAX / 1000 ? -1 : timeout * 1000) < 0) {
			pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
			pidfd_wait(pidfd, -1);
		}
	}
	return await_monitor(t, c, sig == SIGKILL, err);
}

int life_stop_as_configured(struct tiffin *t, const struct container *c, const char *timeout,
			    struct err *err)
{
	const json_t *spec = js_obj(c->config, "spec");
	int sig = (int)js_int(spec, "stop_signal"), seconds = (int)js_int(spec, "stop_timeout");

	if (timeout && set_seconds(&seconds, timeout, err) < 0)
		return err_wrap(err, "--time");
	/* It has no program yet that a signal could be for. */
	if (c->status == CONTAINER_INITIALIZED)
		return life_stop(t, c, SIGKILL, -1, err);
	if (!life_is_up(c))
		return 0;
	if (life_stop(t, c, sig > 0 ? sig : SIGTERM, seconds, err) < 0)
		return -1;
	event_container(&t->store, c->config, "stop", NULL);
	return 0;
}

int life_wait(struct tiffin *t, const struct container *c, int *ret_status, struct err *err)
{
	CLEAN(container_done) struct container after = { 0 };
	CLEAN(clean_fd) int sock = -1;
	struct frame f;

	if (life_connect(t, c, &sock, err) == 0) {
		/*
		 * A monitor that has ended meanwhile did not hear us, but has told all who were
		 * connected.
		 */
		frame_send(sock, FRAME_WATCH, NULL, 0, 0);
		if (frame_receive(sock, &f) == (int)sizeof(int) && f.kind == FRAME_EXIT) {
			memcpy(ret_status, f.data, sizeof(int));
			return 0;
		}
	}
	/* There is no monitor, or none any more; a container may live on without. */
	await_end(c);
	*ret_status = container_find(&t->store, c->id, &after, NULL) == 0 ? after.state.exit_code :
									      EXIT_UNKNOWN;
	return 0;
}

int life_open_init(const struct container *c, const char *what, int *ret_pidfd, struct err *err)
{
	int pidfd = c->status == CONTAINER_RUNNING ? proc_open(&c->state.init) : -1;

	if (pidfd < 0)
		return err_set(err, ERR_BUSY,
			       "cannot %s container %s: it is not running: container "
			       "state improper",
			       what, c->name);
	*ret_pidfd = pidfd;
	return 0;
}

void life_release_volumes(struct tiffin *t, const struct container *c)
{
	CLEAN(strv_done) struct strv trash = { 0 };

	volume_release(&t->store, c->config, &trash);
	for (size_t i = 0; i < trash.n; i++)
		helper_remove_trash(&t->store, &t->ids, trash.v[i]);
}

/* So often it is killed that others start again meanwhile. */
#define KILLS_MAX 100

/* Locks one that does not run, or is killed. ERR_NOT_FOUND: it has gone, as one with --rm does. */
static int lock_ended(struct tiffin *t, const struct container *c, bool force,
		      struct container_dir *ret, struct err *err)
{
	for (int kills = 0; kills < KILLS_MAX; kills++) {
		CLEAN(container_dir_done) struct container_dir dir = CONTAINER_DIR_INIT;
		struct err why = { 0 };

		if (container_dir_lock(&t->store, c->id, false, &dir, &why) < 0 &&
		    why.kind != ERR_BUSY) {
			*err = why;
			return -1;
		}
		/*
		 * A first process that changed its user outlives a monitor that was killed:
		 * prctl(2).
		 */
		if (dir.lock >= 0 && !proc_alive(&c->state.init)) {
			*ret = dir;
			dir = (struct container_dir)CONTAINER_DIR_INIT;
			return 0;
		}
		if (!force)
			return err_set(err, ERR_BUSY,
				       "cannot remove container %s as it is running - running or "
				       "paused containers cannot be removed without force: "
				       "container state improper",
				       c->id);
		container_dir_done(&dir);
		if (life_stop(t, c, SIGKILL, -1, err) < 0)
			return -1;
	}
	return monitor_hangs(c, err);
}

int life_remove(struct tiffin *t, const struct container *c, bool force, struct err *err)
{
	CLEAN(container_dir_done) struct container_dir dir = CONTAINER_DIR_INIT;
	char trash[STAGE_NAME_MAX];
	struct err why = { 0 };

	if (lock_ended(t, c, force, &dir, &why) < 0) {
		if (why.kind == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	if (container_remove(&t->store, &dir, c->name, trash, err) < 0)
		return -1;
	event_container(&t->store, c->config, "remove", NULL);
	helper_remove_trash(&t->store, &t->ids, trash);
	if (js_bool(js_obj(c->config, "spec"), "auto_remove"))
		life_release_volumes(t, c);
	return 0;
}
