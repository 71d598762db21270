#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "storage/stack.h"
#include "storage/transfer.h"
#include "storage/transfer_message.h"

#define DEPTH_MAX 500 /* a descriptor each */

int transfer_pair(int *ret_from, int *ret_to, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "cannot make a pair of sockets");
	*ret_from = pair[0];
	*ret_to = pair[1];
	return 0;
}

/*
 * fd: -1, or what goes along. ETOOMANYREFS: more are on their way than we may have open (unix(7)).
 */
static int send_message(int sock, const struct transfer_message *m, int fd, struct err *err)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = {
		(void *)m, offsetof(struct transfer_message, target) + strlen(m->target) + 1,
	};
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	while ((n = sendmsg(sock, &msg, MSG_NOSIGNAL)) < 0 &&
	       (errno == EINTR || errno == ETOOMANYREFS))
		nanosleep(&moment, NULL);
	return n < 0 ? err_sys(err, "cannot hand on a file") : 0;
}

static int read_err(const char *path, struct err *err)
{
	CLEAN(clean_free) char *safe = str_printable(path);

	return err_sys(err, "cannot read '%.300s'", safe);
}

/* Is what was there a moment ago gone, or another thing? Then it is none of ours. */
static bool is_gone(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO ||
	       errno == ESTALE;
}

static struct transfer_message message_of(enum transfer_kind kind, const char *name,
					  const struct stat *st)
{
	struct transfer_message m = {
		.kind = kind,
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim,
	};

	snprintf(m.name, sizeof(m.name), "%s", name);
	return m;
}

struct entry {
	int dir;
	const char *name, *as, *path;
	const struct transfer_source *from;
};

/* fd: -1 for what can't be opened. */
static void find_owner(const struct entry *e, int fd, struct transfer_message *m)
{
	struct owner o;

	if (e->from->recorded && fd >= 0 && owner_read(fd, &o) == 0) {
		m->uid = o.uid;
		m->gid = o.gid;
	}
	if (e->from->id_there) {
		m->uid = e->from->id_there(e->from->arg, "uid", m->uid);
		m->gid = e->from->id_there(e->from->arg, "gid", m->gid);
	}
}

static int send_file(int sock, const struct entry *e, struct err *err)
{
	/*
	 * Looked at before it is opened, for opening alone may do something: to a device, a FIFO.
	 */
	CLEAN(clean_fd) int seen = openat(e->dir, e->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	CLEAN(clean_fd) int fd = -1;
	struct transfer_message m;
	char link[FD_PATH_MAX];
	struct stat st;

	if (seen < 0 || fstat(seen, &st) < 0)
		return is_gone() ? 0 : read_err(e->path, err);
	if (!S_ISREG(st.st_mode))
		return 0;
	fd = open(fd_path(seen, link), O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return is_gone() ? 0 : read_err(e->path, err);
	m = message_of(TRANSFER_FILE, e->as, &st);
	find_owner(e, fd, &m);
	return send_message(sock, &m, fd, err);
}

static int send_node(int sock, const struct entry *e, const struct stat *st, struct err *err)
{
	struct transfer_message m =
		message_of(S_ISLNK(st->st_mode) ? TRANSFER_SYMLINK : TRANSFER_FIFO, e->as, st);

	find_owner(e, -1, &m);
	if (m.kind == TRANSFER_SYMLINK) {
		ssize_t n = readlinkat(e->dir, e->name, m.target, sizeof(m.target) - 1);

		if (n < 0)
			return is_gone() || errno == EINVAL ? 0 : read_err(e->path, err);
		m.target[n] = '\0';
	}
	return send_message(sock, &m, -1, err);
}

static int send_directory(int sock, const struct entry *e, int depth, struct err *err);

static int send_entry(int sock, const struct entry *e, int depth, struct err *err)
{
	struct stat st;

	if (fstatat(e->dir, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return is_gone() && depth ? 0 : read_err(e->path, err);
	if (S_ISREG(st.st_mode))
		return send_file(sock, e, err);
	if (S_ISDIR(st.st_mode))
		return send_directory(sock, e, depth, err);
	return S_ISLNK(st.st_mode) || S_ISFIFO(st.st_mode) ? send_node(sock, e, &st, err) : 0;
}

static int send_directory(int sock, const struct entry *e, int depth, struct err *err)
{
	CLEAN(clean_fd)
	int fd = openat(e->dir, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEAN(strv_done) struct strv names = { 0 };
	struct transfer_message m = { .kind = TRANSFER_LEAVE };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return is_gone() && depth ? 0 : read_err(e->path, err);
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_UNSUPPORTED, "directories are nested more than %d deep",
			       DEPTH_MAX);
	if (dir_list(fd, &names, err) < 0)
		return -1;
	m = message_of(TRANSFER_DIRECTORY, e->as, &st);
	find_owner(e, fd, &m);
	if (send_message(sock, &m, -1, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free) char *path = xasprintf("%s/%s", e->path, names.v[i]);
		const struct entry child = { fd, names.v[i], names.v[i], path, e->from };

		if (send_entry(sock, &child, depth + 1, err) < 0)
			return -1;
	}
	m.kind = TRANSFER_LEAVE;
	return send_message(sock, &m, -1, err);
}

int transfer_send(int sock, const struct transfer_source *from, struct err *err)
{
	const struct entry top = { from->dir, from->name, from->as, from->as, from };
	struct transfer_message m = { .kind = TRANSFER_HEAD, .contents = from->contents };

	if (send_message(sock, &m, -1, err) < 0 || send_entry(sock, &top, 0, err) < 0)
		return -1;
	m.kind = TRANSFER_END;
	return send_message(sock, &m, -1, err);
}
