#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/fast_publish.h"

/* Calls that wait, of one container. */
#define WAITING_MAX 1024
/* From so many on, those are looked for whose caller was interrupted. */
#define WAITING_FEW 64

/* The listener is not held: it is to be closed when the container has closed it. */
struct fast_accepting {
	struct fast_accepting *next;
	struct fast *fast;
	struct notification call;
	uint64_t inode; /* of the listener */
	int timer;	/* SO_RCVTIMEO, or -1 */
};

/* --- Addresses that the container is told --- */

/* As by the kernel: cut to the room that there is, with the length that it would have had. */
static int tell(const struct notification *n, const union fast_address *a, uint64_t address, uint64_t room)
{
	socklen_t len = a->any.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
	int has;

	if (notify_read(n, room, &has, sizeof(has)) < 0)
		return EFAULT;
	if (has < 0)
		return EINVAL;
	if (notify_write(n, address, a, (socklen_t)has < len ? (size_t)has : len) < 0 ||
	    notify_write(n, room, &len, sizeof(len)) < 0)
		return EFAULT;
	return 0;
}

/* What a socket of IPv6 says of IPv4. */
static void map(union fast_address *a)
{
	union fast_address mapped = { .room = { 0 } };

	mapped.in6.sin6_family = AF_INET6;
	mapped.in6.sin6_port = a->in.sin_port;
	mapped.in6.sin6_addr.s6_addr[10] = mapped.in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&mapped.in6.sin6_addr.s6_addr[12], &a->in.sin_addr, sizeof(a->in.sin_addr));
	*a = mapped;
}

/* Of the container's ports the one that a socket of the host's has come by; NULL: none. */
static const struct fast_port *port_of(const struct fast *f, int sock, union fast_address *ret_own)
{
	socklen_t len = sizeof(*ret_own);

	if (getsockname(sock, &ret_own->any, &len) < 0)
		return NULL;
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].address.any.sa_family == ret_own->any.sa_family &&
		    f->ports[i].address.in.sin_port == ret_own->in.sin_port)
			return &f->ports[i];
	return NULL;
}

/* True: answered. Those that went outward say what the host says. */
static bool name(struct fast *f, const struct notification *n, bool peer)
{
	CLEAN(guard_close) int sock = notify_get_fd(n, (int)n->data.args[0]);
	const struct fast_port *p;
	struct fast_socket is;
	union fast_address a = { .room = { 0 } };
	socklen_t len = sizeof(a);

	if (sock < 0 || fast_socket_look(sock, &is) < 0 || is.namespace != f->host)
		return false;
	p = port_of(f, sock, &a);
	if (!p)
		return false;
	if (peer && getpeername(sock, &a.any, &len) < 0) {
		fast_answer(f, n, errno, 0);
		return true;
	}
	if (peer)
		fast_visitor_shown(f, &a);
	else
		a = p->inside;
	fast_answer(f, n, tell(n, &a, n->data.args[1], n->data.args[2]), 0);
	return true;
}

bool fast_getpeername(struct fast *f, const struct notification *n)
{
	return name(f, n, true);
}

bool fast_getsockname(struct fast *f, const struct notification *n)
{
	return name(f, n, false);
}

/* --- accept --- */

/*
 * The connection that was taken from the container's listener, or the one that it announces, with what was
 * set on the listener, as the kernel has it.
 */
static int exchange(struct fast *f, const struct fast_subject *listener, int taken,
		    union fast_address *from)
{
	union fast_address plain;
	struct fast_visit *v = NULL;
	bool mapped = from->any.sa_family == AF_INET6;
	int announced;

	if (fast_address_plain(from, sizeof(*from), &plain))
		v = fast_visit_find(f, &plain);
	if (!v)
		return taken;
	/* In this order nobody waits in TIME_WAIT. */
	announced = fast_visit_end(v, from);
	guard_close(&taken);
	fast_listener_carry(f, listener, announced);
	fast_visitor_shown(f, from);
	if (mapped && from->any.sa_family == AF_INET)
		map(from);
	return announced;
}

