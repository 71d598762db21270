/*
 * Theory of operation
 *
 * Parents are stopped before their children, and continue after them: a shell that waits for its
 * job never sees it stopped, and does not take its terminal back. Process IDs grow, so that their
 * order is, nearly always, that of descent.
 *
 * A process may have been forked behind the back of the one that reads /proc. So all have to be
 * found stopped twice, the same ones: what is stopped does not fork.
 */
#include "runtime/freeze.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "runtime/members.h"

#define PATIENCE INT64_C(10000000000) /* nanoseconds */

static bool is_stopped(const struct member *m)
{
	return m->state == 'T' || m->state == 't';
}

static bool has_ended(const struct member *m)
{
	return m->state == 'Z' || m->state == 'X';
}

static bool is_among(const json_t *stopped, const struct member *m)
{
	json_t *pair;
	size_t i;

	json_array_foreach(stopped, i, pair)
		if (json_integer_value(json_array_get(pair, 0)) == m->pid &&
		    json_integer_value(json_array_get(pair, 1)) == (json_int_t)m->start)
			return true;
	return false;
}

json_t *freeze_find_stopped(const struct proc_id *init, struct err *err)
{
	CLEAN(clean_free) struct member *list = NULL;
	json_t *stopped;
	size_t n = 0;

	if (members_list(init, &list, &n, err) < 0)
		return NULL;
	stopped = json_array();
	for (size_t i = 0; i < n; i++)
		if (is_stopped(&list[i]))
			json_array_append_new(stopped, json_pack("[iI]", (int)list[i].pid,
								 (json_int_t)list[i].start));
	return stopped;
}

/* Signals those that run. *ret_sum tells one set of processes from another; how many ran. */
static int stop_once(const struct proc_id *init, size_t *ret_running, uint64_t *ret_sum,
		     struct err *err)
{
	CLEAN(clean_free) struct member *list = NULL;
	size_t n = 0, running = 0;
	uint64_t sum = 0;

	if (members_list(init, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (has_ended(&list[i]))
			continue;
		sum = sum * 31 + (uint64_t)list[i].pid;
		if (is_stopped(&list[i]))
			continue;
		member_signal(&list[i], SIGSTOP);
		running++;
	}
	*ret_running = running;
	*ret_sum = sum;
	return 0;
}

int freeze_stop(const struct proc_id *init, const json_t *stopped, struct err *err)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int64_t end = now_monotonic() + PATIENCE;
	uint64_t before = 0, sum = 0;
	int quiet = 0;

	while (quiet < 2) {
		size_t running;

		if (stop_once(init, &running, &sum, err) < 0)
			return -1;
		quiet = running ? 0 : sum == before ? quiet + 1 : 1;
		before = sum;
		if (running && now_monotonic() > end) {
			freeze_continue(init, stopped, NULL);
			return err_set(err, ERR_BUSY, "its processes do not all stop");
		}
		if (running)
			nanosleep(&moment, NULL);
	}
	return 0;
}

int freeze_continue(const struct proc_id *init, const json_t *stopped, struct err *err)
{
	CLEAN(clean_free) struct member *list = NULL;
	size_t n = 0;

	if (members_list(init, &list, &n, err) < 0)
		return -1;
	for (size_t i = n; i-- > 0;)
		if (!is_among(stopped, &list[i]))
			member_signal(&list[i], SIGCONT);
	return 0;
}
