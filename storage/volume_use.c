#include "storage/volume_use.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/tree_copy.h"

static int open_home(const struct store *s, const char *name, int *ret_fd, struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("volumes/%s", name);

	*ret_fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? err_sys(err, "cannot open volume %s", name) : 0;
}

static bool is_empty(int home)
{
	int fd = openat(home, "_data", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			return false;
	return dir != NULL;
}

/* -1 in *ret: the image has no directory there. Its symlinks are followed within the root. */
static int open_source(int root, const char *place, int *ret, struct err *err)
{
	*ret = open_resolved(root, place, O_RDONLY | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
	if (*ret < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_sys(err, "the image's '%s'", place);
	return 0;
}

/* One that lasts is on the disk before it counts; any other lasts no longer than its container. */
static int copy(int home, int source, bool lasts, struct err *err)
{
	CLEAN(clean_fd) int to = -1;

	if (tree_remove_at(home, "copying", err) < 0)
		return -1;
	if (mkdirat(home, "copying", 0700) < 0)
		return err_sys(err, "cannot create 'copying'");
	to = openat(home, "copying", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (to < 0)
		return err_sys(err, "cannot open 'copying'");
	if (tree_copy(source, to, err) < 0)
		return -1;
	if (lasts && syncfs(to) < 0)
		return err_sys(err, "cannot sync it");
	if (renameat(home, "copying", home, "_data") < 0 && errno != ENOTEMPTY && errno != EEXIST)
		return err_sys(err, "cannot put it in place");
	return lasts ? dir_sync(home, err) : 0;
}

static int give(int home, const struct owner *owner, struct err *err)
{
	if (owner && fchownat(home, "_data", owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "cannot give it its owner");
	return 0;
}

static int settle(const struct store *s, const struct volume *v, int root, const char *place,
		  bool no_copy, const struct owner *owner, struct err *err)
{
	CLEAN(clean_fd) int home = -1;
	CLEAN(clean_fd) int lock = -1;
	CLEAN(clean_fd) int source = -1;
	int result = 0;

	if (open_home(s, v->name, &home, err) < 0 ||
	    file_lock_at(home, "lock", LOCK_EXCLUSIVE, true, &lock, err) < 0)
		return -1;
	/* Who had the lock before us has done it. */
	if (faccessat(home, "fresh", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!no_copy && open_source(root, place, &source, err) < 0)
		return -1;
	if (is_empty(home))
		result = source >= 0 ? copy(home, source, !v->anonymous, err) :
				       give(home, owner, err);
	if (result < 0)
		err_wrap(err, "cannot copy the image's '%s' to volume %s", place, v->name);
	tree_remove_at(home, "copying", NULL);
	if (result == 0 && unlinkat(home, "fresh", 0) < 0)
		return err_sys(err, "volume %s", v->name);
	return result;
}

int volume_use(const struct store *s, const char *name, int root, const char *place, bool no_copy,
	       const struct owner *owner, int *ret_fd, struct err *err)
{
	CLEAN(volume_done) struct volume v = { 0 };
	int fd;

	if (volume_find(s, name, &v, err) < 0 ||
	    (v.fresh && !v.elsewhere && settle(s, &v, root, place, no_copy, owner, err) < 0))
		return -1;
	/* By its path: what is mounted has to be of this mount namespace. */
	fd = open(v.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "volume %s: '%s'", v.name, v.path);
	*ret_fd = fd;
	return 0;
}

int volume_lock(const struct store *s, const char *name, int *ret_lock, struct err *err)
{
	CLEAN(clean_fd) int home = -1;

	if (open_home(s, name, &home, err) < 0)
		return -1;
	return file_lock_at(home, "lock", LOCK_EXCLUSIVE, true, ret_lock, err);
}

int volume_set_used(const struct store *s, const char *name, struct err *err)
{
	CLEAN(clean_fd) int home = -1;

	if (open_home(s, name, &home, err) < 0)
		return -1;
	if (unlinkat(home, "fresh", 0) < 0 && errno != ENOENT)
		return err_sys(err, "volume %s", name);
	return 0;
}