static int flags_of(const struct notification *n)
{
	return n->data.nr == SYS_accept4 ? (int)n->data.args[3] : 0;
}

static void hand_over(struct fast *f, const struct fast_subject *listener, int taken, union fast_address *from)
{
	const struct notification *n = listener->n;
	CLEAN(guard_close) int sock = exchange(f, listener, taken, from);
	int flags = flags_of(n);
	int error = n->data.args[1] ? tell(n, from, n->data.args[1], n->data.args[2]) : 0;

	if (!(flags & SOCK_NONBLOCK))
		fcntl(sock, F_SETFL, fcntl(sock, F_GETFL) & ~O_NONBLOCK);
	if (error)
		fast_answer(f, n, error, 0);
	else
		fast_answer_socket(f, n, fd_take(&sock), flags & SOCK_CLOEXEC);
}

/* False: nobody is there. */
static bool take_one(struct fast *f, const struct fast_subject *listener)
{
	union fast_address from = { .room = { 0 } };
	socklen_t len = sizeof(from);
	int flags = fcntl(listener->sock, F_GETFL), taken, error;

	/* Its flags are the container's, too. */
	if (!(flags & O_NONBLOCK))
		fcntl(listener->sock, F_SETFL, flags | O_NONBLOCK);
	guard(true);
	taken = accept4(listener->sock, &from.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	error = errno;
	guard(false);
	if (!(flags & O_NONBLOCK))
		fcntl(listener->sock, F_SETFL, flags);
	if (taken >= 0)
		hand_over(f, listener, taken, &from);
	else if (error != EAGAIN && error != EINTR)
		fast_answer(f, listener->n, error, 0);
	return taken >= 0 || (error != EAGAIN && error != EINTR);
}

static void drop(struct fast_accepting *a)
{
	struct fast_accepting **at = &a->fast->accepting;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	a->fast->n_accepting--;
	notify_loop_forget(a->fast->loop, a->timer);
	clean_fd(&a->timer);
	free(a);
}

static void on_timeout(struct notify_loop *l, uint32_t events, void *arg)
{
	struct fast_accepting *a = arg;
	struct fast *f = a->fast;

	(void)l;
	(void)events;
	fast_answer(f, &a->call, EAGAIN, 0);
	drop(a);
	fast_send_answers(f);
}

/*
 * Once. An epoll instance does not hold what it waits for, and knows it by its number, too: so that all
 * listeners have the same, for a moment.
 */
static int await(struct fast *f, int listener, uint64_t inode)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = inode };
	int result;

	if (dup3(listener, f->slot, O_CLOEXEC) < 0)
		return -1;
	result = epoll_ctl(f->listeners, EPOLL_CTL_ADD, f->slot, &e);
	if (result < 0 && errno == EEXIST)
		result = epoll_ctl(f->listeners, EPOLL_CTL_MOD, f->slot, &e);
	dup3(f->listeners, f->slot, O_CLOEXEC);
	return result;
}

/* True: it need not wait any more. */
static bool try_again(struct fast *f, struct fast_accepting *a)
{
	CLEAN(guard_close) int sock = notify_get_fd(&a->call, (int)a->call.data.args[0]);
	struct fast_subject listener = { .n = &a->call, .sock = sock };

	if (sock < 0 || fast_socket_look(sock, &listener.is) < 0 || listener.is.inode != a->inode) {
		fast_answer(f, &a->call, EBADF, 0);
		return true;
	}
	return take_one(f, &listener) || await(f, sock, a->inode) < 0;
}

