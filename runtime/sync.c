#include "runtime/sync.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"

int sync_pair(int *ret_parent, int *ret_child, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "cannot make a socket pair");
	*ret_parent = pair[0];
	*ret_child = pair[1];
	return 0;
}

static int send_msg(int sock, const struct sync_msg *msg, int pass_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = sizeof(*msg) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (pass_fd >= 0) {
		m.msg_control = control.space;
		m.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &pass_fd, sizeof(int));
	}
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int sync_send(int sock, enum sync_stage stage, int pass_fd, struct err *err)
{
	struct sync_msg msg = { .stage = stage };

	if (send_msg(sock, &msg, pass_fd) < 0)
		return err_sys(err, "cannot reach the other side of a container's start");
	return 0;
}

void sync_fail(int sock, int exit_code, const struct err *why)
{
	struct sync_msg msg = { .stage = SYNC_FAILED, .exit_code = exit_code, .err = *why };

	send_msg(sock, &msg, -1);
}

/* 1 for a message, 0 for the end of the stream, -1 with errno. */
static int receive_msg(int sock, struct sync_msg *ret, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *c;
	ssize_t n;

	/* ECONNRESET, once: the peer ended with a message of ours unread; its own come next. */
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n <= 0)
		return (int)n;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	if ((size_t)n != sizeof(*ret)) {
		errno = EBADMSG;
		return -1;
	}
	return 1;
}

int sync_expect(int sock, enum sync_stage stage, int *ret_fd, int *ret_exit_code, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	struct sync_msg msg;
	int n = receive_msg(sock, &msg, &fd);

	if (n < 0)
		return err_sys(err, "cannot hear from the other side of a container's start");
	if (n == 0) {
		if (stage == SYNC_EXEC)
			return 0;
		return err_set(err, ERR_SYSTEM, "the other side of a container's start has died");
	}
	if (msg.stage == SYNC_FAILED) {
		if (ret_exit_code)
			*ret_exit_code = msg.exit_code;
		if (err)
			*err = msg.err;
		return -1;
	}
	if (msg.stage != stage)
		return err_set(err, ERR_SYSTEM, "stage %d of a container's start came, not %d",
			       (int)msg.stage, (int)stage);
	if (ret_fd)
		*ret_fd = fd_take(&fd);
	return 0;
}

pid_t sync_fork(int *ret_sock, struct err *err)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	pid_t pid;

	if (sync_pair(&ours, &theirs, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return err_sys(err, "cannot fork");
	*ret_sock = fd_take(pid ? &ours : &theirs);
	return pid;
}

int sync_fetch(int (*make)(const void *arg, int *ret_fd, struct err *err), const void *arg,
	       int *ret_fd, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	const pid_t pid = sync_fork(&sock, err);
	int result;

	if (pid < 0)
		return -1;
	if (pid == 0) {
		struct err why = { 0 };
		int made = -1;

		if (make(arg, &made, &why) < 0 || sync_send(sock, SYNC_TREE, made, &why) < 0)
			sync_fail(sock, 125, &why);
		_exit(0);
	}
	result = sync_expect(sock, SYNC_TREE, ret_fd, NULL, err);
	proc_reap(pid);
	return result;
}
