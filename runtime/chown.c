/*
 * Volumes that are to belong to the container's user (-v SRC:DST:U): everything in them, as by
 * chown -R.
 *
 * Another container may be at work in them: each thing is changed by descriptor and one name, which
 * is not followed, and what is mounted beneath is left alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/owner.h"
#include "runtime/child.h"

#define DEPTH_MAX 500 /* a descriptor each */

/* With one ID mapped, of files and directories alone: base/owner.h. */
static int record(int dir, const char *name, const struct stat *st, const struct user *user)
{
	CLEAN(clean_fd) int fd = -1;

	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	fd = openat(dir, *name ? name : ".",
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -1 : owner_write(fd, (struct owner){ user->uid, user->gid });
}

static int give(const struct child *c, int dir, const char *name, int flags, const struct stat *st,
		struct err *err)
{
	const struct user *user = &c->user;
	CLEAN(clean_free) char *safe = NULL;

	if (c->launch->ids->single && record(dir, name, st, user) == 0)
		return 0;
	/* One that has the owner keeps its setuid bit, too. */
	if (!c->launch->ids->single && st->st_uid == user->uid && st->st_gid == user->gid)
		return 0;
	if (!c->launch->ids->single && fchownat(dir, name, user->uid, user->gid, flags) == 0)
		return 0;
	if (errno == ENOENT)
		return 0;
	safe = str_printable(*name ? name : ".");
	return err_sys(err, "'%.200s'", safe);
}

static int give_all_in(const struct child *c, int dir, dev_t device, int depth, struct err *err);

static int give_dir(const struct child *c, int parent, const char *name, dev_t device, int depth,
		    struct err *err)
{
	CLEAN(clean_fd)
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	/* What is gone, or another thing, by now is none of ours. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "'%s'", name);
	if (st.st_dev != device)
		return 0;
	if (give_all_in(c, fd, device, depth + 1, err) < 0)
		return -1;
	return give(c, fd, "", AT_EMPTY_PATH, &st, err);
}

static int give_all_in(const struct child *c, int dir, dev_t device, int depth, struct err *err)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *e;
	struct stat st;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_UNSUPPORTED, "its directories are nested more than %d deep",
			       DEPTH_MAX);
	if (!d)
		return err_sys(err, "listing it");
	while ((e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) ?
			    give_dir(c, dirfd(d), e->d_name, device, depth, err) < 0 :
			    give(c, dirfd(d), e->d_name, AT_SYMLINK_NOFOLLOW, &st, err) < 0)
			return -1;
	}
	return 0;
}

int chown_volumes(struct child *c, struct err *err)
{
	for (size_t i = 0; i < c->n_chowns; i++) {
		struct stat st;

		if (fstat(c->chowns[i], &st) < 0)
			return err_sys(err, "looking at it");
		if ((S_ISDIR(st.st_mode) &&
		     give_all_in(c, c->chowns[i], st.st_dev, 0, err) < 0) ||
		    give(c, c->chowns[i], "", AT_EMPTY_PATH, &st, err) < 0)
			return -1;
	}
	return 0;
}
