#include "storage/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define LAYOUT "tiffin store 1\n"

int store_default_root(char **ret, struct err *err)
{
	const char *dir;

	if ((dir = getenv("TIFFIN_ROOT")) && *dir)
		*ret = xstrdup(dir);
	else if ((dir = getenv("XDG_DATA_HOME")) && *dir == '/')
		*ret = xasprintf("%s/tiffin", dir);
	else if ((dir = getenv("HOME")) && *dir == '/')
		*ret = xasprintf("%s/.local/share/tiffin", dir);
	else {
		err_set(err, ERR_USAGE, "cannot tell where the store is: HOME is not set");
		return err_hint(err, "set HOME, or name a directory with --root or TIFFIN_ROOT");
	}
	return 0;
}

/* A directory of somebody else's is refused: whoever can write to the store runs as us. */
static int check_owner(const struct store *s, struct err *err)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return err_sys(err, "cannot look at the store '%s'", s->root);
	if (st.st_uid != geteuid()) {
		err_set(err, ERR_DENIED, "the store '%s' belongs to user %u, not to you", s->root,
			st.st_uid);
		return err_hint(err, "name a directory of your own with --root or TIFFIN_ROOT");
	}
	if ((st.st_mode & 0777) != 0700 && fchmod(s->fd, 0700) < 0)
		return err_sys(err, "cannot make the store '%s' private", s->root);
	return 0;
}

static int check_layout(const struct store *s, struct err *err)
{
	CLEAN(buf_done) struct buf layout = { 0 };
	struct err why = { 0 };

	if (file_read_at(s->fd, "layout", 256, &layout, &why) == 0) {
		if (streq(buf_str(&layout), LAYOUT))
			return 0;
		err_set(err, ERR_UNSUPPORTED, "'%s' is not a store that this tiffin can read",
			s->root);
		return err_hint(err, "another version of tiffin may have written it; "
				     "name another directory with --root");
	}
	if (why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	return file_replace_at(s->fd, "layout", LAYOUT, strlen(LAYOUT), 0600, DURABLE, err);
}

int store_open(const char *root, struct store *ret, struct err *err)
{
	CLEAN(store_done) struct store s = STORE_INIT;
	const struct {
		const char *name;
		int *fd;
	} dirs[] = {
		{ "layers", &s.layers }, { "images", &s.images }, { "containers", &s.containers },
		{ "names", &s.names },	 { "locks", &s.locks },	  { "tmp", &s.tmp },
	};

	if (!*root)
		return err_set(err, ERR_USAGE, "the name of the store's directory is empty");
	if (*root == '/') {
		s.root = xstrdup(root);
	} else {
		CLEAN(clean_free) char *cwd = getcwd(NULL, 0);

		if (!cwd)
			return err_sys(err, "cannot tell the working directory");
		s.root = xasprintf("%s/%s", cwd, root);
	}
	s.fd = open(s.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.fd < 0 && errno == ENOENT) {
		if (dir_ensure(s.root, 0700, err) < 0)
			return err_wrap(err, "cannot make the store");
		s.fd = open(s.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s.fd < 0)
		return err_sys(err, "cannot open the store '%s'", s.root);
	if (check_owner(&s, err) < 0 || check_layout(&s, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (dir_open_or_make_at(s.fd, dirs[i].name, 0700, dirs[i].fd, err) < 0)
			return err_wrap(err, "the store '%s'", s.root);
	*ret = s;
	s = (struct store)STORE_INIT;
	return 0;
}

void store_done(struct store *s)
{
	const int fds[] = {
		s->fd, s->layers, s->images, s->containers, s->names, s->locks, s->tmp
	};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(s->root);
	*s = (struct store)STORE_INIT;
}

/* The lock of a stage is a file beside it: tmp/<hex> and tmp/<hex>.lock. */
int store_stage(const struct store *s, char ret_name[STAGE_NAME_MAX], int *ret_fd, int *ret_lock,
		struct err *err)
{
	char name[33], lock_name[STAGE_NAME_MAX];
	CLEAN(clean_fd) int lock = -1;

	random_hex(name, 16);
	snprintf(lock_name, sizeof(lock_name), "%s.lock", name);
	if (file_lock_at(s->tmp, lock_name, LOCK_EXCLUSIVE, true, &lock, err) < 0)
		return -1;
	if (dir_open_or_make_at(s->tmp, name, 0700, ret_fd, err) < 0) {
		file_lock_remove_at(s->tmp, lock_name);
		return -1;
	}
	snprintf(ret_name, STAGE_NAME_MAX, "%s", name);
	*ret_lock = fd_take(&lock);
	return 0;
}

void store_unstage(const struct store *s, const char *name)
{
	char lock_name[STAGE_NAME_MAX];

	tree_remove_at(s->tmp, name, NULL);
	snprintf(lock_name, sizeof(lock_name), "%.32s.lock", name);
	file_lock_remove_at(s->tmp, lock_name);
}

int store_trash(const struct store *s, int dirfd, const char *name, char ret_name[STAGE_NAME_MAX],
		struct err *err)
{
	random_hex(ret_name, 16);
	if (renameat(dirfd, name, s->tmp, ret_name) < 0)
		return err_sys(err, "cannot remove '%s'", name);
	return 0;
}

/* A stage's lock is free, or there is none (trash): nobody works on it. Holds the lock if any. */
static bool is_abandoned(const struct store *s, const char *name, int *ret_lock)
{
	char lock_name[STAGE_NAME_MAX];

	snprintf(lock_name, sizeof(lock_name), "%.32s.lock", name);
	if (faccessat(s->tmp, lock_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	return file_lock_at(s->tmp, lock_name, LOCK_EXCLUSIVE, false, ret_lock, NULL) == 0;
}

int store_find_abandoned(const struct store *s, struct strv *ret, struct err *err)
{
	int fd = openat(s->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return err_sys(err, "cannot list what is in the making");
	while ((e = readdir(dir))) {
		CLEAN(clean_fd) int lock = -1;

		if (e->d_name[0] != '.' && is_abandoned(s, e->d_name, &lock))
			strv_add(ret, e->d_name);
	}
	return 0;
}

void store_sweep(const struct store *s,
		 int (*remove_tree)(const struct store *s, const char *name, void *arg), void *arg)
{
	int fd = openat(s->tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char lock_name[STAGE_NAME_MAX];
		CLEAN(clean_fd) int lock = -1;

		if (e->d_name[0] == '.' || !is_abandoned(s, e->d_name, &lock))
			continue;
		if (!ends_with(e->d_name, ".lock") &&
		    (remove_tree ? remove_tree(s, e->d_name, arg) :
				   tree_remove_at(s->tmp, e->d_name, NULL)) < 0)
			continue;
		snprintf(lock_name, sizeof(lock_name), "%.32s.lock", e->d_name);
		file_lock_remove_at(s->tmp, lock_name);
	}
}
