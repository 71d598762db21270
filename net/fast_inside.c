#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "net/fast_box.h"
#include "net/fast_parts.h"

/* In the child, which shares our descriptors, so that what it makes is ours. */
static _Noreturn void make(int init, int family, int report, size_t n)
{
	/* EINVAL: a confined supervisor is in the user namespace already. */
	if (setns(init, CLONE_NEWUSER | CLONE_NEWNET) < 0 &&
	    (errno != EINVAL || setns(init, CLONE_NEWNET) < 0))
		_exit(1);
	for (size_t i = 0; i < n; i++) {
		int sock = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

		if (sock < 0 || write(report, &sock, sizeof(sock)) != sizeof(sock))
			_exit(1);
	}
	_exit(0);
}

/* All or none. Who enters a namespace can't come back, and so a child does it. */
static int make_sockets(int init, int family, int *ret, size_t n)
{
	CLEAN(clean_fd) int from = -1;
	CLEAN(clean_fd) int to = -1;
	size_t got = 0;
	pid_t pid;
	int ends[2], code;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	from = ends[0];
	to = ends[1];
	/* As fork(2), but for the descriptors. */
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return -1;
	if (pid == 0)
		make(init, family, to, n);
	code = proc_reap(pid);
	close(fd_take(&to));
	while (got < n && read(from, &ret[got], sizeof(*ret)) == sizeof(*ret))
		got++;
	if (code == 0 && got == n)
		return 0;
	while (got > 0)
		close(ret[--got]);
	return -1;
}

/* False: there are none, as for a supervisor after the first. */
static bool find_in_box(struct fast *f)
{
	int socks[FAST_SPARE_MAX], family;
	size_t n;

	while (f->options.box >= 0 && (n = fast_box_take(f->options.box, &family, socks)) > 0) {
		memcpy(f->spare[family == AF_INET6].v, socks, n * sizeof(*socks));
		f->spare[family == AF_INET6].n = n;
	}
	return f->spare[0].n > 0;
}

int fast_spares_make(struct fast *f)
{
	size_t n = f->options.n_spare;

	if (find_in_box(f))
		return 0;
	if (make_sockets(f->options.init, AF_INET, f->spare[0].v, n) < 0)
		return -1;
	f->spare[0].n = n;
	/* A kernel without IPv6 has none of these, and nobody who asks for them. */
	if (n > 1 && make_sockets(f->options.init, AF_INET6, f->spare[1].v, n) == 0)
		f->spare[1].n = n;
	return 0;
}

/* Several at once: it is a process that makes them. */
#define SEVERAL 8

int fast_spare_take(struct fast *f, int family)
{
	size_t i = family == AF_INET6, stays = i == 0;

	if (f->spare[i].n <= stays &&
	    make_sockets(f->options.init, family, f->spare[i].v + stays, SEVERAL) == 0)
		f->spare[i].n = stays + SEVERAL;
	return f->spare[i].n > stays ? f->spare[i].v[--f->spare[i].n] : -1;
}

bool fast_spare_is_left(const struct fast *f, const struct fast_subject *s)
{
	union fast_address own = { .room = { 0 } };
	socklen_t len = sizeof(own);

	/* Port 0, which stands at the same place in both: it was not bound. */
	return f->options.box >= 0 && s->is.namespace == f->container &&
	       f->left[s->is.family == AF_INET6].n < FAST_SPARE_MAX &&
	       getsockname(s->sock, &own.any, &len) == 0 && !own.in.sin_port;
}

void fast_spare_leave(struct fast *f, int family, int sock)
{
	size_t i = family == AF_INET6;

	f->left[i].v[f->left[i].n++] = sock;
}

int fast_spare_like(struct fast *f, int host, const struct fast_socket *is)
{
	size_t i = is->family == AF_INET6;
	int sock = fast_spare_take(f, is->family);

	if (sock < 0 && f->left[i].n)
		sock = f->left[i].v[--f->left[i].n];
	if (sock < 0)
		return -1;
	fast_socket_carry(host, sock, NULL);
	fcntl(sock, F_SETFL, is->flags);
	return sock;
}

void fast_spare_give(struct fast *f, int family, int sock)
{
	size_t i = family == AF_INET6;

	if (f->spare[i].n < FAST_SPARE_MAX)
		f->spare[i].v[f->spare[i].n++] = sock;
	else
		close(sock);
}
