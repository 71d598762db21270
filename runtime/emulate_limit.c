#include <errno.h>
#include <sys/resource.h>

#include "runtime/emulate_parts.h"

#ifndef RLIMIT_LOCKS
#define RLIMIT_LOCKS 10
#endif

/* Above this: the number. No limit that anybody sets is likely to be there. */
#define FIRST ((rlim_t)0x74696666 << 16)

int emulate_load(const struct emulation *e, pid_t pid, struct credentials *ret)
{
	const struct credentials *c;
	struct rlimit r;

	if (prlimit(pid, RLIMIT_LOCKS, NULL, &r) < 0)
		return -1;
	c = r.rlim_cur < FIRST ? NULL : credential_sets_get(&e->shared->sets, r.rlim_cur - FIRST);
	if (c)
		*ret = *c;
	else
		credentials_root(ret);
	return 0;
}

int emulate_save(struct emulation *e, const struct notification *n, const struct credentials *c)
{
	int number = credential_sets_add(&e->shared->sets, c);
	struct rlimit r;

	if (number < 0 || !notify_valid(n) || prlimit(n->pid, RLIMIT_LOCKS, NULL, &r) < 0)
		return EAGAIN;
	r.rlim_cur = FIRST + (rlim_t)number;
	return prlimit(n->pid, RLIMIT_LOCKS, &r, NULL) < 0 ? EAGAIN : 0;
}

/* It is as it was, and stays so. */
static void answer(const struct notification *n, uint64_t new, uint64_t old)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit r;

	if ((new && notify_read(n, new, &r, sizeof(r)) < 0) ||
	    (old && notify_write(n, old, &none, sizeof(none)) < 0))
		notify_fail(n, EFAULT);
	else if (new && r.rlim_cur > r.rlim_max)
		notify_fail(n, EINVAL);
	else
		notify_return(n, 0);
}

void emulate_prlimit(struct emulation *e, const struct notification *n)
{
	(void)e;
	answer(n, n->data.args[2], n->data.args[3]);
}

void emulate_setrlimit(struct emulation *e, const struct notification *n)
{
	(void)e;
	answer(n, n->data.args[1], 0);
}

void emulate_getrlimit(struct emulation *e, const struct notification *n)
{
	(void)e;
	answer(n, 0, n->data.args[1]);
}
