/*
 * The timers of a library that asks for them by callbacks: an unsorted list, which it owns; there
 * are two or three of them. Times are milliseconds of the monotonic clock.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_NEVER INT64_MAX

struct timer;

/* A new one, not set, in front of the list. What id and opaque mean is the caller's. */
struct timer *timer_add(struct timer **list, int id, void *opaque);
void timer_remove(struct timer **list, struct timer *t);
void timer_set(struct timer *t, int64_t due_ms);

/* When the first is due; TIMER_NEVER: none is set. */
int64_t timer_next_due(const struct timer *list);
/* One that is due, if any, which is not set any more. */
bool timer_take_due(struct timer *list, int64_t now_ms, int *ret_id, void **ret_opaque);

#endif
