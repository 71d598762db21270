#include "base/notify_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/str.h"

#define HANDLERS_MAX 4
#define EVENTS 32

struct watched {
	notify_event fn; /* NULL: not watched */
	void *arg;
	uint32_t since; /* which tells who had the number before */
};

struct notify_loop {
	int epoll;
	struct notify_notes *notes;
	size_t n_listeners;
	struct {
		notify_handler fn;
		void *arg;
	} handlers[HANDLERS_MAX];
	size_t n_handlers;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} finally[HANDLERS_MAX];
	size_t n_finally;
	struct watched *watched; /* by descriptor */
	size_t room;
	uint32_t changes;
};

/* The first one, so that few pages are touched. NULL: there is no room. Then it is lost with us. */
static struct notify_note *free_note(struct notify_notes *notes)
{
	for (size_t i = 0; notes && i < notes->n; i++)
		if (!notes->v[i].by)
			return &notes->v[i];
	return notes && notes->n < NOTIFY_NOTES ? &notes->v[notes->n++] : NULL;
}

/* What one that died had received, and not taken down: it has not been anybody's yet. */
static void take_down_received(struct notify_notes *notes)
{
	struct notify_note *note;
	struct notification n;

	notify_read_buffer(-1, &notes->received, &n);
	notes->received.id = 0;
	for (size_t i = 0; i < notes->n; i++)
		if (notes->v[i].by && notes->v[i].call.id == n.id)
			return;
	note = free_note(notes);
	if (note)
		*note = (struct notify_note){ .by = -1, .call = n };
}

struct notify_loop *notify_loop_new(struct notify_notes *notes, struct err *err)
{
	struct notify_loop *l = xcalloc(1, sizeof(*l));

	l->notes = notes;
	if (notes && notes->received.id)
		take_down_received(notes);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		err_sys(err, "cannot make an epoll instance");
		free(l);
		return NULL;
	}
	return l;
}

void notify_loop_free(struct notify_loop *l)
{
	close(l->epoll);
	free(l->watched);
	free(l);
}

void notify_loop_handle(struct notify_loop *l, notify_handler handler, void *arg)
{
	if (l->n_handlers == HANDLERS_MAX)
		abort();
	l->handlers[l->n_handlers].fn = handler;
	l->handlers[l->n_handlers++].arg = arg;
}

void notify_loop_finally(struct notify_loop *l, void (*fn)(void *arg), void *arg)
{
	if (l->n_finally == HANDLERS_MAX)
		abort();
	l->finally[l->n_finally].fn = fn;
	l->finally[l->n_finally++].arg = arg;
}

int notify_loop_watch(struct notify_loop *l, int fd, uint32_t events, notify_event fn, void *arg)
{
	struct epoll_event e = { .events = events };
	size_t at = (size_t)fd;

	if (at >= l->room) {
		size_t room = 2 * at + 16;
		struct watched *grown = xcalloc(room, sizeof(*grown));

		if (l->room)
			memcpy(grown, l->watched, l->room * sizeof(*grown));
		free(l->watched);
		l->watched = grown;
		l->room = room;
	}
	e.data.u64 = (uint64_t)++l->changes << 32 | (uint32_t)fd;
	if (epoll_ctl(l->epoll, l->watched[at].fn ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
		return -1;
	l->watched[at] = (struct watched){ .fn = fn, .arg = arg, .since = l->changes };
	return 0;
}

void notify_loop_forget(struct notify_loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->room || !l->watched[fd].fn)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
	l->watched[fd].fn = NULL;
}

static void take_down(struct notify_loop *l, struct notification *n)
{
	struct notify_note *note = free_note(l->notes);

	n->note = note;
	if (!note)
		return;
	note->call = *n;
	note->tries = 1;
	/* Half a note is none. */
	__atomic_store_n(&note->by, getpid(), __ATOMIC_RELEASE);
}

static void dispatch(struct notify_loop *l, const struct notification *n)
{
	for (size_t i = 0; i < l->n_handlers; i++)
		if (l->handlers[i].fn(l, n, l->handlers[i].arg))
			return;
	notify_continue(n);
}

/* arg: the listener's number. One call a round, so that no caller starves the others. */
static void on_call(struct notify_loop *l, uint32_t events, void *arg)
{
	int listener = (int)(intptr_t)arg;
	struct seccomp_notif own = { 0 };
	struct seccomp_notif *buffer = l->notes ? &l->notes->received : &own;
	struct notification n;
	int found;

	(void)events;
	memset(buffer, 0, sizeof(*buffer));
	found = notify_receive(listener, buffer, &n);
	if (found > 0) {
		take_down(l, &n);
		buffer->id = 0;
		dispatch(l, &n);
	}
	if (found >= 0)
		return;
	notify_loop_forget(l, listener);
	close(listener);
	l->n_listeners--;
}

/* What another supervisor has left of this listener's calls; by their IDs, which no two have. */
static void take_up(struct notify_loop *l, int listener)
{
	for (size_t i = 0; l->notes && i < l->notes->n; i++) {
		struct notify_note *note = &l->notes->v[i];
		struct notification n = note->call;

		n.listener = listener;
		if (!note->by || note->by == getpid() || !notify_valid(&n))
			continue;
		note->by = getpid();
		note->call = n;
		n.note = note;
		if (note->tries++ < 2)
			dispatch(l, &n);
		else
			notify_fail(&n, EIO);
	}
}

int notify_loop_listen(struct notify_loop *l, int listener, struct err *err)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): a number, which is given back */
	if (notify_loop_watch(l, listener, EPOLLIN, on_call, (void *)(intptr_t)listener) < 0) {
		err_sys(err, "cannot watch the container's calls");
		close(listener);
		return -1;
	}
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	l->n_listeners++;
	take_up(l, listener);
	return 0;
}

void notify_loop_run(struct notify_loop *l)
{
	while (l->n_listeners) {
		struct epoll_event events[EVENTS];
		int n = memory_epoll_wait(l->epoll, events, EVENTS);

		for (int i = 0; i < n; i++) {
			const struct watched *w = &l->watched[(uint32_t)events[i].data.u64];

			/* An event before may have forgotten it, and another have its number. */
			if (w->fn && w->since == events[i].data.u64 >> 32)
				w->fn(l, events[i].events, w->arg);
		}
	}
	for (size_t i = 0; i < l->n_finally; i++)
		l->finally[i].fn(l->finally[i].arg);
}
