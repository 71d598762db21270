#include "net/fast_box.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* One message: sockets of one family. */
union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(FAST_SPARE_MAX * sizeof(int))];
};

int fast_box_make(int ret_ends[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends) < 0)
		return err_sys(err, "cannot make a socket pair");
	return 0;
}

size_t fast_box_take(int box, int *ret_family, int ret[FAST_SPARE_MAX])
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = ret_family, .iov_len = sizeof(*ret_family) };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *c;
	size_t n;

	if (recvmsg(box, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*ret_family))
		return 0;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(ret, CMSG_DATA(c), n * sizeof(int));
	return n;
}

/* Of a run before: they are of another namespace. */
static void empty(int box)
{
	int family, socks[FAST_SPARE_MAX];
	size_t n;

	while ((n = fast_box_take(box, &family, socks)) > 0)
		while (n > 0)
			close(socks[--n]);
}

static void put(int box, int family, const int *socks, size_t n)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = &family, .iov_len = sizeof(family) };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&control.header), socks, n * sizeof(int));
	sendmsg(box, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void fill(int box, int family, size_t wanted)
{
	int socks[FAST_SPARE_MAX];
	size_t n = 0;

	while (n < wanted && (socks[n] = fast_socket_new(family)) >= 0)
		n++;
	if (n == wanted)
		put(box, family, socks, n);
	while (n > 0)
		close(socks[--n]);
}

void fast_box_fill(const int ends[2], size_t n)
{
	empty(ends[0]);
	fill(ends[1], AF_INET, n);
	fill(ends[1], AF_INET6, n);
}
