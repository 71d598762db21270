#include "runtime/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define FILE_MAX 65536

void process_done(struct process *p)
{
	free(p->comm);
	free(p->args);
	free(p->label);
	strv_done(&p->groups);
	*p = (struct process){ 0 };
}

/* Files of /proc say that they are empty: they are read to their end, or as far as we care. */
static int read_proc(pid_t pid, const char *name, struct buf *ret)
{
	char path[64], data[4096];
	CLEAN(clean_fd) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while (ret->len < FILE_MAX && (n = read(fd, data, sizeof(data))) > 0)
		buf_add(ret, data, (size_t)n);
	return ret->len ? 0 : -1;
}

/* The number at place depth of "NSpid:\t100\t1". */
static pid_t pid_at(const char *list, size_t depth)
{
	char *end;

	for (size_t i = 0;; i++) {
		long n = strtol(list, &end, 10);

		if (end == list)
			return 0;
		if (i == depth)
			return (pid_t)n;
		list = end;
	}
}

static void read_status_line(const char *line, size_t depth, struct process *p)
{
	static const char *const caps[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		if (starts_with(line, caps[i]))
			sscanf(line + strlen(caps[i]), " %16s", p->caps[i]);
	if (starts_with(line, "NSpid:"))
		p->pid = pid_at(line + strlen("NSpid:"), depth);
	else if (starts_with(line, "Uid:"))
		sscanf(line, "Uid: %u %u", &p->ruid, &p->uid);
	else if (starts_with(line, "Gid:"))
		sscanf(line, "Gid: %u %u", &p->rgid, &p->gid);
	else if (starts_with(line, "Seccomp:"))
		sscanf(line, "Seccomp: %d", &p->seccomp);
	else if (starts_with(line, "Groups:")) {
		CLEAN(clean_free) char *list = xstrdup(line + strlen("Groups:"));
		char *rest;

		for (char *g = strtok_r(list, " \t", &rest); g; g = strtok_r(NULL, " \t", &rest))
			strv_add(&p->groups, g);
	}
}

static int read_status(size_t depth, struct process *p)
{
	CLEAN(buf_done) struct buf text = { 0 };
	char *rest;

	if (read_proc(p->member.pid, "status", &text) < 0)
		return -1;
	/* The name comes first, and its newlines are escaped there: proc_pid_status(5). */
	for (char *line = strtok_r(text.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		read_status_line(line, depth, p);
	return 0;
}

/* proc_pid_stat(5). The name may hold blanks and brackets: its end is the last bracket. */
static int read_stat(struct process *p)
{
	CLEAN(buf_done) struct buf text = { 0 };
	unsigned long long utime, stime, vsize;
	long rss, nice;
	int parent, group;
	char *open_bracket, *close_bracket;

	if (read_proc(p->member.pid, "stat", &text) < 0)
		return -1;
	open_bracket = strchr(text.data, '(');
	close_bracket = strrchr(text.data, ')');
	if (!open_bracket || !close_bracket || close_bracket < open_bracket ||
	    sscanf(close_bracket + 1,
		   " %*c %d %d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %ld %*d %*d "
		   "%*u %llu %ld",
		   &parent, &group, &p->tty, &utime, &stime, &nice, &vsize, &rss) != 8)
		return -1;
	p->comm = xstrndup(open_bracket + 1, (size_t)(close_bracket - open_bracket - 1));
	p->parent = parent;
	p->group = group;
	p->cpu = utime + stime;
	p->nice = (int)nice;
	p->vsz = vsize / 1024;
	p->rss = (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return 0;
}

static void read_texts(struct process *p)
{
	CLEAN(buf_done) struct buf args = { 0 };
	CLEAN(buf_done) struct buf label = { 0 };

	if (read_proc(p->member.pid, "cmdline", &args) == 0) {
		for (size_t i = 0; i + 1 < args.len; i++)
			if (!args.data[i])
				args.data[i] = ' ';
		p->args = xstrdup(args.data);
	} else {
		p->args = xasprintf("[%s]", p->comm);
	}
	read_proc(p->member.pid, "attr/current", &label);
	p->label = xstrndup(buf_str(&label), strcspn(buf_str(&label), "\n"));
}

int process_read(const struct member *m, size_t depth, struct process *ret)
{
	struct process p = { .member = *m };

	if (read_stat(&p) < 0 || read_status(depth, &p) < 0) {
		process_done(&p);
		return -1;
	}
	read_texts(&p);
	*ret = p;
	return 0;
}

size_t process_depth(pid_t pid)
{
	CLEAN(buf_done) struct buf text = { 0 };
	const char *list;
	size_t n = 0;

	if (read_proc(pid, "status", &text) < 0 || !(list = strstr(text.data, "\nNSpid:")))
		return 0;
	list += strlen("\nNSpid:");
	while (pid_at(list, n))
		n++;
	return n ? n - 1 : 0;
}

int64_t process_id_inside(pid_t pid, const char *kind, unsigned int id)
{
	CLEAN(buf_done) struct buf text = { 0 };
	unsigned int inside, outside, count;
	char name[16], *rest;

	snprintf(name, sizeof(name), "%.3s_map", kind);
	if (read_proc(pid, name, &text) < 0)
		return -1;
	for (char *line = strtok_r(text.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && id >= outside &&
		    id - outside < count)
			return (int64_t)inside + (id - outside);
	return -1;
}
