/*
 * volume mount, unmount: what podman has for volumes that are to be mounted first. Those of the
 * local driver are directories; the first prints where, to be used in a session (tiffin unshare),
 * in which their files have the owners that containers see. The second has nothing to do.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/command.h"
#include "runtime/session.h"
#include "storage/volume.h"

static const struct opt mount_opts[] = { { 0 } };

static int print_each(struct tiffin *t, const struct strv *names, bool path, struct err *err)
{
	int code = 0;

	if (tiffin_open(t, false, err) < 0)
		return -1;
	for (size_t i = 0; i < names->n; i++) {
		CLEAN(volume_done) struct volume v = { 0 };
		struct err why = { 0 };

		if (volume_find(&t->store, names->v[i], &v, &why) == 0) {
			printf("%s\n", path ? v.path : v.name);
			continue;
		}
		report(&why);
		code = EXIT_TIFFIN;
	}
	return code;
}

static int mount_volumes(struct tiffin *t, void *options, const struct strv *operands,
			 struct err *err)
{
	(void)options;
	if (!session_is_here())
		return err_set(err, ERR_USAGE,
			       "cannot run 'tiffin volume mount' outside of a session, must "
			       "execute 'tiffin unshare' first");
	return print_each(t, operands, true, err);
}

static int unmount_volumes(struct tiffin *t, void *options, const struct strv *operands,
			   struct err *err)
{
	(void)options;
	return print_each(t, operands, false, err);
}

const struct command command_volume_mount = {
	.names = "mount",
	.operands = "VOLUME [VOLUME…]",
	.summary = "in a session (unshare): print where volumes are",
	.opts = mount_opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = mount_volumes,
};

const struct command command_volume_unmount = {
	.names = "unmount|umount",
	.operands = "VOLUME [VOLUME…]",
	.summary = "nothing is mounted, and nothing done",
	.opts = mount_opts,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = unmount_volumes,
};
