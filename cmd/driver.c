#include "cmd/driver.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "runtime/userns.h"

/* What it opens says nothing; that it succeeds does. */
static int try_overlay(void *arg, int *ret_fd, struct err *err)
{
	const struct store *s = arg;

	if (rootfs_probe_overlay(s, err) < 0)
		return -1;
	*ret_fd = dup(s->fd);
	return *ret_fd < 0 ? err_sys(err, "cannot pass on a descriptor") : 0;
}

int driver_try_overlay(const struct tiffin *t, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;

	return userns_open(&t->ids, try_overlay, (void *)&t->store, &fd, err);
}

/* Where no namespace can be had at all, nothing was found out about the store. */
static bool says_nothing(const struct err *why)
{
	return why->kind == ERR_DENIED || why->kind == ERR_NO_SPACE;
}

int driver_choose(const struct tiffin *t, const struct rootfs_driver **ret, struct err *err)
{
	const char *named = t->driver ?: getenv("TIFFIN_STORAGE_DRIVER");
	char known[ROOTFS_DRIVER_NAME_MAX];
	const bool recalled = rootfs_driver_recall(&t->store, known);
	const struct rootfs_driver *driver;
	struct err why = { 0 };

	if (named && *named && rootfs_driver_find(named, &driver, err) < 0)
		return -1;
	if ((!named || !*named) && recalled && rootfs_driver_find(known, ret, NULL) == 0)
		return 0;
	if (named && *named && (driver == &rootfs_copy || (recalled && streq(known, named)))) {
		*ret = driver;
		return 0;
	}
	if (driver_try_overlay(t, &why) == 0) {
		*ret = &rootfs_overlay;
	} else if ((named && *named) || says_nothing(&why)) {
		if (err)
			*err = why;
		return -1;
	} else {
		*ret = &rootfs_copy;
	}
	if (!recalled)
		rootfs_driver_remember(&t->store, (*ret)->name);
	return 0;
}

int driver_of(const json_t *record, const struct rootfs_driver **ret, struct err *err)
{
	if (js_str(record, "rootfs")) {
		*ret = &rootfs_directory;
		return 0;
	}
	return rootfs_driver_find(js_str(record, "driver") ?: rootfs_overlay.name, ret, err);
}

static int look(void *arg, int *ret_fd, struct err *err)
{
	return rootfs_copy.view(arg, ret_fd, err);
}

static bool has_copy(const struct rootfs *r)
{
	CLEAN(clean_free) char *path = xasprintf("%s/root", r->container);

	return faccessat(r->store->containers, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int driver_prepare(const struct tiffin *t, const struct rootfs_driver *driver,
		   const struct rootfs *r, struct err *err)
{
	CLEAN(clean_fd) int root = -1;

	if (driver->prepare(r, err) < 0)
		return -1;
	if (driver != &rootfs_copy || !t->ids.single || has_copy(r))
		return 0;
	return userns_open(&t->ids, look, (void *)r, &root, err);
}
