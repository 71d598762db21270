#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "net/fast_parts.h"
#include "net/fast_unix.h"

static enum fast_way decide(const struct fast *f, const struct fast_subject *s)
{
	struct fast_interfaces interfaces;
	union fast_address plain;

	if (f->options.inside || !fast_address_plain(&s->address, s->len, &plain) ||
	    fast_interfaces_read(f->spare[0].v[0], s->n->pid, plain.any.sa_family == AF_INET6, &interfaces) < 0)
		return FAST_INSIDE;
	return fast_decide(&s->address, s->len, &interfaces);
}

/* --- Outward --- */

/*
 * Where it was bound, if it was, is the container's: its address is none of the host's, and its port may not
 * become one, which others would not get any more. One that is bound by IPv4 can't connect by IPv6, nor the
 * other way round: the container's own says how.
 */
static bool bound_elsewhere(int sock, sa_family_t to)
{
	union fast_address a = { .room = { 0 } }, plain;
	socklen_t len = sizeof(a);

	return getsockname(sock, &a.any, &len) < 0 || !fast_address_plain(&a, len, &plain) ||
	       (fast_address_kept(&plain) && !fast_address_any(&plain)) ||
	       (plain.any.sa_family != to && !fast_address_any(&a));
}

/* From the address that was asked for (outbound_addr=), if any. */
static int bind_outward(const struct fast *f, int sock, int family, bool v6)
{
	const struct network_config *c = &f->options.config;
	union fast_address a = { .room = { 0 } };

	if ((v6 ? c->outbound6.sin6_family : c->outbound.sin_family) == AF_UNSPEC)
		return 0;
	/* It would have to be a mapped address. */
	if (!v6 && family == AF_INET6)
		return -1;
	if (family == AF_INET) {
		a.in.sin_family = AF_INET;
		a.in.sin_addr = c->outbound.sin_addr;
		return bind(sock, &a.any, sizeof(a.in));
	}
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_addr = c->outbound6.sin6_addr;
	return bind(sock, &a.any, sizeof(a.in6));
}

/* A socket like the subject's, on its way to the address; or -1, and the error that the call has, or 0. */
static int make_way(const struct fast *f, const struct fast_subject *s, int *ret_error)
{
	CLEAN(guard_close) int sock = fast_socket_new(s->is.family);
	union fast_address plain;

	*ret_error = 0;
	if (sock < 0 || !fast_address_plain(&s->address, s->len, &plain))
		return -1;
	fast_socket_carry(s->sock, sock, &f->fresh[s->is.family == AF_INET6]);
	if (s->is.namespace == f->container && bound_elsewhere(s->sock, plain.any.sa_family))
		return -1;
	if (bind_outward(f, sock, s->is.family, plain.any.sa_family == AF_INET6) < 0)
		return -1;
	/* Linux has kept users without privileges from this since 2026: it is not what we rely on. */
	fast_socket_pin(sock, &plain);
	if (connect(sock, &s->address.any, s->len) < 0 && errno != EINPROGRESS) {
		*ret_error = errno;
		return -1;
	}
	if (fcntl(sock, F_SETFL, s->is.flags) < 0)
		return -1;
	return fd_take(&sock);
}

static bool may_look(struct fast *f, pid_t of)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return fast_place_may_look(&f->looks, fast_place_count(of), now.tv_sec);
}

/* False: not answered, and nothing was changed. */
static bool go_outward(struct fast *f, struct fast_subject *s)
{
	CLEAN(guard_close) int sock = -1;
	bool blocks = !(s->is.flags & O_NONBLOCK), left;
	struct fast_place place;
	uint64_t inode;
	int error;

	if (!fast_socket_movable(s->sock, &s->is) || (blocks && !fast_can_wait(f)) ||
	    fast_place_find(s->n->pid, s->number, s->is.inode, &place) < 0 || place.spent ||
	    fast_place_shared(s->n->pid, s->number, s->is.inode))
		return false;
	sock = make_way(f, s, &error);
	if (sock < 0 && error)
		fast_answer(f, s->n, error, 0);
	if (sock < 0)
		return error != 0;
	if (fast_place_put(s->n, s->number, &place, sock) < 0)
		return false;
	inode = fast_socket_inode(sock);
	fast_unfinished(f, inode);
	left = !blocks && fast_spare_is_left(f, s);
	if (blocks || left)
		fast_place_leave(s->n, &place, s->sock);
	if (left)
		fast_spare_leave(f, s->is.family, fd_take(&s->sock));
	if (blocks)
		fast_wait(f, s->n, fd_take(&sock), fd_take(&s->sock), EINPROGRESS);
	else
		fast_answer(f, s->n, EINPROGRESS, inode);
	return true;
}

