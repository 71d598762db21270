#include "runtime/restart.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"

#define MILLISECOND 1000000LL
#define DELAY_FIRST (100 * MILLISECOND)
#define DELAY_MOST  (60000 * MILLISECOND)
#define RAN_WELL    (10000 * MILLISECOND) /* begins anew after a run of so long */

static const char *const names[] = {
	[RESTART_NO] = "no",
	[RESTART_ALWAYS] = "always",
	[RESTART_UNLESS_STOPPED] = "unless-stopped",
	[RESTART_ON_FAILURE] = "on-failure",
};

int restart_policy_parse(const char *text, struct restart_policy *ret, struct err *err)
{
	const char *limit = strchr(text, ':');
	size_t len = limit ? (size_t)(limit - text) : strlen(text);
	long max = 0;
	char *end;

	if (limit) {
		errno = 0;
		max = strtol(limit + 1, &end, 10);
		if (errno || end == limit + 1 || *end || max < 0 || max > INT_MAX)
			return err_set(err, ERR_USAGE, "'%s' is not a number of restarts",
				       limit + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) != len || memcmp(names[i], text, len) != 0)
			continue;
		if (limit && i != RESTART_ON_FAILURE)
			return err_set(err, ERR_USAGE,
				       "maximum retry count can only be used with 'on-failure'");
		*ret = (struct restart_policy){ .kind = (enum restart_kind)i, .max = (int)max };
		return 0;
	}
	return err_set(err, ERR_USAGE,
		       "invalid restart policy '%s': use no, always, unless-stopped or "
		       "on-failure[:MAX]", text);
}

const char *restart_policy_name(const struct restart_policy *p)
{
	return names[p->kind];
}

int64_t restart_delay(const struct restart_policy *p, struct restarts *r, int exit_code,
		      int64_t ran)
{
	if (p->kind == RESTART_NO)
		return -1;
	if (p->kind == RESTART_ON_FAILURE && (exit_code == 0 || (p->max && r->count >= p->max)))
		return -1;
	if (ran >= RAN_WELL || r->delay == 0)
		r->delay = DELAY_FIRST;
	else
		r->delay = r->delay > DELAY_MOST / 2 ? DELAY_MOST : r->delay * 2;
	r->count++;
	return r->delay;
}
