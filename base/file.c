#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Up to the end, or to the length, where that is known and not 0. */
static int read_up_to(int fd, size_t len, size_t max, struct buf *ret, struct err *err)
{
	char chunk[16384];
	size_t used = 0;
	int result = 0;
	ssize_t n;

	while (result == 0 && (!len || ret->len < len) && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			result = err_sys(err, "cannot read");
		else if (ret->len + (size_t)n > max)
			result = err_set(err, ERR_CORRUPT, "more than %zu bytes", max);
		else
			buf_add(ret, chunk, (size_t)n);
		used = n > 0 && (size_t)n > used ? (size_t)n : used;
	}
	explicit_bzero(chunk, used);
	return result;
}

int read_all(int fd, size_t max, struct buf *ret, struct err *err)
{
	return read_up_to(fd, 0, max, ret, err);
}

int file_read_at(int dirfd, const char *path, size_t max, struct buf *ret, struct err *err)
{
	CLEAN(clean_fd)
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	CLEAN(buf_done) struct buf out = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "'%s' is not a regular file", path);
	/* Files of /proc say that they have no length, and have. */
	if (read_up_to(fd, (size_t)st.st_size, max, &out, err) < 0)
		return err_wrap(err, "'%s'", path);
	buf_add(&out, "", 0);
	*ret = out;
	out = (struct buf){ 0 };
	return 0;
}

int write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int dir_sync(int dirfd, struct err *err)
{
	CLEAN(clean_fd) int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, "cannot sync a directory");
	return 0;
}

int file_replace_at(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		    enum durability durability, struct err *err)
{
	char tail[17];
	CLEAN(clean_free) char *tmp = NULL;
	CLEAN(clean_fd) int fd = -1;

	random_hex(tail, 8);
	tmp = xasprintf("%s.%s", path, tail);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(err, "cannot create '%s'", path);
	if (write_all(fd, data, len, NULL) < 0 || (durability == DURABLE && fsync(fd) < 0) ||
	    renameat(dirfd, tmp, dirfd, path) < 0) {
		err_sys(err, "cannot write '%s'", path);
		unlinkat(dirfd, tmp, 0);
		return -1;
	}
	return durability == DURABLE ? dir_sync(dirfd, err) : 0;
}

int dir_ensure(const char *path, mode_t mode, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(path);

	for (char *p = copy + 1; p[-1]; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST && errno != EISDIR) {
			/* A parent we may not write is fine as long as it is there. */
			int sys = errno;

			if (access(copy, X_OK) < 0) {
				errno = sys;
				return err_sys(err, "cannot create '%s'", copy);
			}
		}
		*p = c;
	}
	return 0;
}

int dir_open_or_make_at(int dirfd, const char *name, mode_t mode, int *ret_fd, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
			return err_sys(err, "cannot create '%s'", name);
		fd = openat(dirfd, name, flags);
	}
	if (fd < 0)
		return err_sys(err, "cannot open '%s'", name);
	*ret_fd = fd;
	return 0;
}

/*
 * Opens a directory to be emptied, whatever its mode. What is given another mode is what was found
 * to be a directory, whoever puts a symlink in its place meanwhile.
 */
static int open_to_empty(int at, const char *name)
{
	const int flags = O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(at, name, O_RDONLY | flags);
	char path[FD_PATH_MAX];

	if (fd < 0 && errno == EACCES) {
		CLEAN(clean_fd) int dir = openat(at, name, O_PATH | flags);

		if (dir < 0 || chmod(fd_path(dir, path), 0700) < 0)
			return -1;
		fd = openat(at, name, O_RDONLY | flags);
	}
	return fd;
}

/*
 * Empties the directory that fd is. Descends with one descriptor a level; below DEPTH_MAX a
 * directory is moved up to top instead, where the caller's next round meets it, so that a tree of
 * any depth needs a bounded number of descriptors. Sets *moved then.
 */
