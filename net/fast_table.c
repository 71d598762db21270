#include "net/fast_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

/* A process with more is a server, whose epoll instances are among its first ones. */
#define LOOKED_AT_MAX 1024
#define ANCESTORS_MAX 8
#define CHILDREN_MAX  32

/* --- What /proc says --- */

static bool link_is(int dir, const char *name, const char *want)
{
	char to[64];
	ssize_t n = readlinkat(dir, name, to, sizeof(to) - 1);

	if (n < 0)
		return false;
	to[n] = '\0';
	return streq(to, want);
}

static FILE *open_fdinfo(pid_t of, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "%d/fdinfo/%.20s", (int)of, name);
	return fopen(path, "re");
}

/* "flags:	02000002", in octal. */
static bool is_cloexec(pid_t of, const char *name)
{
	CLEAN(clean_file) FILE *f = open_fdinfo(of, name);
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (starts_with(line, "flags:"))
			return strtoul(line + strlen("flags:"), NULL, 8) & O_CLOEXEC;
	return false;
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
	CLEAN(clean_file) FILE *f = open_fdinfo(of, name);
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

int fast_place_find(pid_t of, int number, uint64_t inode, struct fast_place *ret)
{
	CLEAN(clean_dir) DIR *dir = open_numbers(of);
	char name[40], first[16];
	int result = dir ? 0 : -1;
	const struct dirent *d;

	ret->n = ret->n_waits = 0;
	snprintf(name, sizeof(name), "socket:[%llu]", (unsigned long long)inode);
	snprintf(first, sizeof(first), "%d", number);
	if (result == 0 && link_is(dirfd(dir), first, name))
		result = add_number(of, first, ret);
	for (int i = 0; result == 0 && i < LOOKED_AT_MAX && (d = readdir(dir)); i++) {
		if (streq(d->d_name, first))
			continue;
		if (link_is(dirfd(dir), d->d_name, name))
			result = add_number(of, d->d_name, ret);
		else if (link_is(dirfd(dir), d->d_name, "anon_inode:[eventpoll]"))
			result = add_waits(of, d->d_name, inode, ret);
	}
	return result;
}

/* --- Those who may have it as well --- */

static bool has(pid_t pid, int number, const char *link)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, number);
	return link_is(AT_FDCWD, path, link);
}

/* Beyond the container, its monitor is the last whose descriptors we may see. */
static bool is_visible(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "%d/fd/.", (int)pid);
	return access(path, R_OK) == 0;
}

/* "Tgid:" and "PPid:" of a thread. */
static int read_family(pid_t of, pid_t *ret_process, pid_t *ret_parent)
{
	char path[40], line[128];
	int found = 0;

	snprintf(path, sizeof(path), "%d/status", (int)of);
	{
		CLEAN(clean_file) FILE *f = fopen(path, "re");

		while (f && found < 2 && fgets(line, sizeof(line), f)) {
			if (starts_with(line, "Tgid:"))
				found++, *ret_process = atoi(line + strlen("Tgid:"));
			else if (starts_with(line, "PPid:"))
				found++, *ret_parent = atoi(line + strlen("PPid:"));
		}
	}
	return found == 2 ? 0 : -1;
}

static bool child_has(pid_t process, pid_t thread, int number, const char *link)
{
	char path[80];
	int child;

	snprintf(path, sizeof(path), "%d/task/%d/children", (int)process, (int)thread);
	{
		CLEAN(clean_file) FILE *f = fopen(path, "re");

		for (int i = 0; f && i < CHILDREN_MAX && fscanf(f, "%d", &child) == 1; i++)
			if (has(child, number, link))
				return true;
	}
	return false;
}

/* What was inherited has the number that it had. */
bool fast_place_shared(pid_t of, int number, uint64_t inode)
{
	pid_t process = 0, parent = 0, own;
	char link[40];

	snprintf(link, sizeof(link), "socket:[%llu]", (unsigned long long)inode);
	if (read_family(of, &process, &parent) < 0)
		return true;
	own = process;
	if (child_has(own, of, number, link) || (own != of && child_has(own, own, number, link)))
		return true;
	for (int i = 0; i < ANCESTORS_MAX && parent > 0 && is_visible(parent); i++) {
		if (has(parent, number, link))
			return true;
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
static void add_wait(int epoll, int sock, int number, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };
	/* Of what is at number, if anything is. Where it is one of these two, that as well. */
	CLEAN(clean_fd) int before = fcntl(number, F_DUPFD_CLOEXEC, 0);
	int by = epoll == number ? before : epoll;

	if (before < 0 && errno != EBADF)
		return;
	if (sock != number && dup3(sock, number, O_CLOEXEC) < 0)
		return;
	epoll_ctl(by, EPOLL_CTL_ADD, number, &e);
	if (sock == number)
		return;
	if (before >= 0)
		dup3(before, number, O_CLOEXEC);
	else
		close(number);
}

static void add_waits_there(const struct notification *n, const struct fast_place *p, int sock)
{
	for (size_t i = 0; i < p->n_waits; i++) {
		CLEAN(clean_fd) int epoll = notify_get_fd(n, p->waits[i].epoll);

		if (epoll >= 0)
			add_wait(epoll, sock, p->waits[i].number, p->waits[i].events, p->waits[i].data);
	}
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
	add_waits_there(n, p, sock);
	return 0;
}
