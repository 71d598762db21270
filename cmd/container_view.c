#include "cmd/container_view.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_ids.h"
#include "runtime/userns.h"
#include "storage/owners.h"

struct view {
	struct rootfs rootfs;
	const struct rootfs_driver *driver;
};

static int open_view(void *arg, int *ret_fd, struct err *err)
{
	const struct view *v = arg;

	return v->driver->view(&v->rootfs, ret_fd, err);
}

int container_view(struct tiffin *t, const struct container *c, int *ret_fd, struct err *err)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	CLEAN(clean_free) struct id_mapping *mapping = NULL;
	struct view view = {
		.rootfs = { .store = &t->store, .layers = &layers, .container = c->id },
	};

	if (js_str(c->config, "rootfs"))
		return err_set(err, ERR_UNSUPPORTED,
			       "container %s has a directory for its root, which is "
			       "not exported: '%s'",
			       c->name, js_str(c->config, "rootfs"));
	js_strv(c->config, "layers", &layers);
	if (container_ids_open(t, c->config, &view.rootfs, &view.driver, &mapping, err) < 0 ||
	    userns_open(&t->ids, open_view, &view, ret_fd, err) < 0)
		return err_wrap(err, "cannot mount the file system of '%s'", c->name);
	return 0;
}

bool container_owners(const struct tiffin *t, const struct container *c, struct buf *ret)
{
	CLEAN(strv_done) struct strv layers = { 0 };

	if (!t->ids.single)
		return false;
	js_strv(c->config, "layers", &layers);
	owners_read(&t->store, &layers, c->id, ret);
	return true;
}
