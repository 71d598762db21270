#include "net/fast_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/fast_parts.h"

#define ANCESTORS_MAX 8
#define CHILDREN_MAX  32

/* --- What /proc says --- */

/* To what a number leads, in so far as that is short. */
struct link {
	char to[40];
};

static bool read_link(int dir, const char *name, struct link *ret)
{
	ssize_t n = readlinkat(dir, name, ret->to, sizeof(ret->to) - 1);

	ret->to[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

static struct link link_of_socket(uint64_t inode)
{
	struct link l;

	snprintf(l.to, sizeof(l.to), "socket:[%llu]", (unsigned long long)inode);
	return l;
}

static bool link_is(int dir, const char *name, const struct link *want)
{
	struct link found;

	return read_link(dir, name, &found) && streq(found.to, want->to);
}

static int open_fdinfo(pid_t of, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "%d/fdinfo/%.20s", (int)of, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The beginning of a file. */
static void read_start(int fd, char *ret, size_t size)
{
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	ret[n < 0 ? 0 : n] = '\0';
}

/* "pos:	0\nflags:	02000002\n", in octal. */
static bool is_cloexec(pid_t of, const char *name)
{
	CLEAN(clean_fd) int fd = open_fdinfo(of, name);
	char text[128];
	const char *flags;

	read_start(fd, text, sizeof(text));
	flags = strstr(text, "flags:");
	return flags && strtoul(flags + strlen("flags:"), NULL, 8) & O_CLOEXEC;
}

static int add_number(pid_t of, const char *name, struct fast_place *p)
{
	if (p->n == FAST_NUMBERS_MAX)
		return -1;
	p->v[p->n].cloexec = is_cloexec(of, name);
	p->v[p->n++].number = atoi(name);
	return 0;
}

/* "tfd:        5 events:       1d data:                5  pos:0 ino:1c6a sdev:8" */
static int add_waits(pid_t of, const char *name, uint64_t inode, struct fast_place *p)
{
	int fd = open_fdinfo(of, name);
	CLEAN(clean_file) FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	char line[160];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long data, found;
		unsigned int events;
		int number;

		if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%llx", &number, &events, &data,
			   &found) != 4 || found != inode)
			continue;
		if (p->n_waits == FAST_EPOLLS_MAX)
			return -1;
		p->spent |= !(events & (EPOLLERR | EPOLLHUP));
		p->waits[p->n_waits].epoll = atoi(name);
		p->waits[p->n_waits].number = number;
		p->waits[p->n_waits].events = events;
		p->waits[p->n_waits++].data = data;
	}
	return 0;
}

static DIR *open_numbers(pid_t of)
{
	char path[40];

	snprintf(path, sizeof(path), "%d/fd", (int)of);
	return opendir(path);
}

/* The directory's size, since Linux 6.2. */
size_t fast_place_count(pid_t of)
{
	CLEAN(clean_dir) DIR *dir = open_numbers(of);
	struct stat st = { .st_size = 0 };
	size_t n = 0;

	if (dir && fstat(dirfd(dir), &st) == 0 && st.st_size > 0)
		return (size_t)st.st_size;
	while (dir && readdir(dir))
		n++;
	return n;
}

bool fast_place_may_look(struct fast_looks *l, size_t n, time_t second)
{
	if (n <= FAST_LOOKED_AT_FEW || n > FAST_LOOKED_AT_MAX)
		return n <= FAST_LOOKED_AT_FEW;
	if (l->second != second)
		*l = (struct fast_looks){ .second = second };
	if (l->n + n > FAST_LOOKS)
		return false;
	l->n += n;
	return true;
}

static int add(pid_t of, int dir, const char *name, const struct link *want, uint64_t inode,
	       struct fast_place *ret)
{
	struct link found;

	if (!read_link(dir, name, &found))
		return 0;
	if (streq(found.to, want->to))
		return add_number(of, name, ret);
	return streq(found.to, "anon_inode:[eventpoll]") ? add_waits(of, name, inode, ret) : 0;
}

int fast_place_find(pid_t of, int number, uint64_t inode, struct fast_place *ret)
{
	CLEAN(clean_dir) DIR *dir = open_numbers(of);
	const struct link want = link_of_socket(inode);
	int result = dir ? 0 : -1;
	const struct dirent *d;
	char first[16];

	ret->n = ret->n_waits = 0;
	ret->spent = false;
	snprintf(first, sizeof(first), "%d", number);
	if (result == 0 && link_is(dirfd(dir), first, &want))
		result = add_number(of, first, ret);
	for (int i = 0; result == 0 && i < FAST_LOOKED_AT_MAX && (d = readdir(dir)); i++)
		if (d->d_name[0] != '.' && !streq(d->d_name, first))
			result = add(of, dirfd(dir), d->d_name, &want, inode, ret);
	return result;
}

/* --- Those who may have it as well --- */

