/*
 * Theory of operation
 *
 * What is made is made by directory and name, under O_EXCL or with calls that do not follow: what
 * is in the way is removed first, never written to, for it may have other names, or be a link. A
 * file that can't be removed because something is mounted on it (a volume of one file, /etc/hosts)
 * is written to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "storage/transfer.h"
#include "storage/transfer_message.h"

#define LEVELS_MAX 512
#define CHUNK	   (256u << 10)
#define OPEN_DIR   (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A directory that is being filled. */
struct level {
	int fd;
	bool own; /* gets mode, owner and time when it is left */
	struct transfer_message meta;
};

struct receiver {
	int sock;
	const struct transfer_target *to;
	struct level *levels;
	size_t depth;
	bool contents;
	char *chunk;
};

static void clean_receiver(struct receiver *r)
{
	while (r->depth)
		close(r->levels[--r->depth].fd);
	free(r->levels);
	free(r->chunk);
}

static int receive_message(int sock, struct transfer_message *ret, int *ret_fd, struct err *err)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *c;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot receive a file");
	c = n ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	if (n <= (ssize_t)offsetof(struct transfer_message, target) || (msg.msg_flags & MSG_TRUNC))
		return err_set(err, ERR_NETWORK, "the other side broke off");
	ret->name[sizeof(ret->name) - 1] = '\0';
	ret->target[n - (ssize_t)offsetof(struct transfer_message, target) - 1] = '\0';
	return 0;
}

static int write_err(const char *verb, const char *name, struct err *err)
{
	CLEAN(clean_free) char *safe = str_printable(name);

	return err_sys(err, "cannot %s '%.300s'", verb, safe);
}

static bool is_component(const char *name)
{
	return *name && !streq(name, ".") && !streq(name, "..") && !strchr(name, '/');
}

/* --- one entry --- */

/* Makes way for what is no directory. EBUSY is left for the caller to see, as 1. */
static int clear_way(const struct receiver *r, int dir, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : write_err("look at", name, err);
	if (S_ISDIR(st.st_mode) && !r->to->overwrite)
		return err_set(err, ERR_EXISTS,
			       "cannot overwrite directory '%.300s' with non-directory: "
			       "--overwrite does",
			       name);
	if (S_ISDIR(st.st_mode))
		return tree_remove_at(dir, name, err);
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return errno == EBUSY && S_ISREG(st.st_mode) ? 1 : write_err("replace", name, err);
}

/* Whose it is to be. */
static void find_owner(const struct transfer_target *to, const struct transfer_message *m,
		       uid_t *ret_uid, gid_t *ret_gid)
{
	*ret_uid = to->owners ? m->uid : 0;
	*ret_gid = to->owners ? m->gid : 0;
}

static int set_attributes(const struct receiver *r, int fd, const char *name,
			  const struct transfer_message *m, struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, m->mtime };
	const struct transfer_target *to = r->to;
	uid_t uid;
	gid_t gid;

	find_owner(to, m, &uid, &gid);
	/* A setgid directory gives its group: in a container all is to be root's. */
	if (!to->host &&
	    (to->record ? owner_write(fd, (struct owner){ uid, gid }) : fchown(fd, uid, gid)) < 0)
		return write_err("set the owner of", name, err);
	/* Who is setuid on the host is the caller, and this was a stranger's file. */
	if (fchmod(fd, m->mode & (to->host ? 01777 : 07777)) < 0 || futimens(fd, times) < 0)
		return write_err("set the mode and time of", name, err);
	return 0;
}

static int copy_rest(const struct receiver *r, int from, int to)
{
	ssize_t n;

	while ((n = read(from, r->chunk, CHUNK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write_all(to, r->chunk, (size_t)n, NULL) < 0)
			return -1;
	}
	return 0;
}

/* From both positions on, so much at most. */
static int copy_range(const struct receiver *r, int from, int to, off_t len)
{
	while (len > 0) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		/* Not every file system does, or between any two. */
		if (n < 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
			n = read(from, r->chunk, (size_t)len < CHUNK ? (size_t)len : CHUNK);
			if (n > 0 && write_all(to, r->chunk, (size_t)n, NULL) < 0)
				return -1;
		}
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		len -= n;
	}
	return 0;
}

