/*
 * Theory of operation
 *
 * A published port is a listening socket of tiffin-net's, A, on the host. When the container listens on
 * its port, the supervisor makes another one, B, at the same address (SO_REUSEPORT), and has the kernel
 * prefer it; when B is closed, or its supervisor dies, A is alone again and goes on as without us.
 *
 * The container's listener stays what it is, with its queue, its epoll instances, the processes that
 * share it. For each connection to B we make one to that listener inside, from a socket of the
 * container's namespace: this wakes whoever waits there, and tells us whether anybody listens. Who then
 * accepts it is answered by us (net/fast_accept.c) with the connection to B in its place.
 */
#include "net/fast_publish.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/str.h"

#define BACKLOG 1024

struct fast_visit {
	struct fast_visit *next;
	struct fast *fast;
	int host, inner; /* the connection, and the one that announces it */
	union fast_address from; /* of the latter */
	union fast_address peer; /* of the former, which may have cut it off by now */
};

static void on_visitor(struct notify_loop *l, uint32_t events, void *arg);

/* The peer sees a reset, as of a port that is closed. */
static void cut_off(int sock)
{
	static const struct linger now = { .l_onoff = 1 };

	setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(sock);
}

/* --- Ports --- */

static void close_port(struct fast *f, struct fast_port *p)
{
	notify_loop_forget(f->loop, p->sock);
	clean_fd(&p->sock);
	f->shared->open[(p - f->ports) / 8] &= (uint8_t)~(1 << (p - f->ports) % 8);
}

/* A was the first to listen there. */
static int prefer(int sock)
{
	struct sock_filter second = BPF_STMT(BPF_RET | BPF_K, 1);
	struct sock_fprog program = { .len = 1, .filter = &second };

	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

static int listen_there(const struct fast_port *p)
{
	CLEAN(clean_fd) int sock = fast_socket_new(p->address.any.sa_family);
	int on = 1;

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -1;
	if (p->address.any.sa_family == AF_INET6 &&
	    setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	if (bind(sock, &p->address.any, sizeof(p->address)) < 0 || listen(sock, BACKLOG) < 0 ||
	    prefer(sock) < 0)
		return -1;
	return fd_take(&sock);
}

void fast_port_open(struct fast *f, struct fast_port *p)
{
	if (p->sock >= 0)
		return;
	p->sock = listen_there(p);
	if (p->sock < 0)
		return;
	if (notify_loop_watch(f->loop, p->sock, EPOLLIN, on_visitor, p) < 0)
		clean_fd(&p->sock);
	else
		f->shared->open[(p - f->ports) / 8] |= (uint8_t)(1 << (p - f->ports) % 8);
}

void fast_ports_open_again(struct fast *f)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->shared->open[i / 8] & 1 << i % 8)
			fast_port_open(f, &f->ports[i]);
}

/* --- Visits --- */

/* Those who had to wait may come now. */
static void let_in(struct fast *f)
{
	f->held_up = false;
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].sock >= 0)
			notify_loop_watch(f->loop, f->ports[i].sock, EPOLLIN, on_visitor, &f->ports[i]);
}

static void hold_up(struct fast *f)
{
	f->held_up = true;
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].sock >= 0)
			notify_loop_forget(f->loop, f->ports[i].sock);
}

static void remove_visit(struct fast_visit *v)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct fast *f = v->fast;
	struct fast_visit **at = &f->visits;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	f->n_visits--;
	notify_loop_forget(f->loop, v->inner);
	(void)!connect(v->inner, &none, sizeof(none));
	fast_spare_give(f, v->from.any.sa_family, v->inner);
	free(v);
	if (f->held_up)
		let_in(f);
}

int fast_visit_end(struct fast_visit *v, union fast_address *ret_from)
{
	int sock = v->host;

	*ret_from = v->peer;
	fast_socket_pin(sock, ret_from);
	remove_visit(v);
	return sock;
}

static void on_inner(struct notify_loop *l, uint32_t events, void *arg);

/*
 * A listener with TCP_DEFER_ACCEPT is not told of a connection before something comes by it: that nothing
 * more will does, too. Not while it is on its way, as that would be its end.
 */
static void say_nothing(struct fast_visit *v)
{
	bool there = fast_socket_state(v->inner) == TCP_ESTABLISHED;

	if (there)
		shutdown(v->inner, SHUT_WR);
	notify_loop_watch(v->fast->loop, v->inner, EPOLLRDHUP | EPOLLHUP | EPOLLERR | (there ? 0 : EPOLLOUT),
			  on_inner, v);
}

static void on_inner(struct notify_loop *l, uint32_t events, void *arg)
{
	struct fast_visit *v = arg;

	(void)l;
	if (!(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
		say_nothing(v);
		return;
	}
	/* Nobody has taken it, and nobody will: the container has closed its listener. */
	cut_off(v->host);
	remove_visit(v);
}

static bool is_refused(int sock)
{
	struct fast_socket is;

	return fast_socket_look(sock, &is) < 0 || is.state == TCP_CLOSE;
}

/* Takes both sockets over. False: nobody listens inside, and they are closed. */
static bool announce(struct fast *f, const struct fast_port *p, int host, const union fast_address *peer,
		     int inner)
{
	union fast_address from = { .room = { 0 } };
	socklen_t len = sizeof(from);
	struct fast_visit *v;

	if ((connect(inner, &p->inside.any, sizeof(p->inside)) < 0 && errno != EINPROGRESS) ||
	    is_refused(inner) || getsockname(inner, &from.any, &len) < 0) {
		cut_off(host);
		close(inner);
		return false;
	}
	v = xcalloc(1, sizeof(*v));
	*v = (struct fast_visit){ f->visits, f, host, inner, from, *peer };
	f->visits = v;
	f->n_visits++;
	say_nothing(v);
	return true;
}

static void on_visitor(struct notify_loop *l, uint32_t events, void *arg)
{
	struct fast_port *p = arg;
	struct fast *f = p->fast;
	union fast_address peer = { .room = { 0 } };
	socklen_t len = sizeof(peer);
	int inner, host;

	(void)l;
	(void)events;
	inner = f->n_visits < FAST_VISITS_MAX ? fast_spare_take(f, p->inside.any.sa_family) : -1;
	if (inner < 0 && f->n_visits) {
		hold_up(f);
		return;
	}
	host = inner < 0 ? -1 : accept4(p->sock, &peer.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (inner < 0 || (host >= 0 && !announce(f, p, host, &peer, inner)))
		close_port(f, p);
	else if (host < 0)
		fast_spare_give(f, p->inside.any.sa_family, inner);
}

static bool same_place(const union fast_address *a, const union fast_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	return a->any.sa_family == AF_INET ?
		       a->in.sin_port == b->in.sin_port &&
			       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr :
		       a->in6.sin6_port == b->in6.sin6_port &&
			       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}

struct fast_visit *fast_visit_find(struct fast *f, const union fast_address *from)
{
	for (struct fast_visit *v = f->visits; v; v = v->next)
		if (same_place(&v->from, from))
			return v;
	return NULL;
}

void fast_visitor_shown(const struct fast *f, union fast_address *a)
{
	if (a->any.sa_family == AF_INET && ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
		a->in.sin_addr = f->options.config.gateway;
	else if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr))
		a->in6.sin6_addr = f->options.config.gateway6;
}
