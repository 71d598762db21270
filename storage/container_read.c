#include "storage/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

#define MAX_RECORD (16u << 20)

void container_done(struct container *c)
{
	free(c->name);
	free(c->image);
	free(c->image_id);
	json_decref(c->config);
	json_decref(c->health);
	json_decref(c->state.ports);
	json_decref(c->pause_note);
	*c = (struct container){ 0 };
}

void container_list_done(struct container *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		container_done(&list[i]);
	free(list);
}

static void proc_to_json(const struct proc_id *id, json_t *j)
{
	js_set_int(j, "pid", id->pid);
	js_set_int(j, "start", (int64_t)id->start);
	js_set_str(j, "boot", id->boot);
}

static void proc_from_json(const json_t *j, struct proc_id *ret)
{
	*ret = (struct proc_id){ .pid = (pid_t)js_int(j, "pid"), .start = (uint64_t)js_int(j, "start") };
	snprintf(ret->boot, sizeof(ret->boot), "%s", js_str(j, "boot") ?: "");
}

static void state_to_json(const struct container_state *state, json_t *j)
{
	json_t *monitor = json_object();

	proc_to_json(&state->init, j);
	proc_to_json(&state->monitor, monitor);
	json_object_set_new(j, "monitor", monitor);
	js_set_int(j, "started", state->started);
	js_set_int(j, "finished", state->finished);
	js_set_int(j, "exit_code", state->exit_code);
	js_set_int(j, "restarts", state->restarts);
	js_set_bool(j, "initialized", state->initialized);
	js_set_bool(j, "restarting", state->restarting);
	js_set_bool(j, "stopped", state->stopped);
	js_set_bool(j, "network_lost", state->network_lost);
	js_set_bool(j, "unsupervised", state->unsupervised);
	if (state->ports)
		json_object_set(j, "ports", state->ports);
}

static void state_from_json(const json_t *j, struct container_state *ret)
{
	*ret = (struct container_state){
		.started = js_int(j, "started"),
		.finished = js_int(j, "finished"),
		.exit_code = (int)js_int(j, "exit_code"),
		.restarts = (int)js_int(j, "restarts"),
		.initialized = js_bool(j, "initialized"),
		.restarting = js_bool(j, "restarting"),
		.stopped = js_bool(j, "stopped"),
		.network_lost = js_bool(j, "network_lost"),
		.unsupervised = js_bool(j, "unsupervised"),
		.ports = json_incref(js_arr(j, "ports")),
	};
	proc_from_json(j, &ret->init);
	proc_from_json(js_obj(j, "monitor"), &ret->monitor);
}

int container_save_state(const struct container_dir *d, const struct container_state *state,
			 struct err *err)
{
	CLEAN(clean_json) json_t *j = json_object();
	CLEAN(clean_free) char *text = NULL;

	state_to_json(state, j);
	text = js_dump(j);
	return file_replace_at(d->fd, "state", text, strlen(text), 0600, RELAXED, err);
}

void container_save_health(const struct container_dir *d, const json_t *health)
{
	CLEAN(clean_free) char *text = js_dump(health);

	/* On a full disk the last result stays: the container goes on without it. */
	file_replace_at(d->fd, "health", text, strlen(text), 0600, RELAXED, NULL);
}

void container_clear_state(const struct container_dir *d)
{
	unlinkat(d->fd, "state", 0);
}

/* What the state means now: see "Running is not stored" above. */
static void derive_status(struct container *c, const char *boot)
{
	if (c->state.started == 0)
		c->status = c->state.initialized && proc_alive_in(&c->state.init, boot) ? CONTAINER_INITIALIZED :
										 CONTAINER_CREATED;
	/* As long as its monitor has not said how it ended, it counts as running. */
	else if (c->state.finished == 0 &&
		 (proc_alive_in(&c->state.init, boot) || proc_alive_in(&c->state.monitor, boot)))
		c->status = CONTAINER_RUNNING;
	else if (c->state.restarting && proc_alive_in(&c->state.monitor, boot))
		c->status = CONTAINER_RESTARTING;
	else
		c->status = CONTAINER_EXITED;
	if (c->status == CONTAINER_EXITED && c->state.finished == 0)
		c->state.exit_code = EXIT_UNKNOWN;
}

static int read_json(int dirfd, const char *id, const char *file, json_t **ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	char path[CONTAINER_ID_LEN + 16];

	snprintf(path, sizeof(path), "%s/%s", id, file);
	if (file_read_at(dirfd, path, MAX_RECORD, &text, err) < 0)
		return -1;
	return js_parse_own(text.data, text.len, ret, err);
}

