#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>

#include "runtime/emulate_parts.h"

#define ARG(i) ((uint32_t)n->data.args[i])

#define GROUPS_MAX 65536 /* the kernel's NGROUPS_MAX; we remember fewer */

/* The caller's; false: it is gone, or nobody whom we know, and the kernel is to answer. */
static bool load(const struct emulation *e, const struct notification *n, struct credentials *ret)
{
	if (emulate_load(e, n->pid, ret) == 0 && notify_valid(n))
		return true;
	notify_continue(n);
	return false;
}

static void save(struct emulation *e, const struct notification *n, const struct credentials *c,
		 int error)
{
	if (!error)
		error = emulate_save(e, n, c);
	if (error)
		notify_fail(n, error);
	else
		notify_return(n, 0);
}

static void save_users(struct emulation *e, const struct notification *n, struct credentials *c,
		       const struct ids *before, int error)
{
	credentials_changed(c, before);
	save(e, n, c, error);
}

static bool may_set_users(const struct emulation *e, const struct credentials *c)
{
	return credentials_capable(c, e->caps, CAP_SETUID);
}

static bool may_set_groups(const struct emulation *e, const struct credentials *c)
{
	return credentials_capable(c, e->caps, CAP_SETGID);
}

void emulate_setuid(struct emulation *e, const struct notification *n)
{
	struct credentials c;
	struct ids before;

	if (!load(e, n, &c))
		return;
	before = c.uid;
	save_users(e, n, &c, &before, ids_set(&c.uid, may_set_users(e, &c), ARG(0)));
}

void emulate_setgid(struct emulation *e, const struct notification *n)
{
	struct credentials c;

	if (load(e, n, &c))
		save(e, n, &c, ids_set(&c.gid, may_set_groups(e, &c), ARG(0)));
}

void emulate_setreuid(struct emulation *e, const struct notification *n)
{
	struct credentials c;
	struct ids before;

	if (!load(e, n, &c))
		return;
	before = c.uid;
	save_users(e, n, &c, &before,
		   ids_set_re(&c.uid, may_set_users(e, &c), ARG(0), ARG(1)));
}

void emulate_setregid(struct emulation *e, const struct notification *n)
{
	struct credentials c;

	if (load(e, n, &c))
		save(e, n, &c, ids_set_re(&c.gid, may_set_groups(e, &c), ARG(0), ARG(1)));
}

void emulate_setresuid(struct emulation *e, const struct notification *n)
{
	struct credentials c;
	struct ids before;

	if (!load(e, n, &c))
		return;
	before = c.uid;
	save_users(e, n, &c, &before,
		   ids_set_res(&c.uid, may_set_users(e, &c), ARG(0), ARG(1), ARG(2)));
}

void emulate_setresgid(struct emulation *e, const struct notification *n)
{
	struct credentials c;

	if (load(e, n, &c))
		save(e, n, &c, ids_set_res(&c.gid, may_set_groups(e, &c), ARG(0), ARG(1), ARG(2)));
}

/* Their errors are nobody's: what they return is the one before. */
static void save_fs(struct emulation *e, const struct notification *n, const struct credentials *c,
		    uint32_t before)
{
	emulate_save(e, n, c);
	notify_return(n, before);
}

void emulate_setfsuid(struct emulation *e, const struct notification *n)
{
	struct credentials c;
	uint32_t before;

	if (!load(e, n, &c))
		return;
	before = ids_set_fs(&c.uid, may_set_users(e, &c), ARG(0));
	save_fs(e, n, &c, before);
}

void emulate_setfsgid(struct emulation *e, const struct notification *n)
{
	struct credentials c;
	uint32_t before;

	if (!load(e, n, &c))
		return;
	before = ids_set_fs(&c.gid, may_set_groups(e, &c), ARG(0));
	save_fs(e, n, &c, before);
}

static int by_number(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int add_group(struct credentials *c, uint32_t gid)
{
	if (c->n_groups == CREDENTIALS_GROUPS)
		return ENOMEM;
	c->groups[c->n_groups++] = gid;
	return 0;
}

static int read_groups(const struct emulation *e, const struct notification *n,
		       struct credentials *c)
{
	const uint32_t count = ARG(0);

	if (!may_set_groups(e, c))
		return EPERM;
	if (count == EMULATE_ADD_GROUP)
		return ARG(1) == ID_NONE ? EINVAL : add_group(c, ARG(1));
	if (count > GROUPS_MAX)
		return EINVAL;
	if (count > CREDENTIALS_GROUPS)
		return ENOMEM;
	if (count && notify_read(n, n->data.args[1], c->groups, count * sizeof(c->groups[0])) < 0)
		return EFAULT;
	for (uint32_t i = 0; i < count; i++)
		if (c->groups[i] == ID_NONE)
			return EINVAL;
	c->n_groups = count;
	return 0;
}

void emulate_setgroups(struct emulation *e, const struct notification *n)
{
	struct credentials c;
	int error;

	if (!load(e, n, &c))
		return;
	error = read_groups(e, n, &c);
	/* As the kernel keeps them. */
	if (!error)
		qsort(c.groups, c.n_groups, sizeof(c.groups[0]), by_number);
	save(e, n, &c, error);
}

static void get_one(const struct emulation *e, const struct notification *n, size_t at)
{
	struct credentials c;

	if (load(e, n, &c))
		notify_return(n, *(const uint32_t *)((const char *)&c + at));
}

void emulate_getuid(struct emulation *e, const struct notification *n)
{
	get_one(e, n, offsetof(struct credentials, uid.real));
}

void emulate_geteuid(struct emulation *e, const struct notification *n)
{
	get_one(e, n, offsetof(struct credentials, uid.effective));
}

void emulate_getgid(struct emulation *e, const struct notification *n)
{
	get_one(e, n, offsetof(struct credentials, gid.real));
}

void emulate_getegid(struct emulation *e, const struct notification *n)
{
	get_one(e, n, offsetof(struct credentials, gid.effective));
}

static void get_three(const struct notification *n, const struct ids *ids)
{
	const uint32_t values[3] = { ids->real, ids->effective, ids->saved };

	for (size_t i = 0; i < 3; i++) {
		if (notify_write(n, n->data.args[i], &values[i], sizeof(values[i])) < 0) {
			notify_fail(n, EFAULT);
			return;
		}
	}
	notify_return(n, 0);
}

void emulate_getresuid(struct emulation *e, const struct notification *n)
{
	struct credentials c;

	if (load(e, n, &c))
		get_three(n, &c.uid);
}

void emulate_getresgid(struct emulation *e, const struct notification *n)
{
	struct credentials c;

	if (load(e, n, &c))
		get_three(n, &c.gid);
}

void emulate_getgroups(struct emulation *e, const struct notification *n)
{
	struct credentials c;

	if (!load(e, n, &c))
		return;
	if (ARG(0) && (ARG(0) > INT32_MAX || ARG(0) < c.n_groups))
		notify_fail(n, EINVAL);
	else if (ARG(0) && c.n_groups &&
		 notify_write(n, n->data.args[1], c.groups, c.n_groups * sizeof(c.groups[0])) < 0)
		notify_fail(n, EFAULT);
	else
		notify_return(n, c.n_groups);
}
