#include "runtime/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#define FILES_MAX     1048576 /* as docker sets it */
#define PROCESSES_MAX 4096

/* docker's names. */
static const struct {
	const char *name;
	int resource;
} names[] = {
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
	{ "as", RLIMIT_AS },
};

int limit_resource(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i].name))
			return names[i].resource;
	return -1;
}

const char *limit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].resource == resource)
			return names[i].name;
	return "?";
}

void limits_set(struct limits *l, struct limit one)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].resource == one.resource) {
			l->v[i] = one;
			return;
		}
	}
	if (l->n < LIMITS_MAX)
		l->v[l->n++] = one;
}

json_t *limits_to_json(const struct limits *l)
{
	json_t *j = json_object(), *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		json_t *one = json_object();

		js_set_str(one, "name", limit_name(l->v[i].resource));
		js_set_int(one, "soft", l->v[i].soft);
		js_set_int(one, "hard", l->v[i].hard);
		json_array_append_new(list, one);
	}
	json_object_set_new(j, "ulimits", list);
	js_set_bool(j, "host", l->host);
	js_set_int(j, "umask", l->umask);
	if (l->has_oom_score_adj)
		js_set_int(j, "oom_score_adj", l->oom_score_adj);
	return j;
}

/* Of a record without limits: the default ones. */
void limits_from_json(const json_t *j, struct limits *ret)
{
	struct limits l = {
		.host = js_bool(j, "host"),
		.umask = j ? (mode_t)js_int(j, "umask") & 0777 : UMASK_DEFAULT,
		.has_oom_score_adj = json_object_get(j, "oom_score_adj") != NULL,
		.oom_score_adj = (int)js_int(j, "oom_score_adj"),
	};
	json_t *item;
	size_t i;

	json_array_foreach(js_arr(j, "ulimits"), i, item) {
		const char *name = js_str(item, "name");

		if (name && limit_resource(name) >= 0)
			limits_set(&l, (struct limit){ limit_resource(name), js_int(item, "soft"),
						       js_int(item, "hard") });
	}
	*ret = l;
}

static int lower(int resource, rlim_t most, bool raise, struct err *err)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)resource, &r) < 0)
		return err_sys(err, "on %s", limit_name(resource));
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max > most)
		r.rlim_max = most;
	if (raise || r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &r) < 0)
		return err_sys(err, "on %s", limit_name(resource));
	return 0;
}

static bool has(const struct limits *l, int resource)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].resource == resource)
			return true;
	return false;
}

static int set_default(const struct limits *l, int resource, rlim_t most, bool raise,
		       struct err *err)
{
	return l->host || has(l, resource) ? 0 : lower(resource, most, raise, err);
}

static int set_one(const struct limit *one, struct err *err)
{
	struct rlimit r = {
		.rlim_cur = one->soft == LIMIT_UNLIMITED ? RLIM_INFINITY : (rlim_t)one->soft,
		.rlim_max = one->hard == LIMIT_UNLIMITED ? RLIM_INFINITY : (rlim_t)one->hard,
	};
	struct rlimit now = { 0 };

	if (setrlimit((__rlimit_resource_t)one->resource, &r) == 0)
		return 0;
	err_sys(err, "on %s", limit_name(one->resource));
	if (err && err->sys == EPERM &&
	    getrlimit((__rlimit_resource_t)one->resource, &now) == 0)
		err_hint(err, "the limit here is %lld; without root it can only be lowered",
			 (long long)now.rlim_max);
	return -1;
}

int limits_apply(const struct limits *l, struct err *err)
{
	if (set_default(l, RLIMIT_CORE, 0, false, err) < 0 ||
	    set_default(l, RLIMIT_NOFILE, FILES_MAX, true, err) < 0 ||
	    set_default(l, RLIMIT_NPROC, PROCESSES_MAX, false, err) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].resource != RLIMIT_NOFILE && set_one(&l->v[i], err) < 0)
			return -1;
	umask(l->umask);
	return 0;
}

int limits_apply_files(const struct limits *l, struct err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].resource == RLIMIT_NOFILE && set_one(&l->v[i], err) < 0)
			return -1;
	return 0;
}

int oom_score_apply(const struct limits *l, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	char text[16];
	int len;

	if (!l->has_oom_score_adj)
		return 0;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "'/proc/self/oom_score_adj'");
	len = snprintf(text, sizeof(text), "%d", l->oom_score_adj);
	if (write(fd, text, (size_t)len) == len)
		return 0;
	err_sys(err, "%d", l->oom_score_adj);
	if (err && err->sys == EACCES)
		err_hint(err, "without root it can only be raised");
	return -1;
}