static void on_ready(struct notify_loop *l, uint32_t events, void *arg)
{
	struct fast *f = arg;
	struct fast_accepting *next;
	struct epoll_event e;

	(void)l;
	(void)events;
	if (epoll_wait(f->listeners, &e, 1, 0) != 1)
		return;
	for (struct fast_accepting *a = f->accepting; a; a = next) {
		next = a->next;
		if (a->inode != e.data.u64)
			continue;
		if (!notify_valid(&a->call) || try_again(f, a))
			drop(a);
	}
	fast_send_answers(f);
}

int fast_accept_prepare(struct fast *f)
{
	f->listeners = epoll_create1(EPOLL_CLOEXEC);
	f->slot = fcntl(f->listeners, F_DUPFD_CLOEXEC, 0);
	return f->slot < 0 ? -1 : notify_loop_watch(f->loop, f->listeners, EPOLLIN, on_ready, f);
}

static bool has_room(struct fast *f)
{
	struct fast_accepting *next;

	for (struct fast_accepting *a = f->accepting; f->n_accepting >= WAITING_FEW && a; a = next) {
		next = a->next;
		if (!notify_valid(&a->call))
			drop(a);
	}
	return f->n_accepting < WAITING_MAX;
}

static void wait_for_one(struct fast *f, const struct notification *n, int listener, uint64_t inode)
{
	struct fast_accepting *a = xcalloc(1, sizeof(*a));

	*a = (struct fast_accepting){ .next = f->accepting, .fast = f, .call = *n, .inode = inode };
	a->timer = fast_timer(listener, SO_RCVTIMEO);
	f->accepting = a;
	f->n_accepting++;
	if (await(f, listener, inode) == 0 &&
	    (a->timer < 0 || notify_loop_watch(f->loop, a->timer, EPOLLIN, on_timeout, a) == 0))
		return;
	fast_answer(f, n, ENOBUFS, 0);
	drop(a);
}

static bool is_published(const struct fast *f, in_port_t port, bool opened)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].inside.in.sin_port == port && (!opened || f->ports[i].sock >= 0))
			return true;
	return false;
}

/* The container's own socket, bound to a published port. */
static bool look_at_published(const struct fast *f, int sock, struct fast_socket *is, in_port_t *ret)
{
	union fast_address a = { .room = { 0 } };
	socklen_t len = sizeof(a);

	if (sock < 0 || fast_socket_look(sock, is) < 0 || is->namespace != f->container ||
	    getsockname(sock, &a.any, &len) < 0)
		return false;
	*ret = a.in.sin_port;
	return is_published(f, *ret, false);
}

bool fast_accept(struct fast *f, const struct notification *n)
{
	CLEAN(guard_close) int sock = notify_get_fd(n, (int)n->data.args[0]);
	struct fast_subject listener = { .n = n, .sock = sock };
	in_port_t port;

	if (!look_at_published(f, sock, &listener.is, &port) || listener.is.state != TCP_LISTEN)
		return false;
	/* A visitor may still be in the queue of one that is not open any more. */
	if (!is_published(f, port, true) && !f->n_visits)
		return false;
	if (flags_of(n) & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) {
		fast_answer(f, n, EINVAL, 0);
		return true;
	}
	if (take_one(f, &listener))
		return true;
	if ((listener.is.flags & O_NONBLOCK) || !has_room(f))
		fast_answer(f, n, EAGAIN, 0);
	else
		wait_for_one(f, n, sock, listener.is.inode);
	return true;
}

bool fast_listen(struct fast *f, const struct notification *n)
{
	CLEAN(guard_close) int sock = notify_get_fd(n, (int)n->data.args[0]);
	struct fast_socket is;
	in_port_t port;

	if (!look_at_published(f, sock, &is, &port))
		return false;
	if (listen(sock, (int)n->data.args[1]) < 0) {
		fast_answer(f, n, errno, 0);
		return true;
	}
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].inside.in.sin_port == port)
			fast_port_open(f, &f->ports[i]);
	fast_answer(f, n, 0, 0);
	return true;
}
