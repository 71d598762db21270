#include "cmd/limit_options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"

const struct opt limit_opts[] = {
	{ 0, "ulimit", "NAME=SOFT[:HARD]",
	  "a limit of each process, as nofile; -1: none; host: yours "
	  "(repeatable)", set_list, FIELD(limit_options, ulimits) },
	{ 0, "umask", "MODE", "the umask (0022)", set_string, FIELD(limit_options, umask) },
	{ 0, "oom-score-adj", "N", "how readily it is ended without memory, -1000 to 1000",
	  set_string,
	  FIELD(limit_options, oom_score_adj) },
	{ 0, "sysctl", "NAME=VALUE", "a setting of the kernel's in its own namespaces (repeatable)",
	  set_list, FIELD(limit_options, sysctls) },
	{ 0 },
};

void limit_options_done(struct limit_options *o)
{
	strv_done(&o->ulimits);
	strv_done(&o->sysctls);
	free(o->umask);
	free(o->oom_score_adj);
	*o = (struct limit_options){ 0 };
}

/* "1024", "-1", "unlimited" up to a ':' or the end. */
static bool parse_limit(const char **text, int64_t *ret)
{
	char *end;

	if (starts_with(*text, "unlimited")) {
		*ret = LIMIT_UNLIMITED;
		*text += strlen("unlimited");
		return true;
	}
	errno = 0;
	*ret = strtoll(*text, &end, 10);
	if (errno || end == *text || *ret < LIMIT_UNLIMITED)
		return false;
	*text = end;
	return true;
}

static bool is_above(int64_t a, int64_t b)
{
	return b != LIMIT_UNLIMITED && (a == LIMIT_UNLIMITED || a > b);
}

static int add_ulimit(const char *text, struct limits *l, struct err *err)
{
	size_t len = strcspn(text, "=");
	CLEAN(clean_free) char *name = xstrndup(text, len);
	const char *p = text + len + (text[len] == '=');
	struct limit one = { .resource = limit_resource(name) };

	if (streq(text, "host")) {
		l->host = true;
		return 0;
	}
	if (one.resource < 0)
		return err_set(err, ERR_USAGE, "--ulimit %s: invalid ulimit type: %s", text, name);
	if (text[len] != '=' || !parse_limit(&p, &one.soft))
		return err_set(err, ERR_USAGE, "--ulimit %s: use NAME=SOFT[:HARD]", text);
	one.hard = one.soft;
	if (*p == ':' && (p++, !parse_limit(&p, &one.hard)))
		return err_set(err, ERR_USAGE, "--ulimit %s: use NAME=SOFT[:HARD]", text);
	if (*p)
		return err_set(err, ERR_USAGE, "--ulimit %s: use NAME=SOFT[:HARD]", text);
	if (is_above(one.soft, one.hard))
		return err_set(err, ERR_USAGE,
			       "--ulimit %s: ulimit soft limit must be less than or equal "
			       "to hard limit",
			       text);
	limits_set(l, one);
	return 0;
}

static int parse_umask(const char *text, mode_t *ret, struct err *err)
{
	char *end;
	unsigned long n = strtoul(text, &end, 8);

	if (!*text || *end || text[strspn(text, "01234567")] || n > 0777)
		return err_set(err, ERR_USAGE,
			       "--umask %s: invalid umask string: octal, up to 0777", text);
	*ret = (mode_t)n;
	return 0;
}

static int parse_oom_score(const char *text, struct limits *l, struct err *err)
{
	if (set_integer(&l->oom_score_adj, text, err) < 0)
		return err_wrap(err, "--oom-score-adj");
	if (l->oom_score_adj < -OOM_SCORE_MAX || l->oom_score_adj > OOM_SCORE_MAX)
		return err_set(err, ERR_USAGE,
			       "invalid value %d, range for oom score adj is [-%d, %d]",
			       l->oom_score_adj, OOM_SCORE_MAX, OOM_SCORE_MAX);
	l->has_oom_score_adj = true;
	return 0;
}

/* Those that are a namespace's: every other is the whole machine's. */
static bool is_allowed(const char *name, const struct container_spec *spec)
{
	static const char *const ipc[] = {
		"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		if (streq(name, ipc[i]))
			return spec->ns[NS_IPC].mode < NS_HOST;
	return (starts_with(name, "fs.mqueue.") && spec->ns[NS_IPC].mode < NS_HOST) ||
	       (starts_with(name, "net.") && spec->ns[NS_NETWORK].mode < NS_HOST);
}

/*
 * A name as a path below /proc/sys. As sysctl(8) has it, the first separator says which of '.' and
 * '/' separates: a network interface's name may have the other in it.
 */
static char *path_of(const char *name)
{
	char *path = xstrdup(name);

	if (path[strcspn(path, "./")] == '/')
		return path;
	for (char *p = path; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return path;
}

static char *name_of(const char *path)
{
	char *name = xstrdup(path);

	for (char *p = name; *p; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	return name;
}

static int add_sysctl(const char *text, struct container_spec *spec, struct err *err)
{
	const char *eq = strchr(text, '=');
	CLEAN(clean_free) char *given = eq ? xstrndup(text, (size_t)(eq - text)) : NULL;
	CLEAN(clean_free) char *path = eq ? path_of(given) : NULL;
	CLEAN(clean_free) char *name = eq ? name_of(path) : NULL;

	if (!eq)
		return err_set(err, ERR_USAGE,
			       "%s is invalid, sysctl values must be in the form of "
			       "KEY=VALUE",
			       text);
	if (!is_allowed(name, spec) || strstr(path, "..") || strstr(path, "//"))
		return err_set(err, ERR_USAGE, "sysctl '%s' is not allowed%s", given,
			       starts_with(name, "net.") && spec->network == NETWORK_HOST ?
				       " with the host's network" :
			       ns_joins(spec->ns) ? " with another container's namespace" : "");
	strv_addf(&spec->sysctls, "%s=%s", path, eq + 1);
	return 0;
}

int limit_options_apply(const struct limit_options *o, struct container_spec *spec, struct err *err)
{
	spec->limits.umask = UMASK_DEFAULT;
	for (size_t i = 0; i < o->ulimits.n; i++)
		if (add_ulimit(o->ulimits.v[i], &spec->limits, err) < 0)
			return -1;
	for (size_t i = 0; i < o->sysctls.n; i++)
		if (add_sysctl(o->sysctls.v[i], spec, err) < 0)
			return -1;
	if ((o->umask && parse_umask(o->umask, &spec->limits.umask, err) < 0) ||
	    (o->oom_score_adj && parse_oom_score(o->oom_score_adj, &spec->limits, err) < 0))
		return -1;
	return 0;
}