/* --- By hand: what the kernel would do, if the call could go on --- */

static int get_int(int sock, int name)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(sock, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

/* The flags are the container's, too. While it is connected here, it must not block. */
static int connect_without_waiting(const struct fast_subject *s)
{
	bool blocks = !(s->is.flags & O_NONBLOCK);
	int error = 0;

	if (blocks && fcntl(s->sock, F_SETFL, s->is.flags | O_NONBLOCK) < 0)
		return errno;
	guard(true);
	if (connect(s->sock, &s->address.any, s->len) < 0)
		error = errno;
	guard(false);
	if (blocks)
		fcntl(s->sock, F_SETFL, s->is.flags);
	return error == EINTR ? EINPROGRESS : error;
}

static void connect_stream(struct fast *f, struct fast_subject *s)
{
	bool blocks;
	int error;

	s->is.flags = fcntl(s->sock, F_GETFL);
	blocks = !(s->is.flags & O_NONBLOCK);
	if (blocks && !fast_can_wait(f)) {
		fast_answer(f, s->n, EAGAIN, 0);
		return;
	}
	error = connect_without_waiting(s);
	if (blocks && (error == EINPROGRESS || error == EALREADY))
		fast_wait(f, s->n, fd_take(&s->sock), -1, error);
	else
		fast_answer(f, s->n, error, 0);
}

static void connect_by_hand(struct fast *f, struct fast_subject *s)
{
	switch (get_int(s->sock, SO_DOMAIN)) {
	case AF_UNIX:
		fast_unix_connect(f->loop, s->n, s->sock, &s->address.any, s->len, &f->children);
		break;
	case AF_INET:
	case AF_INET6:
		if (get_int(s->sock, SO_TYPE) != SOCK_DGRAM && get_int(s->sock, SO_TYPE) != SOCK_RAW)
			connect_stream(f, s);
		else
			fast_answer(f, s->n, connect(s->sock, &s->address.any, s->len) < 0 ? errno : 0, 0);
		break;
	case -1:
		fast_answer(f, s->n, ENOTSOCK, 0);
		break;
	default:
		fast_answer(f, s->n, EACCES, 0);
	}
}

/* --- Sockets of the host's, that the container has from an earlier call --- */

/* In its place comes one of the container's namespace, in s, which was never connected. */
static int bring_inside(struct fast *f, struct fast_subject *s)
{
	CLEAN(guard_close) int sock = fast_spare_like(f, s->sock, &s->is);
	struct fast_place place;

	if (sock < 0)
		return -1;
	if (fast_place_find(s->n->pid, s->number, s->is.inode, &place) < 0 ||
	    fast_place_put(s->n, s->number, &place, sock) < 0)
		return -1;
	fast_wait_abort(f, s->is.inode);
	guard_close(&s->sock);
	s->sock = fd_take(&sock);
	return 0;
}

/* One that has failed says so, and is as new; one whose connection is over stays what it is. */
static int end_of(struct fast *f, struct fast_subject *s)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (!fast_finish(f, s->is.inode))
		return EISCONN;
	getsockopt(s->sock, SOL_SOCKET, SO_ERROR, &error, &len);
	if (bring_inside(f, s) < 0)
		return ENETUNREACH;
	return error ? error : ECONNABORTED;
}

