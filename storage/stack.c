#include "storage/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "storage/layer.h"
#include "storage/rootfs.h"

#define OPAQUE	 "user.overlay.opaque"
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void stack_done(struct stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		close(s->fds[i]);
	free(s->fds);
	*s = (struct stack){ 0 };
}

static void add(struct stack *s, int fd)
{
	s->fds = xrealloc(s->fds, (s->n + 1) * sizeof(*s->fds));
	s->fds[s->n++] = fd;
}

void stack_add_own(struct stack *s, int fd)
{
	add(s, fd);
	s->own = s->n;
}

static bool may_have_marks(const struct store *s)
{
	char driver[ROOTFS_DRIVER_NAME_MAX];

	return !rootfs_driver_recall(s, driver) || !streq(driver, rootfs_overlay.name);
}

int stack_add_layers(struct stack *s, const struct store *store, const struct strv *layers,
		     size_t n, struct err *err)
{
	s->marks = may_have_marks(store);
	for (size_t i = n; i-- > 0;) {
		CLEAN(clean_fd) int fs = -1;
		int fd;

		if (layer_open(store, layers->v[i], &fs, err) < 0)
			return -1;
		fd = openat(fs, ".", OPEN_DIR);
		if (fd < 0)
			return err_sys(err, "cannot open layer %.19s", layers->v[i]);
		add(s, fd);
	}
	return 0;
}

int stack_add_base(struct stack *s, const struct store *store, struct err *err)
{
	int fd = openat(store->fd, "base", OPEN_DIR);

	if (fd < 0)
		return err_sys(err, "cannot open the base layer");
	add(s, fd);
	return 0;
}

bool stat_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

bool dir_is_opaque(int fd)
{
	char value[2];

	return fgetxattr(fd, OPAQUE, value, sizeof(value)) == 1 && value[0] == 'y';
}

/* May there be marks in that part? */
static bool has_marks(const struct stack *s, size_t part)
{
	return s->marks && part >= s->own;
}

static bool is_mark(const char *name, const struct stat *st)
{
	return starts_with(name, MARK_PREFIX) && S_ISREG(st->st_mode);
}

/* Does the layer hide what those beneath it have of that name? */
static bool is_marked(int fd, const char *name)
{
	char mark[NAME_MAX + sizeof(MARK_PREFIX)];
	struct stat st;

	return snprintf(mark, sizeof(mark), MARK_PREFIX "%s", name) <= NAME_MAX &&
	       fstatat(fd, mark, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

bool stack_find(const struct stack *s, const char *name, size_t *ret_part, struct stat *ret)
{
	struct stat st;

	for (size_t i = 0; i < s->n; i++) {
		const bool there = fstatat(s->fds[i], name, &st, AT_SYMLINK_NOFOLLOW) == 0;

		if (has_marks(s, i) && (!there || is_mark(name, &st))) {
			if (is_marked(s->fds[i], name))
				return false;
			continue;
		}
		if (!there)
			continue;
		if (stat_is_whiteout(&st))
			return false;
		*ret_part = i;
		*ret = st;
		return true;
	}
	return false;
}

int stack_enter(const struct stack *s, const char *name, struct stack *ret, struct err *err)
{
	CLEAN(stack_done) struct stack dir = { .marks = s->marks };

	for (size_t i = 0; i < s->n; i++) {
		int fd = openat(s->fds[i], name, OPEN_DIR);

		if (fd >= 0) {
			add(&dir, fd);
			dir.own = i < s->own ? dir.n : dir.own;
		} else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
			return err_sys(err, "cannot open '%s'", name);
		}
		/* What is no directory, a whiteout for one, hides what is beneath. */
		if (fd >= 0 ? dir_is_opaque(fd) : errno != ENOENT)
			break;
		if (has_marks(s, i) &&
		    (is_marked(s->fds[i], name) ||
		     (fd >= 0 && faccessat(fd, MARK_OPAQUE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)))
			break;
	}
	*ret = dir;
	dir = (struct stack){ 0 };
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct strv *names)
{
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_name);
}

static int add_names(int fd, struct strv *ret, struct err *err)
{
	int again = openat(fd, ".", OPEN_DIR);
	CLEAN(clean_dir) DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;

	if (!dir) {
		err_sys(err, "cannot list a directory");
		clean_fd(&again);
		return -1;
	}
	while ((e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			strv_add(ret, e->d_name);
	return 0;
}

int dir_list(int fd, struct strv *ret, struct err *err)
{
	if (add_names(fd, ret, err) < 0)
		return -1;
	sort(ret);
	return 0;
}

int stack_list(const struct stack *s, struct strv *ret, struct err *err)
{
	CLEAN(strv_done) struct strv all = { 0 };
	struct stat st;
	size_t part;

	for (size_t i = 0; i < s->n; i++)
		if (add_names(s->fds[i], &all, err) < 0)
			return -1;
	sort(&all);
	for (size_t i = 0; i < all.n; i++)
		if ((i == 0 || !streq(all.v[i], all.v[i - 1])) &&
		    stack_find(s, all.v[i], &part, &st))
			strv_add(ret, all.v[i]);
	return 0;
}
