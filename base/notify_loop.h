/*
 * A supervisor's event loop: calls that wait (base/notify.h) are given to handlers, who may answer
 * at once, or watch descriptors of their own until they can.
 *
 * Those who make the calls come by listeners: that of the container, and of each exec into it. The
 * loop owns the listeners; the descriptors that handlers watch stay theirs.
 */
#ifndef BASE_NOTIFY_LOOP_H
#define BASE_NOTIFY_LOOP_H

#include "base/filter.h"
#include "base/notify.h"

struct notify_loop;

/*
 * Answers the call, at once or later, and returns true; or false, and the next handler is asked.
 * What no handler answers goes on. n is lent: who answers later keeps a copy.
 */
typedef bool (*notify_handler)(struct notify_loop *l, const struct notification *n, void *arg);
/* Of a watched descriptor: epoll's events. */
typedef void (*notify_event)(struct notify_loop *l, uint32_t events, void *arg);

/*
 * What was taken and not answered yet: in memory of its own, shared with whoever goes on with it
 * when the supervisor has died.
 */
#define NOTIFY_NOTES 2048
struct notify_notes {
	size_t n; /* so many were ever in use at once: pages beyond are not touched */
	struct seccomp_notif received; /* and in none of the notes yet, unless its ID is 0 */
	struct notify_note v[NOTIFY_NOTES];
};

/* notes: zeroed, or another supervisor's; may be NULL. They outlive the loop. */
struct notify_loop *notify_loop_new(struct notify_notes *notes, struct err *err);
void notify_loop_free(struct notify_loop *l);

/* Handlers are asked in the order in which they were added. */
void notify_loop_handle(struct notify_loop *l, notify_handler handler, void *arg);
/*
 * The listener is the loop's now, even where this fails. What a supervisor left unanswered of it is
 * given to the handlers again, but no more than that once: of what has killed two the caller gets
 * EIO.
 */
int notify_loop_listen(struct notify_loop *l, int listener, struct err *err);
/*
 * Calls fn with arg for epoll's events (level-triggered, unless EPOLLET or EPOLLONESHOT is among
 * them) of a descriptor, until it is forgotten. A descriptor is watched once; watching again
 * changes events, fn and arg. It is forgotten before it is closed, also out of an event of its own
 * or another's.
 */
int notify_loop_watch(struct notify_loop *l, int fd, uint32_t events, notify_event fn, void *arg);
void notify_loop_forget(struct notify_loop *l, int fd);

/* Called when the loop has ended, once each. */
void notify_loop_finally(struct notify_loop *l, void (*fn)(void *arg), void *arg);

/* Until no listener is left that somebody could make a call on. */
void notify_loop_run(struct notify_loop *l);

/* The system calls of all of this (base/notify_calls.c), for handlers to add their own to. */
extern const struct filter_list notify_filter;

#endif
