#include "cmd/mount_source.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "storage/overlay_mount.h"
#include "storage/volume_use.h"

static int open_below(const struct store *s, const struct mount_spec *m, int root,
		      const struct owner *owner, int *ret_fd, struct err *err)
{
	if (m->kind == MOUNT_VOLUME)
		return volume_use(s, m->name, root, m->target, m->no_copy, owner, ret_fd, err);
	if (m->kind == MOUNT_IMAGE)
		return 0;
	*ret_fd = open(m->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(err, "'%s'", m->source) : 0;
}

int mount_source_open(const struct store *s, const char *container, size_t number,
		      const struct mount_spec *m, int root, const struct owner *owner, int *ret_fd,
		      struct err *err)
{
	CLEAN(clean_fd) int below = -1;
	struct overlay_mount o = {
		.store = s,
		.container = container,
		.number = number,
		.layers = &m->layers,
		.read_only = m->kind == MOUNT_IMAGE && !m->overlay,
		.upper = m->upper,
		.work = m->work,
	};

	if (open_below(s, m, root, owner, &below, err) < 0)
		return -1;
	if (m->kind != MOUNT_IMAGE && !m->overlay) {
		*ret_fd = fd_take(&below);
		return 0;
	}
	o.lower = below;
	return overlay_mount(&o, ret_fd, err);
}
