#include "base/copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

#define XATTR_MAX 65536 /* xattr(7): of a value, and of the list of names */
#define CHUNK	  (256u << 10)

void copier_done(struct copier *c)
{
	free(c->names);
	free(c->values);
	free(c->chunk);
	*c = (struct copier){ 0 };
}

static int cannot(const char *verb, const char *name, struct err *err)
{
	int sys = errno;
	CLEAN(clean_free) char *safe = str_printable(name);

	errno = sys;
	return err_sys(err, "cannot %s '%.200s'", verb, safe);
}

/* --- Contents --- */

/* Do the file systems at hand not have that call, whatever the file? */
static bool is_not_had(void)
{
	return errno == EOPNOTSUPP || errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
	       errno == ENOTTY || errno == EPERM;
}

static ssize_t copy_some(struct copier *c, int from, int to, off_t *at, size_t len)
{
	off_t out = *at;
	ssize_t n;

	if (!c->no_copy) {
		n = copy_file_range(from, at, to, &out, len, 0);
		if (n >= 0 || !is_not_had())
			return n;
		c->no_copy = true;
	}
	c->chunk = c->chunk ?: xmalloc(CHUNK);
	n = pread(from, c->chunk, len < CHUNK ? len : CHUNK, *at);
	for (ssize_t done = 0; done < n;) {
		ssize_t m = pwrite(to, c->chunk + done, (size_t)(n - done), *at + done);

		if (m < 0 && errno != EINTR)
			return -1;
		done += m > 0 ? m : 0;
	}
	*at += n > 0 ? n : 0;
	return n;
}

static int copy_range(struct copier *c, int from, int to, off_t at, off_t end)
{
	while (at < end) {
		ssize_t n = copy_some(c, from, to, &at, (size_t)(end - at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
	}
	return 0;
}

/* What lies between holes. */
static int copy_extents(struct copier *c, int from, int to, off_t size)
{
	off_t at = 0;

	if (ftruncate(to, size) < 0)
		return -1;
	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA), hole;

		if (data < 0)
			return errno == ENXIO ? 0 : -1;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || copy_range(c, from, to, data, hole) < 0)
			return -1;
		at = hole;
	}
	return 0;
}

int copy_contents(struct copier *c, int from, int to, const struct stat *st)
{
	if (st->st_size == 0)
		return 0;
	if (!c->no_clone) {
		if (ioctl(to, FICLONE, from) == 0)
			return 0;
		if (!is_not_had())
			return -1;
		c->no_clone = true;
	}
	if (st->st_blocks * 512 < st->st_size)
		return copy_extents(c, from, to, st->st_size);
	return copy_range(c, from, to, 0, st->st_size);
}

/* --- Attributes --- */

static bool is_kept(const char *name)
{
	return (starts_with(name, "user.") && !starts_with(name, "user.overlay.")) ||
	       streq(name, "security.capability");
}

static int copy_xattrs(struct copier *c, int from, int to, const char *name, struct err *err)
{
	ssize_t len;

	c->names = c->names ?: xmalloc(XATTR_MAX);
	len = flistxattr(from, c->names, XATTR_MAX);
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(c->names + at) + 1) {
		ssize_t n;

		if (!is_kept(c->names + at))
			continue;
		c->values = c->values ?: xmalloc(XATTR_MAX);
		n = fgetxattr(from, c->names + at, c->values, XATTR_MAX);
		if (n >= 0 && fsetxattr(to, c->names + at, c->values, (size_t)n, 0) < 0 &&
		    errno != ENOTSUP && errno != EPERM && errno != EINVAL && errno != ERANGE)
			return cannot("copy the extended attributes of", name, err);
	}
	return 0;
}

/* What we make is root's already; and chown takes setuid away, so that the mode is later. */
static int copy_owner_and_mode(int to, const char *name, const struct stat *st, struct err *err)
{
	if ((st->st_uid || st->st_gid) && fchown(to, st->st_uid, st->st_gid) < 0)
		return cannot("set the owner of", name, err);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return cannot("set the mode of", name, err);
	return 0;
}

static void times_of(const struct stat *st, struct timespec ret[2])
{
	ret[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	ret[1] = st->st_mtim;
}

static int copy_time(int to, const char *name, const struct stat *st, struct err *err)
{
	struct timespec times[2];

	times_of(st, times);
	return futimens(to, times) < 0 ? cannot("set the time of", name, err) : 0;
}

int copy_regular(struct copier *c, int from, int into, const char *name, const struct stat *st,
		 struct err *err)
{
	CLEAN(clean_fd)
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	CLEAN(clean_fd) int out = -1;

	if (in < 0)
		return cannot("read", name, err);
	out = openat(into, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return cannot("create", name, err);
	if (copy_contents(c, in, out, st) < 0)
		return cannot("copy", name, err);
	/* Setting the owner, and writing, take security.capability away. */
	return copy_owner_and_mode(out, name, st, err) < 0 ||
			       copy_xattrs(c, in, out, name, err) < 0 ||
			       copy_time(out, name, st, err) < 0 ?
		       -1 :
		       0;
}

int copy_node(int from, int into, const char *name, const struct stat *st, struct err *err)
{
	char target[PATH_MAX];
	struct timespec times[2];
	ssize_t n;

	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(from, name, target, sizeof(target) - 1);
		if (n < 0)
			return cannot("read", name, err);
		target[n] = '\0';
		if (symlinkat(target, into, name) < 0)
			return cannot("create", name, err);
	} else if (!S_ISFIFO(st->st_mode)) {
		return 0;
	} else if (mknodat(into, name, st->st_mode & (S_IFMT | 0777), 0) < 0) {
		return cannot("create", name, err);
	}
	if ((st->st_uid || st->st_gid) &&
	    fchownat(into, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot("set the owner of", name, err);
	if (S_ISFIFO(st->st_mode) && fchmodat(into, name, st->st_mode & 07777, 0) < 0)
		return cannot("set the mode of", name, err);
	times_of(st, times);
	if (utimensat(into, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot("set the time of", name, err);
	return 0;
}

int copy_directory_attributes(struct copier *c, int from, int to, struct err *err)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_sys(err, "cannot look at a directory of a layer");
	/* The group may have been handed down. */
	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return err_sys(err, "cannot set the owner and mode of a directory");
	if (copy_xattrs(c, from, to, ".", err) < 0)
		return -1;
	return copy_time(to, ".", &st, err);
}

/* --- Comparing --- */

/* The attributes that are kept are the same, in one direction: each that a has, b has. */
static bool has_all(int a, int b, char *names, char *x, char *y)
{
	const ssize_t len = flistxattr(a, names, XATTR_MAX);

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n, m;

		if (!is_kept(names + at))
			continue;
		n = fgetxattr(a, names + at, x, XATTR_MAX);
		m = fgetxattr(b, names + at, y, XATTR_MAX);
		if (n != m || (n > 0 && memcmp(x, y, (size_t)n) != 0))
			return false;
	}
	return true;
}

bool xattrs_same(int dir_a, int dir_b, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	CLEAN(clean_fd) int a = openat(dir_a, name, flags);
	CLEAN(clean_fd) int b = openat(dir_b, name, flags);
	CLEAN(clean_free) char *names = NULL;

	if (a < 0 || b < 0 || (flistxattr(a, NULL, 0) <= 0 && flistxattr(b, NULL, 0) <= 0))
		return true;
	names = xmalloc((size_t)3 * XATTR_MAX);
	return has_all(a, b, names, names + XATTR_MAX, names + 2 * XATTR_MAX) &&
	       has_all(b, a, names, names + XATTR_MAX, names + 2 * XATTR_MAX);
}
