#include "runtime/members.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/str.h"

static int open_namespace(const char *process, const char *kind)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.24s/ns/%s", process, kind);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* What makes a process one of the container's. */
struct membership {
	const char *kind;   /* of namespace: "pid" or "mnt" */
	struct stat inside; /* the container's */
	struct stat ours;   /* ours, which leads to nothing beneath the container */
};

static bool belongs(const char *process, const struct membership *m)
{
	CLEAN(clean_fd) int ns = open_namespace(process, m->kind);
	struct stat st;

	while (ns >= 0 && fstat(ns, &st) == 0 && !same(&st, &m->ours)) {
		int above;

		if (same(&st, &m->inside))
			return true;
		above = ioctl(ns, NS_GET_PARENT);
		close(ns);
		ns = above;
	}
	return false;
}

/* Is it process 1 of its PID namespace? */
static bool leads(const struct proc_id *init)
{
	char path[40], line[256];
	CLEAN(clean_file) FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)init->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (starts_with(line, "NSpid:"))
			return ends_with(line, "\t1\n");
	return false;
}

static int find_membership(const struct proc_id *init, struct membership *ret, struct err *err)
{
	struct membership m = { .kind = leads(init) ? "pid" : "mnt" };
	char process[16];
	CLEAN(clean_fd) int inside = -1;
	CLEAN(clean_fd) int ours = open_namespace("self", m.kind);

	snprintf(process, sizeof(process), "%d", (int)init->pid);
	inside = open_namespace(process, m.kind);
	if (inside < 0 || ours < 0 || fstat(inside, &m.inside) < 0 || fstat(ours, &m.ours) < 0)
		return err_sys(err, "cannot tell which processes are the container's");
	/* Alive now, so that its number was its own when it was used above. */
	if (!proc_alive(init))
		return err_set(err, ERR_BUSY, "the container has ended: container state improper");
	if (same(&m.inside, &m.ours))
		return err_set(err, ERR_UNSUPPORTED,
			       "the container's processes can't be told from others of this "
			       "machine");
	*ret = m;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int members_list(const struct proc_id *init, struct member **ret, size_t *ret_n, struct err *err)
{
	CLEAN(clean_dir) DIR *dir = opendir("/proc");
	CLEAN(clean_free) struct member *list = NULL;
	struct membership m = { 0 };
	struct dirent *e;
	size_t n = 0;

	if (!dir)
		return err_sys(err, "cannot read '/proc'");
	if (find_membership(init, &m, err) < 0)
		return -1;
	while ((e = readdir(dir))) {
		struct member this = { .pid = (pid_t)strtol(e->d_name, NULL, 10) };

		if (this.pid <= 0 || !belongs(e->d_name, &m) ||
		    proc_read_stat(this.pid, &this.start, &this.state) < 0)
			continue;
		list = xrealloc(list, (n + 1) * sizeof(*list));
		list[n++] = this;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_pid);
	*ret = ptr_take(&list);
	*ret_n = n;
	return 0;
}

void member_signal(const struct member *m, int sig)
{
	CLEAN(clean_fd) int pidfd = pidfd_open(m->pid, 0);
	uint64_t start;
	char state;

	/* What is true of the number now is true of the pidfd's process. */
	if (pidfd >= 0 && proc_read_stat(m->pid, &start, &state) == 0 && start == m->start)
		pidfd_send_signal(pidfd, sig, NULL, 0);
}