#define DEPTH_MAX 64

static int empty_dir(int fd_owned, int top, int depth, bool *moved)
{
	DIR *dir = fdopendir(fd_owned);
	struct dirent *e;
	int result = 0;

	if (!dir) {
		close(fd_owned);
		return -1;
	}
	while (result == 0 && (e = readdir(dir))) {
		int fd, at = dirfd(dir);

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (unlinkat(at, e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM) {
			result = -1;
			break;
		}
		if (unlinkat(at, e->d_name, AT_REMOVEDIR) == 0)
			continue;
		if (depth >= DEPTH_MAX) {
			char name[33];

			random_hex(name, 16);
			result = renameat(at, e->d_name, top, name);
			*moved = true;
			continue;
		}
		fd = open_to_empty(at, e->d_name);
		if (fd < 0) {
			result = errno == ENOENT ? 0 : -1;
			continue;
		}
		/* A directory without write permission refuses the removal of what is in it. */
		if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
			fchmod(fd, 0700);
		result = empty_dir(fd, top, depth + 1, moved);
		if (result == 0 && unlinkat(at, e->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			result = -1;
	}
	int sys = errno;

	closedir(dir);
	errno = sys;
	return result;
}

int tree_remove_at(int dirfd, const char *name, struct err *err)
{
	bool moved = true;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, "cannot remove '%s'", name);
	while (moved) {
		CLEAN(clean_fd) int top = -1;
		int fd;

		moved = false;
		fd = open_to_empty(dirfd, name);
		if (fd < 0)
			return errno == ENOENT ? 0 : err_sys(err, "cannot remove '%s'", name);
		fchmod(fd, 0700);
		top = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (empty_dir(fd, top, 0, &moved) < 0)
			return err_sys(err, "cannot remove '%s'", name);
	}
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(err, "cannot remove '%s'", name);
	return 0;
}

int open_resolved(int dirfd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: a rename raced with the walk, and the kernel could not vouch for the result. */
	do
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)fd;
}

const char *fd_path(int fd, char ret[FD_PATH_MAX])
{
	snprintf(ret, FD_PATH_MAX, "/proc/self/fd/%d", fd);
	return ret;
}

int file_lock_at(int dirfd, const char *name, enum lock_mode mode, bool wait, int *ret_fd,
		 struct err *err)
{
	for (;;) {
		struct flock lock = { .l_type = mode == LOCK_SHARED ? F_RDLCK : F_WRLCK };
		CLEAN(clean_fd) int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat held, named;

		if (fd < 0)
			return err_sys(err, "cannot open the lock '%s'", name);
		while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == EACCES)
				return err_set(err, ERR_BUSY, "'%s' is locked", name);
			return err_sys(err, "cannot lock '%s'", name);
		}
		/* The last holder may have removed the file that we waited for. */
		if (fstat(fd, &held) == 0 && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    held.st_ino == named.st_ino) {
			*ret_fd = fd_take(&fd);
			return 0;
		}
	}
}

bool file_is_locked_at(int dirfd, const char *name)
{
	struct flock lock = { .l_type = F_WRLCK };
	CLEAN(clean_fd) int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

void file_unlock(int *fd)
{
	struct flock none = { .l_type = F_UNLCK };

	if (*fd >= 0)
		fcntl(*fd, F_OFD_SETLK, &none);
	clean_fd(fd);
}

void file_lock_remove_at(int dirfd, const char *name)
{
	unlinkat(dirfd, name, 0);
}

void close_all_but(int from, const int *keep, size_t n)
{
	for (;;) {
		int next = -1;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= from && (next < 0 || keep[i] < next))
				next = keep[i];
		if (next < 0)
			break;
		if (next > from)
			syscall(SYS_close_range, (unsigned int)from, (unsigned int)next - 1, 0u);
		from = next + 1;
	}
	syscall(SYS_close_range, (unsigned int)from, ~0u, 0u);
}