/* -1: its descriptors are not for us to see. Beyond the container, its monitor's are the last that are. */
static int has(pid_t pid, int number, const struct link *link)
{
	struct link found;
	char path[64];

	snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, number);
	if (!read_link(AT_FDCWD, path, &found))
		return errno == ENOENT ? 0 : -1;
	return streq(found.to, link->to);
}

/* Since Linux 6.13. */
struct pidfd_info_0 {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info_0) == FAST_PIDFD_INFO_SIZE, "the first version's size");

static int ask_family(pid_t of, pid_t *ret_process, pid_t *ret_parent)
{
	CLEAN(clean_fd) int pidfd = (int)syscall(SYS_pidfd_open, of, O_EXCL /* PIDFD_THREAD */);
	struct pidfd_info_0 info = { .mask = 1 };

	if (pidfd < 0 || ioctl(pidfd, FAST_PIDFD_GET_INFO, &info) < 0)
		return -1;
	*ret_process = (pid_t)info.tgid;
	*ret_parent = (pid_t)info.ppid;
	return 0;
}

/* The process of a thread, and its parent: "Tgid:" and "PPid:". */
static int read_family(pid_t of, pid_t *ret_process, pid_t *ret_parent)
{
	CLEAN(clean_fd) int fd = -1;
	char path[40], text[512];
	const char *process, *parent;

	if (ask_family(of, ret_process, ret_parent) == 0)
		return 0;
	snprintf(path, sizeof(path), "%d/status", (int)of);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	read_start(fd, text, sizeof(text));
	process = strstr(text, "\nTgid:");
	parent = strstr(text, "\nPPid:");
	if (!process || !parent)
		return -1;
	*ret_process = atoi(process + strlen("\nTgid:"));
	*ret_parent = atoi(parent + strlen("\nPPid:"));
	return 0;
}

static bool child_has(pid_t process, pid_t thread, int number, const struct link *link)
{
	char path[80];
	int child;

	snprintf(path, sizeof(path), "%d/task/%d/children", (int)process, (int)thread);
	{
		CLEAN(clean_file) FILE *f = fopen(path, "re");

		for (int i = 0; f && i < CHILDREN_MAX && fscanf(f, "%d", &child) == 1; i++)
			if (has(child, number, link) > 0)
				return true;
	}
	return false;
}

/* What was inherited has the number that it had. */
bool fast_place_shared(pid_t of, int number, uint64_t inode)
{
	pid_t process = 0, parent = 0, own;
	const struct link link = link_of_socket(inode);

	if (read_family(of, &process, &parent) < 0)
		return true;
	own = process;
	if (child_has(own, of, number, &link) || (own != of && child_has(own, own, number, &link)))
		return true;
	for (int i = 0; i < ANCESTORS_MAX && parent > 0; i++) {
		int found = has(parent, number, &link);

		if (found != 0)
			return found > 0;
		if (read_family(parent, &process, &parent) < 0)
			return false;
	}
	return false;
}

/* --- Taking the place --- */

/*
 * An epoll instance knows what it waits for by the file and the number that it had when it was added,
 * in the table of whoever added it. So it has to have that number here for a moment, whatever else has.
 */
static void change_wait(int epoll, int operation, int sock, int number, struct epoll_event *e)
{
	/* Of what is at number, if anything is. Where it is one of these two, that as well. */
	CLEAN(clean_fd) int before = fcntl(number, F_DUPFD_CLOEXEC, 0);
	int by = epoll == number ? before : epoll;

	if (before < 0 && errno != EBADF)
		return;
	if (sock != number && dup3(sock, number, O_CLOEXEC) < 0)
		return;
	epoll_ctl(by, operation, number, e);
	if (sock == number)
		return;
	if (before >= 0)
		dup3(before, number, O_CLOEXEC);
	else
		close(number);
}

static void change_waits(const struct notification *n, const struct fast_place *p, int operation, int sock)
{
	for (size_t i = 0; i < p->n_waits; i++) {
		CLEAN(guard_close) int epoll = notify_get_fd(n, p->waits[i].epoll);
		struct epoll_event e = { .events = p->waits[i].events, .data.u64 = p->waits[i].data };

		if (epoll >= 0)
			change_wait(epoll, operation, sock, p->waits[i].number, &e);
	}
}

void fast_place_leave(const struct notification *n, const struct fast_place *p, int sock)
{
	change_waits(n, p, EPOLL_CTL_DEL, sock);
}

int fast_place_put(const struct notification *n, int number, const struct fast_place *p, int sock)
{
	bool put = false;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].number == number)
			put = notify_add_fd(n, sock, number, p->v[i].cloexec) >= 0;
	if (!put)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].number != number)
			notify_add_fd(n, sock, p->v[i].number, p->v[i].cloexec);
	change_waits(n, p, EPOLL_CTL_ADD, sock);
	return 0;
}
