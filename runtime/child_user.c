/*
 * Steps by which the process becomes somebody: the user and groups that were asked for, looked up
 * in the container's own files and held against the IDs that are mapped, and their capabilities.
 *
 * With one ID mapped the kernel knows root alone; then the supervisor knows who the process is
 * (runtime/emulate.h), and is told last.
 */
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/caps.h"
#include "runtime/child.h"
#include "runtime/emulate.h"

int become_root(struct child *c, struct err *err)
{
	const uid_t uid = id_map_root(c->launch->ids);
	const gid_t gid = id_map_root_group(c->launch->ids);

	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_sys(err, "in the user namespace");
	umask(0);
	return 0;
}

/* With one ID mapped, to root, the supervisor knows the others. */
bool emulates_users(const struct child *c)
{
	const struct id_map *ids = c->launch->ids;

	return ids->single && id_map_root(ids) == 0 && c->launch->supervision;
}

static int not_mapped(const struct user *u, struct err *err)
{
	err_set(err, ERR_DENIED, "user %u:%u is not among the IDs that are mapped", u->uid, u->gid);
	return err_hint(err, "a range for you in /etc/subuid and /etc/subgid, wide enough, and "
			     "newuidmap (package uidmap) give a container its other users");
}

/* A group beyond the map is nobody's: the image's /etc/group may name any number. */
static void keep_mapped_groups(struct user *u, const struct id_map *ids)
{
	size_t kept = 0;

	for (size_t i = 0; i < u->n_groups; i++)
		if (id_map_has(ids, 0, u->groups[i]))
			u->groups[kept++] = u->groups[i];
	u->n_groups = kept;
}

/* Those that were asked for; unlike those of /etc/group they must be there. */
static int add_groups(int root, struct child *c, struct err *err)
{
	size_t before = c->user.n_groups;

	if (user_add_groups(root, &c->spec->groups, &c->user, err) < 0)
		return -1;
	for (size_t i = before; i < c->user.n_groups && !emulates_users(c); i++)
		if (!id_map_has(c->launch->ids, 0, c->user.groups[i]))
			return err_set(err, ERR_DENIED,
				       "group %u is not among the IDs that are mapped",
				       c->user.groups[i]);
	return 0;
}

int resolve_user(struct child *c, struct err *err)
{
	CLEAN(clean_fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (user_resolve(root, c->spec->user, &c->user, err) < 0)
		return -1;
	if (!emulates_users(c)) {
		if (!id_map_has(c->launch->ids, c->user.uid, c->user.gid))
			return not_mapped(&c->user, err);
		keep_mapped_groups(&c->user, c->launch->ids);
		c->uid = c->user.uid;
		c->gid = c->user.gid;
	}
	if (add_groups(root, c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->spec->env.n; i++)
		strv_add(&c->env, c->spec->env.v[i]);
	if (!strv_get_env(&c->env, "HOME"))
		strv_addf(&c->env, "HOME=%s", c->user.home);
	return 0;
}

int bound_caps(struct child *c, struct err *err)
{
	return caps_bound(c->spec->caps, err);
}

int switch_user(struct child *c, struct err *err)
{
	const struct user *u = &c->user;
	bool keep = c->launch->ids->single || c->spec->keep_groups;

	/*
	 * With one ID there are no other groups, and setgroups(2) is forbidden: user_namespaces(7).
	 * Then, and where it was asked for, the caller's groups stay, as nobody's.
	 */
	if ((!keep && setgroups(u->n_groups, u->groups) < 0) ||
	    setresgid(c->gid, c->gid, c->gid) < 0 || setresuid(c->uid, c->uid, c->uid) < 0)
		return err_sys(err, "%u:%u", u->uid, u->gid);
	return caps_limit(u->uid == 0 ? c->spec->caps : 0, err);
}

static int say_groups(const struct user *u)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0)
		return -1;
	for (size_t i = 0; i < u->n_groups; i++)
		if (syscall(SYS_setgroups, EMULATE_ADD_GROUP, u->groups[i]) < 0)
			return -1;
	return 0;
}

/*
 * These calls are answered already: switch_user has left us the kernel's root, without its
 * capabilities.
 */
int become_user(struct child *c, struct err *err)
{
	const struct user *u = &c->user;

	/* Root in root's group is who is none of the others. */
	if (!emulates_users(c) || (!u->uid && !u->gid && u->n_groups == 1))
		return 0;
	if (!c->supervised)
		return u->uid || u->gid ? not_mapped(u, err) : 0;
	if ((!c->spec->keep_groups && say_groups(u) < 0) ||
	    setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0)
		return err_sys(err, "%u:%u", u->uid, u->gid);
	return 0;
}
