#include "cmd/top_columns.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/caps.h"
#include "runtime/user.h"

/* Go's time.Duration, to the hundredth of a second: "1h9m13.23s". */
static char *duration(double seconds)
{
	unsigned long long whole = seconds > 0 ? (unsigned long long)seconds : 0;
	unsigned int part = seconds > 0 ? (unsigned int)((seconds - (double)whole) * 100) : 0;
	CLEAN(buf_done) struct buf text = { 0 };

	if (whole >= 3600)
		buf_addf(&text, "%lluh", whole / 3600);
	if (whole >= 60)
		buf_addf(&text, "%llum", whole / 60 % 60);
	buf_addf(&text, "%llu", whole % 60);
	if (part)
		buf_addf(&text, part % 10 ? ".%02u" : ".%u", part % 10 ? part : part / 10);
	buf_adds(&text, "s");
	return xstrdup(text.data);
}

static double elapsed(const struct process *p)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
	       (double)p->member.start / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_seconds(const struct process *p)
{
	return (double)p->cpu / (double)sysconf(_SC_CLK_TCK);
}

/* As the container calls it: by name, else its number there, else the host's. */
static char *name_inside(const struct top_context *x, const char *kind, unsigned int id)
{
	int64_t inside = process_id_inside(x->init, kind, id);
	char name[USER_NAME_MAX];

	if (inside >= 0 && x->root >= 0 &&
	    user_name_of(x->root, streq(kind, "gid"), (unsigned int)inside, name) == 0)
		return xstrdup(name);
	return xasprintf("%lld", inside >= 0 ? (long long)inside : (long long)id);
}

static char *host_user(const struct top_context *x, const struct process *p)
{
	const struct passwd *pw = getpwuid(p->uid);

	(void)x;
	return pw ? xstrdup(pw->pw_name) : xasprintf("%u", p->uid);
}

static char *host_group_name(unsigned int gid)
{
	const struct group *gr = getgrgid(gid);

	return gr ? xstrdup(gr->gr_name) : xasprintf("%u", gid);
}

static char *host_group(const struct top_context *x, const struct process *p)
{
	(void)x;
	return host_group_name(p->gid);
}

static char *list_groups(const struct top_context *x, const struct process *p, bool host)
{
	CLEAN(buf_done) struct buf text = { 0 };

	for (size_t i = 0; i < p->groups.n; i++) {
		unsigned int gid = (unsigned int)strtoul(p->groups.v[i], NULL, 10);
		CLEAN(clean_free)
		char *name = host ? host_group_name(gid) : name_inside(x, "gid", gid);

		buf_addf(&text, "%s%s", i ? "," : "", name);
	}
	return xstrdup(buf_str(&text));
}

static char *groups(const struct top_context *x, const struct process *p)
{
	return list_groups(x, p, false);
}

static char *host_groups(const struct top_context *x, const struct process *p)
{
	return list_groups(x, p, true);
}

static char *user(const struct top_context *x, const struct process *p)
{
	return name_inside(x, "uid", p->uid);
}

static char *real_user(const struct top_context *x, const struct process *p)
{
	return name_inside(x, "uid", p->ruid);
}

static char *group(const struct top_context *x, const struct process *p)
{
	return name_inside(x, "gid", p->gid);
}

static char *real_group(const struct top_context *x, const struct process *p)
{
	return name_inside(x, "gid", p->rgid);
}

/* A process that is not the container's has the number 0 in it. */
static char *number_inside(const struct top_context *x, pid_t pid)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->list[i].member.pid == pid)
			return xasprintf("%d", (int)x->list[i].pid);
	return xstrdup("0");
}

static char *pid(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xasprintf("%d", (int)p->pid);
}

static char *parent(const struct top_context *x, const struct process *p)
{
	return number_inside(x, p->parent);
}

static char *process_group(const struct top_context *x, const struct process *p)
{
	return number_inside(x, p->group);
}

static char *host_pid(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xasprintf("%d", (int)p->member.pid);
}

static char *percent(const struct top_context *x, const struct process *p)
{
	double for_long = elapsed(p);

	(void)x;
	return xasprintf("%.3f", for_long > 0 ? cpu_seconds(p) / for_long * 100 : 0.0);
}

static char *elapsed_time(const struct top_context *x, const struct process *p)
{
	(void)x;
	return duration(elapsed(p));
}

static char *cpu_time(const struct top_context *x, const struct process *p)
{
	(void)x;
	return duration(cpu_seconds(p));
}