/* Holes stay holes. Files of /proc say that they have no length, and have. */
static int copy_content(const struct receiver *r, int from, int to)
{
	off_t at = 0, data, hole;
	struct stat st;

	if (fstat(from, &st) < 0)
		return -1;
	if (!st.st_size)
		return copy_rest(r, from, to);
	while (at < st.st_size) {
		data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		hole = data < 0 ? st.st_size : lseek(from, data, SEEK_HOLE);
		data = data < 0 ? at : data;
		hole = hole < 0 || hole > st.st_size ? st.st_size : hole;
		if (lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0 ||
		    copy_range(r, from, to, hole - data) < 0)
			return -1;
		at = hole;
	}
	return ftruncate(to, st.st_size);
}

static int place_file(const struct receiver *r, int dir, const char *name,
		      const struct transfer_message *m, int content, struct err *err)
{
	const int mounted = clear_way(r, dir, name, err);
	CLEAN(clean_fd) int fd = -1;
	int result;

	if (mounted < 0)
		return -1;
	fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY |
				       (mounted ? O_TRUNC : O_CREAT | O_EXCL), 0600);
	if (fd < 0)
		return write_err("create", name, err);
	result = copy_content(r, content, fd) < 0 ? write_err("write", name, err) : 0;
	/* What is mounted there has an owner and a mode of its own. */
	if (result == 0 && !mounted)
		result = set_attributes(r, fd, name, m, err);
	if (result < 0 && !mounted)
		unlinkat(dir, name, 0);
	return result;
}

static int place_node(const struct receiver *r, int dir, const char *name,
		      const struct transfer_message *m, struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, m->mtime };
	const struct transfer_target *to = r->to;
	int result = clear_way(r, dir, name, err);
	uid_t uid;
	gid_t gid;

	find_owner(to, m, &uid, &gid);
	if (result < 0)
		return -1;
	if (result) {
		errno = EBUSY;
		return write_err("replace", name, err);
	}
	result = m->kind == TRANSFER_SYMLINK ? symlinkat(m->target, dir, name) :
					       mkfifoat(dir, name, m->mode & 0777);
	if (result < 0)
		return write_err("create", name, err);
	if (!to->host && !to->record && fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return write_err("set the owner of", name, err);
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return write_err("set the time of", name, err);
	return 0;
}

static int enter(struct receiver *r, int fd, bool own, const struct transfer_message *m,
		 struct err *err)
{
	if (r->depth == LEVELS_MAX) {
		close(fd);
		return err_set(err, ERR_UNSUPPORTED, "directories are nested too deep");
	}
	r->levels[r->depth++] = (struct level){ .fd = fd, .own = own, .meta = *m };
	return 0;
}

static int place_directory(struct receiver *r, int dir, const char *name,
			   const struct transfer_message *m, struct err *err)
{
	int fd = openat(dir, name, OPEN_DIR);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
		if (!r->to->overwrite)
			return err_set(err, ERR_EXISTS,
				       "cannot overwrite non-directory '%.300s' with "
				       "directory: --overwrite does",
				       name);
		if (unlinkat(dir, name, 0) < 0)
			return write_err("replace", name, err);
		errno = ENOENT;
	}
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(dir, name, 0700) < 0)
			return write_err("create", name, err);
		fd = openat(dir, name, OPEN_DIR);
	}
	if (fd < 0)
		return write_err("open", name, err);
	return enter(r, fd, true, m, err);
}

/* --- where the first one goes --- */

/* Is there a directory already, and is it what the name leads to? *ret_fd, or -1. */
static int open_target(const struct transfer_target *to, bool *ret_exists, int *ret_fd,
		       struct err *err)
{
	struct stat st;

