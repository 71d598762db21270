#include "runtime/namespaces.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

static const struct {
	const char *name;
	uint64_t flag;
} kinds[NS_KINDS] = {
	[NS_USER] = { "user", CLONE_NEWUSER },	   [NS_PID] = { "pid", CLONE_NEWPID },
	[NS_IPC] = { "ipc", CLONE_NEWIPC },	   [NS_UTS] = { "uts", CLONE_NEWUTS },
	[NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP }, [NS_NETWORK] = { "network", CLONE_NEWNET },
};

static const char *const modes[] = {
	[NS_PRIVATE] = "private",
	[NS_NONE] = "none",
	[NS_HOST] = "host",
};

const char *ns_name(enum ns_kind kind)
{
	return kinds[kind].name;
}

uint64_t ns_flag(enum ns_kind kind)
{
	return kinds[kind].flag;
}

bool ns_joins(const struct ns_spec ns[NS_KINDS])
{
	for (int k = 0; k < NS_KINDS; k++)
		if (ns[k].mode == NS_CONTAINER)
			return true;
	return false;
}

uint64_t ns_new_flags(const struct ns_spec ns[NS_KINDS])
{
	uint64_t flags = CLONE_NEWNS;

	for (int k = 0; k < NS_KINDS; k++)
		if (ns[k].mode < NS_HOST && !(k == NS_USER && ns_joins(ns)))
			flags |= kinds[k].flag;
	return flags;
}

uint64_t ns_join_flags(const struct ns_spec ns[NS_KINDS])
{
	uint64_t flags = CLONE_NEWNS;

	for (int k = 0; k < NS_KINDS; k++)
		if (ns[k].mode != NS_HOST)
			flags |= kinds[k].flag;
	return flags;
}

void ns_specs_done(struct ns_spec ns[NS_KINDS])
{
	for (int k = 0; k < NS_KINDS; k++)
		free(ptr_take(&ns[k].container));
}

json_t *ns_specs_to_json(const struct ns_spec ns[NS_KINDS])
{
	json_t *j = json_object();

	for (int k = 0; k < NS_KINDS; k++) {
		if (ns[k].mode == NS_CONTAINER)
			js_set_str_take(j, kinds[k].name,
					xasprintf("container:%s", ns[k].container));
		else if (ns[k].mode != NS_OWN)
			js_set_str(j, kinds[k].name, modes[ns[k].mode]);
	}
	return j;
}

static int from_text(const char *text, struct ns_spec *ret, struct err *err)
{
	if (starts_with(text, "container:")) {
		*ret = (struct ns_spec){ NS_CONTAINER, xstrdup(text + strlen("container:")) };
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (modes[i] && streq(text, modes[i])) {
			*ret = (struct ns_spec){ .mode = (enum ns_mode)i };
			return 0;
		}
	}
	return err_set(err, ERR_CORRUPT, "the record names no kind of namespace: '%s'", text);
}

int ns_specs_from_json(const json_t *j, struct ns_spec ret[NS_KINDS], struct err *err)
{
	for (int k = 0; k < NS_KINDS; k++) {
		const char *text = js_str(j, kinds[k].name);

		if (text && from_text(text, &ret[k], err) < 0)
			return -1;
	}
	return 0;
}

int ns_enter(const int donors[NS_KINDS], struct err *err)
{
	int first = 0;

	while (first < NS_KINDS && donors[first] < 0)
		first++;
	/* The capabilities that the others take are had in it. */
	if (first < NS_KINDS && setns(donors[first], CLONE_NEWUSER) < 0)
		return err_sys(err, "cannot enter the user namespace");
	for (int k = 0; k < NS_KINDS; k++)
		if (k != NS_USER && donors[k] >= 0 && setns(donors[k], (int)kinds[k].flag) < 0)
			return err_sys(err, "cannot enter the %s namespace", kinds[k].name);
	return 0;
}

static int user_namespace_of(pid_t pid, struct stat *ret, struct err *err)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat(path, ret) < 0 ? err_sys(err, "'%s'", path) : 0;
}

int ns_same_user(pid_t a, pid_t b, bool *ret, struct err *err)
{
	struct stat one, other;

	if (user_namespace_of(a, &one, err) < 0 || user_namespace_of(b, &other, err) < 0)
		return -1;
	*ret = one.st_dev == other.st_dev && one.st_ino == other.st_ino;
	return 0;
}
