#include "net/timer.h"

#include <stdlib.h>

#include "base/str.h"

struct timer {
	struct timer *next;
	int id;
	void *opaque;
	int64_t due_ms;
};

struct timer *timer_add(struct timer **list, int id, void *opaque)
{
	struct timer *t = xmalloc(sizeof(*t));

	*t = (struct timer){ .next = *list, .id = id, .opaque = opaque, .due_ms = TIMER_NEVER };
	*list = t;
	return t;
}

void timer_remove(struct timer **list, struct timer *t)
{
	for (struct timer **at = list; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	free(t);
}

void timer_set(struct timer *t, int64_t due_ms)
{
	t->due_ms = due_ms;
}

int64_t timer_next_due(const struct timer *list)
{
	int64_t first = TIMER_NEVER;

	for (const struct timer *t = list; t; t = t->next)
		if (t->due_ms < first)
			first = t->due_ms;
	return first;
}

bool timer_take_due(struct timer *list, int64_t now_ms, int *ret_id, void **ret_opaque)
{
	for (struct timer *t = list; t; t = t->next) {
		if (t->due_ms > now_ms)
			continue;
		t->due_ms = TIMER_NEVER;
		*ret_id = t->id;
		*ret_opaque = t->opaque;
		return true;
	}
	return false;
}