static void connect_again(struct fast *f, struct fast_subject *s)
{
	bool blocks = !(s->is.flags & O_NONBLOCK), owed;
	int error;

	fast_wait_interrupted(f, s->is.inode);
	owed = fast_is_owed(f, s->n, s->is.inode);
	if (s->address.any.sa_family == AF_UNSPEC) {
		fast_answer(f, s->n, bring_inside(f, s) < 0 ? EAGAIN : 0, 0);
		return;
	}
	switch (s->is.state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		error = owed ? EINPROGRESS : EALREADY;
		if (blocks && fast_can_wait(f))
			fast_wait(f, s->n, fd_take(&s->sock), -1, error);
		else
			fast_answer(f, s->n, error, s->is.inode);
		break;
	case TCP_CLOSE:
		fast_answer(f, s->n, end_of(f, s), 0);
		break;
	default:
		owed |= fast_finish(f, s->is.inode);
		fast_answer(f, s->n, owed ? 0 : EISCONN, owed ? s->is.inode : 0);
	}
}

/* --- The calls --- */

static bool connect_subject(struct fast *f, struct fast_subject *s)
{
	bool tcp = fast_socket_look(s->sock, &s->is) == 0 && s->is.protocol == IPPROTO_TCP;

	if (tcp && fast_is_foreign(f, s->n, &s->is)) {
		connect_again(f, s);
		return true;
	}
	if (tcp && s->is.namespace == f->container && s->is.state == TCP_CLOSE &&
	    decide(f, s) == FAST_OUTWARD && may_look(f, s->n->pid) && go_outward(f, s))
		return true;
	if (fast_may_go_on(s->n))
		return false;
	connect_by_hand(f, s);
	return true;
}

/* The error that the call has, or 0. */
static int read_address(struct fast_subject *s)
{
	uint32_t len = (uint32_t)s->n->data.args[2];

	memset(&s->address, 0, sizeof(s->address));
	if (len > sizeof(s->address))
		return EINVAL;
	if (len && notify_read(s->n, s->n->data.args[1], &s->address, len) < 0)
		return EFAULT;
	if (len < sizeof(sa_family_t))
		return get_int(s->sock, SO_TYPE) < 0 ? ENOTSOCK : EINVAL;
	s->len = len;
	return 0;
}

bool fast_connect(struct fast *f, const struct notification *n)
{
	struct fast_subject s = { .n = n, .number = (int)n->data.args[0] };
	bool answered;
	int error;

	s.sock = notify_get_fd(n, s.number);
	if (s.sock < 0) {
		fast_answer(f, n, errno == EBADF ? EBADF : EAGAIN, 0);
		return true;
	}
	error = read_address(&s);
	if (error)
		fast_answer(f, n, error, 0);
	answered = error || connect_subject(f, &s);
	guard_close(&s.sock);
	return answered;
}

void fast_shutdown(struct fast *f, const struct notification *n)
{
	struct fast_subject s = { .n = n, .number = (int)n->data.args[0] };
	int error = 0;

	s.sock = notify_get_fd(n, s.number);
	if (s.sock < 0)
		error = errno == EBADF ? EBADF : EAGAIN;
	/* One that is connecting could be connected to anything after that. */
	else if (fast_socket_look(s.sock, &s.is) == 0 && fast_is_foreign(f, n, &s.is) &&
		 s.is.state == TCP_SYN_SENT)
		error = bring_inside(f, &s) < 0 ? EAGAIN : 0;
	else if (shutdown(s.sock, (int)n->data.args[1]) < 0)
		error = errno;
	else
		fast_finish(f, s.is.inode);
	fast_answer(f, n, error, 0);
	guard_close(&s.sock);
}

/* It is no way to listen, but keeps a port of the host's taken. */
bool fast_bind(struct fast *f, const struct notification *n)
{
	CLEAN(guard_close) int sock = notify_get_fd(n, (int)n->data.args[0]);
	struct fast_socket is;

	if (sock < 0 || fast_socket_look(sock, &is) < 0 || !fast_is_foreign(f, n, &is))
		return false;
	fast_answer(f, n, EINVAL, 0);
	return true;
}