static char *start_time(const struct top_context *x, const struct process *p)
{
	time_t at = time(NULL) - (time_t)elapsed(p);
	char text[64] = "";
	struct tm tm;

	(void)x;
	if (localtime_r(&at, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return xstrdup(text);
}

static char *tty(const struct top_context *x, const struct process *p)
{
	unsigned int at = major((dev_t)p->tty);

	(void)x;
	if (!p->tty)
		return xstrdup("?");
	/* Pseudo-terminals have eight majors: Documentation/admin-guide/devices.txt. */
	return at >= 136 && at <= 143 ?
		       xasprintf("pts/%u", minor((dev_t)p->tty) + (at - 136) * 256) :
		       xasprintf("%u:%u", at, minor((dev_t)p->tty));
}

static char *args(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xstrdup(p->args);
}

static char *comm(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xstrdup(p->comm);
}

static char *label(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xstrdup(*p->label ? p->label : "?");
}

static char *nice_value(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xasprintf("%d", p->nice);
}

static char *state(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xasprintf("%c", p->member.state);
}

static char *vsz(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xasprintf("%llu", (unsigned long long)p->vsz);
}

static char *rss(const struct top_context *x, const struct process *p)
{
	(void)x;
	return xasprintf("%llu", (unsigned long long)p->rss);
}

static char *seccomp(const struct top_context *x, const struct process *p)
{
	static const char *const words[] = { "disabled", "strict", "filter" };

	(void)x;
	return xstrdup(p->seccomp >= 0 && p->seccomp <= 2 ? words[p->seccomp] : "?");
}

static char *caps(const char *hex)
{
	unsigned long long mask = strtoull(hex, NULL, 16), known = 0;
	CLEAN(buf_done) struct buf text = { 0 };

	for (unsigned int i = 0; caps_name(i); i++) {
		known |= 1ull << i;
		if (mask >> i & 1)
			buf_addf(&text, "%s%s", text.len ? "," : "", caps_name(i));
	}
	if (!text.len)
		return xstrdup("none");
	return (mask & known) == known ? xstrdup("full") : xstrdup(text.data);
}

static char *caps_inherited(const struct top_context *x, const struct process *p)
{
	(void)x;
	return caps(p->caps[0]);
}

static char *caps_permitted(const struct top_context *x, const struct process *p)
{
	(void)x;
	return caps(p->caps[1]);
}

static char *caps_effective(const struct top_context *x, const struct process *p)
{
	(void)x;
	return caps(p->caps[2]);
}

static char *caps_bounding(const struct top_context *x, const struct process *p)
{
	(void)x;
	return caps(p->caps[3]);
}

static char *caps_ambient(const struct top_context *x, const struct process *p)
{
	(void)x;
	return caps(p->caps[4]);
}

/* podman's descriptors, ps(1)'s names and AIX's codes for them. */
static const struct top_column columns[] = {
	{ "%C|pcpu|%cpu", "%CPU", percent },
	{ "%G|group", "GROUP", group },
	{ "%P|ppid", "PPID", parent },
	{ "%U|user", "USER", user },
	{ "%a|args", "COMMAND", args },
	{ "%c|comm", "COMMAND", comm },
	{ "%g|rgroup", "RGROUP", real_group },
	{ "%n|nice", "NI", nice_value },
	{ "%p|pid", "PID", pid },
	{ "%r|pgid", "PGID", process_group },
	{ "%t|etime|elapsed", "ELAPSED", elapsed_time },
	{ "%u|ruser", "RUSER", real_user },
	{ "%x|time", "TIME", cpu_time },
	{ "%y|tty", "TTY", tty },
	{ "%z|vsz", "VSZ", vsz },
	{ "capamb", "AMBIENT CAPS", caps_ambient },
	{ "capbnd", "BOUNDING CAPS", caps_bounding },
	{ "capeff", "EFFECTIVE CAPS", caps_effective },
	{ "capinh", "INHERITED CAPS", caps_inherited },
	{ "capprm", "PERMITTED CAPS", caps_permitted },
	{ "groups", "GROUPS", groups },
	{ "hgroup", "HGROUP", host_group },
	{ "hgroups", "HGROUPS", host_groups },
	{ "hpid", "HPID", host_pid },
	{ "huser", "HUSER", host_user },
	{ "label", "LABEL", label },
	{ "rss", "RSS", rss },
	{ "seccomp", "SECCOMP", seccomp },
	{ "state", "STATE", state },
	{ "stime", "STIME", start_time },
};

const struct top_column *top_column_find(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; len && i < ARRAY_SIZE(columns); i++)
		for (const char *p = columns[i].names; p; p = strchr(p, '|'), p = p ? p + 1 : NULL)
			if (strncmp(p, name, len) == 0 && (p[len] == '|' || !p[len]))
				return &columns[i];
	return NULL;
}
