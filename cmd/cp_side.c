#include "cmd/cp_side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/container_ids.h"
#include "cmd/mount_source.h"
#include "runtime/enter.h"
#include "runtime/spec.h"
#include "runtime/userns.h"
#include "runtime/volumes.h"

void cp_side_done(struct cp_side *s)
{
	free(s->path);
	container_done(&s->c);
	container_dir_done(&s->lock);
}

/* It runs, or nobody can have it run as long as we are at it. */
static int settle(struct tiffin *t, struct cp_side *s, struct err *err)
{
	struct err why = { 0 };

	for (;;) {
		CLEAN(clean_free) char *id = xstrdup(s->c.id);

		if (s->c.status == CONTAINER_RUNNING || s->c.status == CONTAINER_INITIALIZED)
			return 0;
		if (container_dir_lock(&t->store, s->c.id, false, &s->lock, &why) == 0)
			return 0;
		if (why.kind != ERR_BUSY) {
			*err = why;
			return -1;
		}
		/* It is about to start, or to end. */
		usleep(5000);
		container_done(&s->c);
		s->c = (struct container){ 0 };
		if (container_find(&t->store, id, &s->c, err) < 0)
			return -1;
	}
}

int cp_side_parse(struct tiffin *t, const char *text, struct cp_side *ret, struct err *err)
{
	const char *colon = strchr(text, ':');
	CLEAN(clean_free) char *name = NULL;

	if (*text == '/' || *text == '.' || !colon || colon == text) {
		ret->path = xstrdup(text);
		return *text ? 0 : err_set(err, ERR_USAGE, "a path is empty");
	}
	name = xstrndup(text, (size_t)(colon - text));
	ret->is_container = true;
	ret->path = xstrdup(colon[1] ? colon + 1 : "/");
	return container_find(&t->store, name, &ret->c, err) < 0 ? -1 : settle(t, ret, err);
}

int cp_side_err(const struct cp_side *s, struct err *err)
{
	if (err->sys != ENOENT)
		return err_wrap(err, s->is_container ? "container %s" : "%s",
				s->is_container ? s->c.name : "the host");
	if (s->is_container)
		return err_set(err, ERR_NOT_FOUND,
			       "\"%s\" could not be found on container %s: no such file "
			       "or directory",
			       s->path, s->c.name);
	return err_set(err, ERR_NOT_FOUND,
		       "\"%s\" could not be found on the host: no such file or directory", s->path);
}

struct task {
	struct tiffin *t;
	const struct cp_side *side;
	cp_work *work;
	void *arg;
};

struct volumes {
	const struct store *store;
	const char *id;
	const struct container_spec *spec;
};

static int open_volume(void *arg, size_t index, int root, int *ret_fd, struct err *err)
{
	const struct volumes *v = arg;

	return mount_source_open(v->store, v->id, index, &v->spec->mounts[index], root, NULL,
				 ret_fd, err);
}

static int mount_stopped(const struct task *task, int *ret_root, struct id_mapping **ret_mapping,
			 struct err *err)
{
	const json_t *record = task->side->c.config;
	CLEAN(container_spec_done) struct container_spec spec = { 0 };
	CLEAN(strv_done) struct strv layers = { 0 };
	const struct rootfs_driver *driver;
	struct rootfs rootfs = {
		.store = &task->t->store,
		.layers = &layers,
		.container = task->side->c.id,
		.directory = js_str(record, "rootfs"),
		.discard = js_bool(record, "rootfs_overlay"),
	};
	struct volumes volumes = { &task->t->store, task->side->c.id, &spec };
	CLEAN(clean_fd) int root = -1;

	js_strv(record, "layers", &layers);
	if (container_ids_open(task->t, record, &rootfs, &driver, ret_mapping, err) < 0 ||
	    container_spec_from_json(js_obj(record, "spec"), &spec, err) < 0 ||
	    driver->prepare(&rootfs, err) < 0 || driver->mount(&rootfs, &root, err) < 0 ||
	    volumes_attach(root, &spec, open_volume, &volumes, err) < 0)
		return err_wrap(err, "cannot mount the file system");
	*ret_root = fd_take(&root);
	return 0;
}

struct mounted {
	const struct task *task;
	int root;
};

/* See userns_open: what it gives has to be a descriptor, and nobody wants it. */
static int work_on_mounted(void *arg, int *ret_fd, struct err *err)
{
	const struct mounted *m = arg;

	if (m->task->work(m->root, m->task->arg, err) < 0)
		return -1;
	*ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(err, "/dev/null") : 0;
}

/* Whose IDs are not the store's is worked on in a namespace of its own IDs within. */
static int work_on_stopped(void *arg, int *ret_fd, struct err *err)
{
	const struct task *task = arg;
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	CLEAN(clean_fd) int root = -1;
	struct mounted mounted = { .task = task };
	struct id_map inner;

	if (mount_stopped(task, &root, &mapping, err) < 0)
		return -1;
	mounted.root = root;
	if (!container_ids_within(task->t, mapping))
		return work_on_mounted(&mounted, ret_fd, err);
	if (container_ids_inner(task->t, mapping, &inner, err) < 0)
		return -1;
	return userns_open(&inner, work_on_mounted, &mounted, ret_fd, err);
}

/* What takes a namespace of its own, and can't be had from within another. */
static int prepare_stopped(const struct task *task, struct err *err)
{
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	CLEAN(strv_done) struct strv layers = { 0 };
	struct rootfs rootfs = { .store = &task->t->store, .layers = &layers };
	const struct rootfs_driver *driver;

	js_strv(task->side->c.config, "layers", &layers);
	return container_ids_open(task->t, task->side->c.config, &rootfs, &driver, &mapping, err);
}

static int do_work(const struct task *task, struct err *err)
{
	const struct cp_side *s = task->side;
	CLEAN(clean_fd) int fd = -1;

	if (!s->is_container)
		return task->work(-1, task->arg, err);
	if (s->lock.lock < 0)
		return enter_as_root(&s->c.state.init, &fd, err) < 0 ?
			       -1 :
			       task->work(fd, task->arg, err);
	if (prepare_stopped(task, err) < 0)
		return -1;
	return userns_open(&task->t->ids, work_on_stopped, (void *)task, &fd, err);
}

int cp_agent_start(struct tiffin *t, const struct cp_side *side, cp_work *work, void *arg,
		   int other, struct cp_agent *ret, struct err *err)
{
	const struct task task = { .t = t, .side = side, .work = work, .arg = arg };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	pid = fork();
	if (pid == 0) {
		struct err why = { 0 };

		/* Else the end of the other side would never be seen. */
		clean_fd(&other);
		close(ends[0]);
		umask(0);
		if (do_work(&task, &why) < 0)
			write_all(ends[1], &why, sizeof(why), NULL);
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_sys(err, "cannot fork");
	}
	*ret = (struct cp_agent){ .pid = pid, .report = ends[0] };
	return 0;
}

int cp_agent_wait(struct cp_agent *a, struct err *err)
{
	CLEAN(clean_fd) int report = a->report;
	struct err why = { 0 };
	ssize_t n;
	int code;

	a->report = -1;
	n = read(report, &why, sizeof(why));
	code = proc_reap(a->pid);
	if (n == 0 && code == 0)
		return 0;
	if (n != (ssize_t)sizeof(why))
		return err_set(err, ERR_SYSTEM, "the process that copies ended with status %d",
			       code);
	*err = why;
	return -1;
}
