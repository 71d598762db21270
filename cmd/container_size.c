#include "cmd/container_size.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/driver.h"
#include "runtime/userns.h"
#include "storage/layer.h"
#include "storage/usage.h"

/* In the user namespace, where what subordinate users closed is open. */
struct task {
	const char *path; /* a tree; NULL: what has changed in the copy that the container has */
	const struct rootfs *rootfs;
	int result; /* a pipe */
};

static int add_size(void *arg, const struct change *c, struct err *err)
{
	(void)err;
	if (c->kind != CHANGE_DELETED && (S_ISREG(c->st.st_mode) || S_ISLNK(c->st.st_mode)))
		*(int64_t *)arg += c->st.st_size / (int64_t)(c->st.st_nlink ?: 1);
	return 0;
}

static int measure(void *arg)
{
	const struct task *task = arg;
	int64_t bytes = 0;

	if (task->path ? tree_usage(task->path, &bytes, NULL) < 0 :
			 rootfs_copy.changes(task->rootfs, add_size, &bytes, NULL) < 0)
		return 1;
	return write_all(task->result, &bytes, sizeof(bytes), NULL) < 0;
}

static int measure_as_root(const struct id_map *ids, const char *path, const struct rootfs *rootfs,
			   int64_t *ret, struct err *err)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	struct task task = { .path = path, .rootfs = rootfs };
	int ends[2], code;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	ours = ends[0];
	task.result = theirs = ends[1];
	if (userns_call(ids, measure, &task, &code, err) < 0)
		return -1;
	if (code != 0 || read(ours, ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
		return err_set(err, ERR_SYSTEM, "cannot read all of '%s'",
			       path ?: "the container's files");
	return 0;
}

int tree_size(const struct id_map *ids, const char *path, int64_t *ret, struct err *err)
{
	struct err why = { 0 };

	if (tree_usage(path, ret, &why) == 0 ||
	    (why.kind == ERR_DENIED && measure_as_root(ids, path, NULL, ret, &why) == 0))
		return 0;
	if (err)
		*err = why;
	return -1;
}

static int measure_written(const struct tiffin *t, const struct container *c,
			   const struct rootfs *rootfs, int64_t *ret, struct err *err)
{
	CLEAN(clean_free) char *upper = xasprintf("%s/containers/%s/upper", t->store.root, c->id);
	const struct rootfs_driver *driver;

	if (driver_of(c->config, &driver, err) < 0)
		return -1;
	return driver == &rootfs_copy ? measure_as_root(&t->ids, NULL, rootfs, ret, err) :
					tree_size(&t->ids, upper, ret, err);
}

int container_size(const struct tiffin *t, const struct container *c, struct container_size *ret,
		   struct err *err)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	struct container_size size = { 0 };
	struct store store = t->store;
	const struct rootfs rootfs = { .store = &store, .layers = &layers, .container = c->id };

	js_strv(c->config, "layers", &layers);
	store.single_id = js_bool(c->config, "single_id");
	if (measure_written(t, c, &rootfs, &size.written, err) < 0)
		return -1;
	size.whole = size.written;
	for (size_t i = 0; i < layers.n; i++) {
		struct layer_info info = { 0 };

		layer_read_info(&store, layers.v[i], &info, NULL);
		size.whole += info.diff_size;
	}
	*ret = size;
	return 0;
}
