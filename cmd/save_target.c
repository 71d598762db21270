#include "cmd/save_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

void save_target_done(struct save_target *t)
{
	if (t->unfinished && !t->nameless)
		unlink(t->unfinished);
	clean_fd(&t->fd);
	free(t->path);
	free(t->unfinished);
}

static int open_directory(const char *path, struct save_target *ret, struct err *err)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_sys(err, "cannot make the directory '%s'", path);
	ret->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? err_sys(err, "cannot open '%s'", path) : 0;
}

/*
 * A file without a name, where the file system has such, so that a process that is killed leaves
 * nothing; with one otherwise.
 */
static int open_unfinished(struct save_target *t)
{
	const char *slash = strrchr(t->path, '/');
	const size_t len = slash ? (size_t)(slash + 1 - t->path) : 0;
	CLEAN(clean_free) char *dir = len ? xstrndup(t->path, len) : xstrdup(".");

	t->fd = open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
	t->nameless = t->fd >= 0;
	if (!t->nameless)
		t->fd = open(t->unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return t->fd;
}

static int give_name(struct save_target *t)
{
	CLEAN(clean_free) char *proc = xasprintf("/proc/self/fd/%d", t->fd);

	if (linkat(AT_FDCWD, proc, AT_FDCWD, t->unfinished, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	t->nameless = false;
	return 0;
}

static int open_archive(const char *path, struct save_target *ret, struct err *err)
{
	char tail[17];
	struct stat st;

	/* Pipes and devices are written to as they are. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		ret->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return ret->fd < 0 ? err_sys(err, "cannot open '%s'", path) : 0;
	}
	random_hex(tail, 8);
	ret->path = xstrdup(path);
	ret->unfinished = xasprintf("%s.%s", path, tail);
	if (open_unfinished(ret) >= 0)
		return 0;
	err_sys(err, "cannot create '%s'", path);
	free(ptr_take(&ret->unfinished));
	return -1;
}

int save_target_open(const char *path, bool directory, struct save_target *ret, struct err *err)
{
	if (directory)
		return open_directory(path, ret, err);
	if (path) {
		if (open_archive(path, ret, err) < 0)
			return -1;
	} else {
		ret->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	}
	if (isatty(ret->fd))
		return err_set(err, ERR_USAGE,
			       "refusing to save to terminal. Use -o flag or redirect");
	return 0;
}

int save_target_finish(struct save_target *t, struct err *err)
{
	if (!t->unfinished)
		return 0;
	if ((t->nameless && give_name(t) < 0) || rename(t->unfinished, t->path) < 0)
		return err_sys(err, "cannot write '%s'", t->path);
	free(ptr_take(&t->unfinished));
	return 0;
}