	*ret_fd = -1;
	*ret_exists = fstatat(to->dir, to->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*ret_exists)
		return errno == ENOENT ? 0 : write_err("look at", to->text, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	*ret_fd = openat(to->dir, to->name, OPEN_DIR);
	return *ret_fd < 0 ? write_err("open", to->text, err) : 0;
}

static int place(struct receiver *r, int dir, const char *name, const struct transfer_message *m,
		 int content, struct err *err)
{
	if (m->kind == TRANSFER_DIRECTORY)
		return place_directory(r, dir, name, m, err);
	return m->kind == TRANSFER_FILE ? place_file(r, dir, name, m, content, err) :
					  place_node(r, dir, name, m, err);
}

static int write_special(const struct receiver *r, const struct transfer_message *m, int content,
			 struct err *err)
{
	CLEAN(clean_fd) int fd = -1;

	if (m->kind != TRANSFER_FILE)
		return err_set(err, ERR_USAGE, "only a file can be copied to '%.300s'",
			       r->to->text);
	fd = openat(r->to->dir, r->to->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return write_err("open", r->to->text, err);
	return copy_rest(r, content, fd) < 0 ? write_err("write", r->to->text, err) : 0;
}

/* docker's rules (its manual of cp): what is there decides what the path means. */
static int place_first(struct receiver *r, const struct transfer_message *m, int content,
		       struct err *err)
{
	const struct transfer_target *to = r->to;
	const bool directory = m->kind == TRANSFER_DIRECTORY;
	CLEAN(clean_free) char *safe = str_printable(to->text);
	CLEAN(clean_fd) int fd = -1;
	bool exists;

	if (to->special)
		return write_special(r, m, content, err);
	if (open_target(to, &exists, &fd, err) < 0)
		return -1;
	if (fd >= 0 && directory && r->contents)
		return enter(r, fd_take(&fd), false, m, err);
	if (fd >= 0)
		return is_component(m->name) ? place(r, fd, m->name, m, content, err) :
					       err_set(err, ERR_USAGE, "'%.300s' has no name", safe);
	if (exists && to->slash)
		return err_set(err, ERR_USAGE, "'%.300s' is not a directory", safe);
	if (exists && directory && !to->overwrite)
		return err_set(err, ERR_EXISTS,
			       "destination must be a directory when copying a directory: "
			       "'%.300s' is a file",
			       safe);
	if (!exists && to->slash && !directory)
		return err_set(err, ERR_NOT_FOUND, "'%.300s': no such directory", safe);
	return place(r, to->dir, to->name, m, content, err);
}

static int leave(struct receiver *r, struct err *err)
{
	struct level *l = &r->levels[--r->depth];
	CLEAN(clean_fd) int fd = l->fd;

	return l->own ? set_attributes(r, fd, l->meta.name, &l->meta, err) : 0;
}

static int take(struct receiver *r, const struct transfer_message *m, int content, bool first,
		struct err *err)
{
	const bool whole = m->kind != TRANSFER_FILE || content >= 0;

	if (m->kind == TRANSFER_LEAVE && r->depth)
		return leave(r, err);
	if (whole && first && m->kind != TRANSFER_LEAVE)
		return place_first(r, m, content, err);
	if (whole && r->depth && is_component(m->name))
		return place(r, r->levels[r->depth - 1].fd, m->name, m, content, err);
	return err_set(err, ERR_NETWORK, "the other side broke off");
}

int transfer_receive(int sock, const struct transfer_target *to, struct err *err)
{
	CLEAN(clean_receiver) struct receiver r = {
		.sock = sock,
		.to = to,
		.levels = xcalloc(LEVELS_MAX, sizeof(*r.levels)),
		.chunk = xmalloc(CHUNK),
	};
	CLEAN(clean_free) struct transfer_message *m = xmalloc(sizeof(*m));
	bool first = true;

	for (;;) {
		CLEAN(clean_fd) int fd = -1;

		if (receive_message(sock, m, &fd, err) < 0)
			return -1;
		if (m->kind == TRANSFER_END)
			return 0;
		if (m->kind == TRANSFER_HEAD) {
			r.contents = m->contents;
			continue;
		}
		if (take(&r, m, fd, first, err) < 0)
			return -1;
		first = false;
	}
}
