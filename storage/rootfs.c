#include "storage/rootfs.h"

#include "base/cleanup.h"

static const struct rootfs_driver *const drivers[] = {
	&rootfs_overlay,
};

int rootfs_driver_find(const char *name, const struct rootfs_driver **ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (!name || streq(name, drivers[i]->name)) {
			*ret = drivers[i];
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "there is no storage driver '%s'", name);
}
