#include "cmd/start_monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/namespace_options.h"
#include "cmd/start.h"
#include "runtime/monitor.h"
#include "storage/overlay_mount.h"
#include "storage/volume.h"

static int started(void *arg, pid_t pid, struct err *err)
{
	struct start *s = arg;
	bool prepared = s->hold;

	/* Of one that is held we hear twice. */
	s->hold = false;
	tiffin_set_title(s->t, "tiffin: monitor of %s", s->name);
	json_decref(s->state.ports);
	s->state = (struct container_state){
		.initialized = prepared,
		.started = prepared ? 0 : now_realtime(),
		.restarts = s->state.restarts + s->state.restarting,
		.ports = port_list_to_json(&s->ports),
	};
	if (proc_identify(pid, &s->state.init, err) < 0 ||
	    proc_identify(getpid(), &s->state.monitor, err) < 0 ||
	    service_write_pids(&s->service, pid, err) < 0)
		return -1;
	return container_save_state(&s->dir, &s->state, err);
}

/* ps(1) is to show nobody the command line that we were forked from. */
static char *keeper_title(void *arg)
{
	const struct start *s = arg;
	char *title = xasprintf("tiffin: keeper of %s", s->name);

	tiffin_set_title(s->t, "%s", title);
	return title;
}

static int open_listener(void *arg, int *ret_fd, struct err *err)
{
	return container_listen(&((struct start *)arg)->dir, CONTAINER_ATTACH, ret_fd, err);
}

static void running(void *arg, bool unsupervised)
{
	struct start *s = arg;

	s->state.unsupervised = unsupervised;
	if (unsupervised)
		container_save_state(&s->dir, &s->state, NULL);
	event_container(&s->t->store, s->record, "start", NULL);
	service_notify(&s->service);
}

static void health(void *arg, const struct health *h, bool changed)
{
	struct start *s = arg;
	CLEAN(clean_json) json_t *j = health_to_json(h);

	container_save_health(&s->dir, j);
	if (changed)
		event_container(&s->t->store, s->record, "health_status", "health_status",
				health_status_name(h->status), NULL);
}

/* It may have another name by now. */
static void follow_rename(struct start *s)
{
	char *name = NULL;

	if (container_has_name(&s->t->store, s->dir.id, s->name) ||
	    container_read_name(s->t->store.containers, s->dir.id, &name) < 0)
		return;
	free(s->name);
	s->name = name;
	js_set_str(s->record, "name", name);
}

static void tell_death(struct start *s, int exit_code)
{
	char code[16];

	follow_rename(s);
	snprintf(code, sizeof(code), "%d", exit_code);
	event_container(&s->t->store, s->record, "died", "exitCode", code, NULL);
}

/* The ports stay ours, so that nobody else takes them meanwhile. */
static void restarting(void *arg, int exit_code)
{
	struct start *s = arg;

	start_network_stop(s);
	start_network_reap(s);
	s->state.finished = now_realtime();
	s->state.exit_code = exit_code;
	s->state.restarting = true;
	tell_death(s, exit_code);
	container_save_state(&s->dir, &s->state, NULL);
}

static int find_donors(void *arg, int donors[NS_KINDS], struct err *err)
{
	const struct start *s = arg;

	for (int k = 0; k < NS_KINDS; k++)
		clean_fd(&donors[k]);
	return namespaces_open(s->t, s->spec.ns, donors, err);
}

/* Its ports are to be free when the container counts as ended: for restart. */
static void stop_network(struct start *s)
{
	port_list_close(&s->ports);
	start_network_stop(s);
}

/* What its overlays have taken is nobody's any more. */
static void drop_overlays(struct start *s)
{
	char trash[STAGE_NAME_MAX] = "";

	for (size_t i = 0; i < s->spec.n_mounts && !trash[0]; i++)
		if (s->spec.mounts[i].overlay)
			overlay_mount_drop(&s->t->store, s->dir.fd, trash);
	if (trash[0])
		strv_add(&s->more_trash, trash);
}

/* Out of the store; what can take long is left for closing(). */
static void take_away(struct start *s)
{
	if (container_remove(&s->t->store, &s->dir, s->name, s->trash, NULL) < 0) {
		s->trash[0] = '\0';
		return;
	}
	event_container(&s->t->store, s->record, "remove", NULL);
	volume_release(&s->t->store, s->record, &s->more_trash);
}

static void exited(void *arg, int exit_code, bool by_user)
{
	struct start *s = arg;

	stop_network(s);
	s->state.finished = now_realtime();
	s->state.exit_code = exit_code;
	tell_death(s, exit_code);
	s->state.restarting = false;
	s->state.stopped = by_user;
	drop_overlays(s);
	if (s->spec.auto_remove)
		take_away(s);
	else
		container_save_state(&s->dir, &s->state, NULL);
	/* Whoever waited for it to end may go on: rm, start. */
	file_unlock(&s->dir.lock);
}

/* Beyond what anybody waits for: the kernel takes 20 ms and more to unregister the interface. */
static void closing(void *arg)
{
	struct start *s = arg;

	if (s->trash[0])
		helper_remove_trash(&s->t->store, &s->t->ids, s->trash);
	for (size_t i = 0; i < s->more_trash.n; i++)
		helper_remove_trash(&s->t->store, &s->t->ids, s->more_trash.v[i]);
	start_network_reap(s);
}

static void failed(void *arg)
{
	struct start *s = arg;

	stop_network(s);
	if (s->remove_failed)
		take_away(s);
	else
		container_clear_state(&s->dir);
	file_unlock(&s->dir.lock);
	closing(s);
}

void start_discard(struct start *s)
{
	take_away(s);
	closing(s);
}

void start_monitor_calls(struct monitor *m)
{
	m->launch.network_start = start_network;
	m->launch.started = started;
	m->launch.keeper_title = keeper_title;
	m->open_listener = open_listener;
	m->find_donors = find_donors;
	m->running = running;
	m->health = health;
	m->restarting = restarting;
	m->network_fd = start_network_fd;
	m->network_news = start_network_news;
	m->network_reload = start_network_reload;
	m->exited = exited;
	m->closing = closing;
	m->failed = failed;
}