int container_read_name(int dirfd, const char *id, char **ret)
{
	CLEAN(clean_json) json_t *config = NULL;

	if (read_json(dirfd, id, "config", &config, NULL) < 0)
		return -1;
	*ret = xstrdup(js_str(config, "name") ?: "");
	return 0;
}

/* Of this run, that is: an older note means nothing. */
static void read_pause(const struct store *s, struct container *c)
{
	uint64_t start;
	char state;

	if (read_json(s->containers, c->id, "paused", &c->pause_note, NULL) < 0)
		return;
	if (!container_is_of_run(c, c->pause_note)) {
		json_decref(c->pause_note);
		c->pause_note = NULL;
		return;
	}
	c->paused = js_bool(c->pause_note, "whole") &&
		    proc_read_stat(c->state.init.pid, &start, &state) == 0 &&
		    start == c->state.init.start && (state == 'T' || state == 't');
}

static int load(const struct store *s, const char *id, const char *boot, struct container *ret,
		struct err *err)
{
	CLEAN(clean_json) json_t *state = NULL;
	struct container c = { 0 };

	if (read_json(s->containers, id, "config", &c.config, err) < 0)
		return -1;
	snprintf(c.id, sizeof(c.id), "%s", id);
	c.name = xstrdup(js_str(c.config, "name") ?: "");
	c.image = xstrdup(js_str(c.config, "image") ?: "");
	c.image_id = xstrdup(js_str(c.config, "image_id") ?: "");
	c.created = js_int(c.config, "created");
	read_json(s->containers, id, "state", &state, NULL);
	state_from_json(state, &c.state);
	if (js_obj(js_obj(c.config, "spec"), "health"))
		read_json(s->containers, id, "health", &c.health, NULL);
	derive_status(&c, boot);
	if (c.status == CONTAINER_RUNNING)
		read_pause(s, &c);
	*ret = c;
	return 0;
}

int container_find(const struct store *s, const char *name_or_id, struct container *ret,
		   struct err *err)
{
	char target[CONTAINER_ID_LEN + 1], boot[PROC_BOOT_LEN];
	CLEAN(clean_dir) DIR *dir = NULL;
	CLEAN(strv_done) struct strv found = { 0 };
	struct dirent *e;
	ssize_t n = -1;
	int fd;

	proc_boot(boot);
	if (container_name_valid(name_or_id))
		n = readlinkat(s->names, name_or_id, target, sizeof(target) - 1);
	if (n == CONTAINER_ID_LEN) {
		target[n] = '\0';
		if (container_id_valid(target) && load(s, target, boot, ret, NULL) == 0)
			return 0;
	}
	if (container_id_valid(name_or_id) && load(s, name_or_id, boot, ret, NULL) == 0)
		return 0;
	fd = openat(s->containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (*name_or_id && dir && (e = readdir(dir)))
		if (container_id_valid(e->d_name) && starts_with(e->d_name, name_or_id))
			strv_add(&found, e->d_name);
	if (found.n > 1)
		return err_set(err, ERR_USAGE, "\"%s\" fits several containers: %.12s, %.12s%s",
			       name_or_id, found.v[0], found.v[1], found.n > 2 ? ", …" : "");
	if (found.n == 1 && load(s, found.v[0], boot, ret, NULL) == 0)
		return 0;
	return err_set(err, ERR_NOT_FOUND,
		       "no container with name or ID \"%s\" found: no such container", name_or_id);
}

static int newest_first(const void *a, const void *b)
{
	const struct container *x = a, *y = b;

	return x->created < y->created ? 1 : x->created > y->created ? -1 : strcmp(x->id, y->id);
}

int container_list(const struct store *s, struct container **ret, size_t *ret_n, struct err *err)
{
	int fd = openat(s->containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct container *list = NULL;
	char boot[PROC_BOOT_LEN];
	struct dirent *e;
	size_t n = 0;

	if (!dir)
		return err_sys(err, "cannot list the store's containers");
	proc_boot(boot);
	while ((e = readdir(dir))) {
		struct container c;
		struct err why = { 0 };

		if (!container_id_valid(e->d_name))
			continue;
		if (load(s, e->d_name, boot, &c, &why) < 0) {
			/* One without a config is in the making, or being removed. */
			if (why.kind == ERR_NOT_FOUND || why.kind == ERR_CORRUPT)
				continue;
			container_list_done(list, n);
			if (err)
				*err = why;
			return -1;
		}
		list = xrealloc(list, (n + 1) * sizeof(*list));
		list[n++] = c;
	}
	if (n)
		qsort(list, n, sizeof(*list), newest_first);
	*ret = list;
	*ret_n = n;
	return 0;
}
