#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/fast_parts.h"

/* Of one container. Each holds three descriptors here. */
#define PENDING_MAX 1024
/* From so many on, those are looked for whose caller was interrupted, at once. */
#define PENDING_FEW 64
#define SWEEP_S	    1 /* and else every so often */

struct fast_pending {
	struct fast_pending *next;
	struct fast *fast;
	struct notification call;
	int sock, own;
	int timer; /* SO_SNDTIMEO, or -1 */
	int late;
	uint64_t inode;
};

static void drop(struct fast_pending *p)
{
	struct fast_pending **at = &p->fast->pending;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->fast->n_pending--;
	notify_loop_forget(p->fast->loop, p->sock);
	notify_loop_forget(p->fast->loop, p->timer);
	guard_close(&p->sock);
	guard_close(&p->own);
	clean_fd(&p->timer);
	free(p);
}

/* The connection goes on, for whoever has its socket. The error, if it fails, is told once: not to us. */
static bool drop_interrupted(struct fast_pending *p)
{
	if (notify_valid(&p->call))
		return false;
	fast_owe(p->fast, &p->call, p->inode);
	drop(p);
	return true;
}

void fast_wait_interrupted(struct fast *f, uint64_t inode)
{
	for (struct fast_pending *p = f->pending; p; p = p->next)
		if (p->inode == inode && drop_interrupted(p))
			return;
}

static void sweep(struct fast *f)
{
	struct fast_pending *next;

	for (struct fast_pending *p = f->pending; p; p = next) {
		next = p->next;
		drop_interrupted(p);
	}
}

bool fast_can_wait(struct fast *f)
{
	if (f->n_pending >= PENDING_FEW)
		sweep(f);
	return f->n_pending < PENDING_MAX;
}

/* Nobody tells us of a caller that was killed, and its peer may be silent for minutes. */
static void on_sweep(struct notify_loop *l, uint32_t events, void *arg)
{
	static const struct itimerspec never;
	struct fast *f = arg;
	uint64_t times;

	(void)l;
	(void)events;
	(void)!read(f->sweep, &times, sizeof(times));
	sweep(f);
	f->sweeps = f->pending;
	if (!f->sweeps)
		timerfd_settime(f->sweep, 0, &never, NULL);
}

int fast_wait_prepare(struct fast *f)
{
	f->sweep = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return f->sweep < 0 ? -1 : notify_loop_watch(f->loop, f->sweep, EPOLLIN, on_sweep, f);
}

/* connect(2) that has failed leaves a socket as it was; not one of the host's: see net/fast.c. */
static void put_back(const struct fast_pending *p)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	int number = (int)p->call.data.args[0];
	CLEAN(guard_close) int fresh = -1;
	struct fast_place place;
	struct fast_socket is;

	if (fast_socket_look(p->sock, &is) < 0)
		return;
	if (is.namespace == p->fast->container) {
		(void)!connect(p->sock, &none, sizeof(none));
		return;
	}
	/* It was another call that brought it here. */
	if (p->own < 0)
		fresh = fast_spare_like(p->fast, p->sock, &is);
	fast_finish(p->fast, p->inode);
	if (fast_place_find(p->call.pid, number, p->inode, &place) == 0)
		fast_place_put(&p->call, number, &place, p->own < 0 ? fresh : p->own);
}

/* What has its connection by a call that waited does not say so to the next one. */
static void finish(struct fast *f, int sock, uint64_t inode)
{
	union fast_address peer = { .room = { 0 } };
	socklen_t len = sizeof(peer);

	if (fast_socket_namespace(sock) != f->container) {
		fast_finish(f, inode);
	} else if (getpeername(sock, &peer.any, &len) == 0) {
		guard(true);
		(void)!connect(sock, &peer.any, len);
		guard(false);
	}
}

static void on_connected(struct notify_loop *l, uint32_t events, void *arg)
{
	struct fast_pending *p = arg;
	struct fast *f = p->fast;
	socklen_t len = sizeof(int);
	int error = 0;

	(void)l;
	(void)events;
	if (drop_interrupted(p))
		return;
	/* One that was shut down before says so while it is on its way. */
	if (fast_socket_state(p->sock) == TCP_SYN_SENT)
		return;
	getsockopt(p->sock, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		put_back(p);
	else
		finish(f, p->sock, p->inode);
	fast_answer(f, &p->call, error, error ? 0 : p->inode);
	drop(p);
	fast_send_answers(f);
}

static void on_timeout(struct notify_loop *l, uint32_t events, void *arg)
{
	struct fast_pending *p = arg;
	struct fast *f = p->fast;

	(void)l;
	(void)events;
	fast_answer(f, &p->call, p->late, p->inode);
	drop(p);
	fast_send_answers(f);
}

int fast_timer(int sock, int option)
{
	struct itimerspec when = { 0 };
	struct timeval wait = { 0 };
	socklen_t len = sizeof(wait);
	int timer;

	if (getsockopt(sock, SOL_SOCKET, option, &wait, &len) < 0 || (!wait.tv_sec && !wait.tv_usec))
		return -1;
	when.it_value.tv_sec = wait.tv_sec;
	when.it_value.tv_nsec = wait.tv_usec * 1000;
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer >= 0)
		timerfd_settime(timer, 0, &when, NULL);
	return timer;
}

void fast_wait(struct fast *f, const struct notification *n, int sock, int own, int late)
{
	static const struct itimerspec each = { { .tv_sec = SWEEP_S }, { .tv_sec = SWEEP_S } };
	uint64_t inode = fast_socket_inode(sock);
	struct fast_pending *p;

	/* A peer on this machine has answered by now. */
	if (fast_socket_state(sock) == TCP_ESTABLISHED) {
		finish(f, sock, inode);
		fast_answer(f, n, 0, inode);
		guard_close(&sock);
		guard_close(&own);
		return;
	}
	p = xcalloc(1, sizeof(*p));
	*p = (struct fast_pending){
		.next = f->pending,
		.fast = f,
		.call = *n,
		.sock = sock,
		.own = own,
		.timer = fast_timer(sock, SO_SNDTIMEO),
		.late = late,
		.inode = inode,
	};
	f->pending = p;
	f->n_pending++;
	if (!f->sweeps)
		timerfd_settime(f->sweep, 0, &each, NULL);
	f->sweeps = true;
	if (notify_loop_watch(f->loop, sock, EPOLLOUT | EPOLLET, on_connected, p) == 0 &&
	    (p->timer < 0 || notify_loop_watch(f->loop, p->timer, EPOLLIN, on_timeout, p) == 0))
		return;
	put_back(p);
	fast_answer(f, n, ENOBUFS, 0);
	drop(p);
}

void fast_wait_abort(struct fast *f, uint64_t inode)
{
	struct fast_pending *next;

	for (struct fast_pending *p = f->pending; p; p = next) {
		next = p->next;
		if (p->inode != inode)
			continue;
		fast_answer(f, &p->call, ECONNABORTED, 0);
		drop(p);
	}
}
