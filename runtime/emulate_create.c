/*
 * Theory of operation
 *
 * What a process makes belongs to whom it is, not to root, and in a directory with the setgid bit
 * to that one's group (inode(7)). The kernel makes it, by its own rules; we are told before, and
 * note whose it is to be. Once it is there, that is recorded: before any other call is answered, so
 * that nobody sees it otherwise, before it can be renamed, and for who makes no further calls when
 * a short time has passed. Nothing is made in anybody's place, which would evade what binds a
 * process alone (Landlock, capabilities).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "runtime/emulate_parts.h"

#define ARG(i) ((int)n->data.args[i])

#define WAIT_MS	  2  /* for the call to be done, */
#define WAITS_MAX 10 /* doubled each time; then it has failed */

static void forget(struct expected *x)
{
	close(fd_take(&x->parent));
}

static void expect_later(struct emulation *e)
{
	const struct itimerspec soon = { .it_value.tv_nsec = WAIT_MS * 1000000L };

	timerfd_settime(e->timer, 0, &soon, NULL);
}

/* False: it is not there yet. */
static bool settle_one(struct emulation *e, const struct expected *x)
{
	CLEAN(clean_fd) int fd = openat(x->parent, x->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct owner before;
	char name[40];

	if (fd < 0)
		return false;
	snprintf(name, sizeof(name), "self/fd/%d", fd);
	if (!emulate_find_owner(e, name, &before))
		emulate_record_owner(e, name, x->owner);
	return true;
}

/* caller: who makes a call now, and so has made the last one; 0: nobody. */
void emulate_settle(struct emulation *e, pid_t caller)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->n_expected; i++) {
		struct expected *x = &e->expected[i];

		if (settle_one(e, x) || x->maker == caller || x->waits == WAITS_MAX)
			forget(x);
		else
			e->expected[kept++] = *x;
	}
	e->n_expected = kept;
}

void emulate_on_timer(struct notify_loop *l, uint32_t events, void *arg)
{
	struct emulation *e = arg;
	struct itimerspec next = { .it_value.tv_nsec = WAIT_MS * 1000000L };
	uint64_t times;

	(void)l;
	(void)events;
	if (read(e->timer, &times, sizeof(times)) < 0)
		return;
	emulate_settle(e, 0);
	for (size_t i = 0; i < e->n_expected; i++)
		e->expected[i].waits++;
	if (e->n_expected) {
		next.it_value.tv_nsec <<= e->expected[e->n_expected - 1].waits < 8 ?
						  e->expected[e->n_expected - 1].waits : 8;
		timerfd_settime(e->timer, 0, &next, NULL);
	}
}

/* The directory's group, where it hands that down. */
static void inherit(const struct emulation *e, int parent, struct owner *o)
{
	struct owner dir;
	struct stat st;
	char name[40];

	snprintf(name, sizeof(name), "self/fd/%d", parent);
	if (fstat(parent, &st) == 0 && (st.st_mode & S_ISGID))
		o->gid = emulate_find_owner(e, name, &dir) ? dir.gid : st.st_gid;
}

/* Cuts the last name off; false: it has none that could be made. */
static bool split(char *path, const char **ret_dir, char ret_name[NAME_MAX + 1])
{
	size_t len = strlen(path);
	char *name;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (!*name || strlen(name) > NAME_MAX || streq(name, ".") || streq(name, ".."))
		return false;
	memcpy(ret_name, name, strlen(name) + 1);
	*ret_dir = name == path ? "." : name == path + 1 ? "/" : path;
	if (name > path + 1)
		name[-1] = '\0';
	return true;
}

static void expect(struct emulation *e, const struct notification *n, int dirfd, char *path)
{
	struct expected x = { .maker = n->pid };
	CLEAN(seen_done) struct seen parent = SEEN_INIT;
	struct credentials c;
	struct stat st;
	const char *dir;

	if (emulate_load(e, n->pid, &c) < 0 || !split(path, &dir, x.name) ||
	    view_find(&e->view, n, dirfd, dir, true, &parent) < 0)
		return;
	x.owner = (struct owner){ c.uid.fs, c.gid.fs };
	if (parent.fd < 0)
		return;
	inherit(e, parent.fd, &x.owner);
	if ((!x.owner.uid && !x.owner.gid) ||
	    fstatat(parent.fd, x.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	if (e->n_expected == EXPECTED_MAX) {
		forget(&e->expected[0]);
		memmove(e->expected, e->expected + 1, --e->n_expected * sizeof(x));
	}
	x.parent = fd_take(&parent.fd);
	e->expected[e->n_expected++] = x;
	expect_later(e);
}

static void expect_path(struct emulation *e, const struct notification *n, int dirfd, int path)
{
	char text[PATH_MAX];

	if (notify_read_string(n, n->data.args[path], text, sizeof(text)) == 0)
		expect(e, n, dirfd, text);
	notify_continue(n);
}

/* open, creat, mkdir, mknod: with the path first */
void emulate_create(struct emulation *e, const struct notification *n)
{
	expect_path(e, n, AT_FDCWD, 0);
}

/* openat, mkdirat, mknodat */
void emulate_create_at(struct emulation *e, const struct notification *n)
{
	expect_path(e, n, ARG(0), 1);
}

void emulate_symlink(struct emulation *e, const struct notification *n)
{
	expect_path(e, n, AT_FDCWD, 1);
}

void emulate_symlinkat(struct emulation *e, const struct notification *n)
{
	expect_path(e, n, ARG(1), 2);
}

/* Of a socket with a name among files. */
void emulate_bind(struct emulation *e, const struct notification *n)
{
	struct sockaddr_un a = { 0 };
	const uint32_t len = (uint32_t)n->data.args[2];

	if (len > offsetof(struct sockaddr_un, sun_path) && len <= sizeof(a) &&
	    notify_read(n, n->data.args[1], &a, len) == 0 && a.sun_family == AF_UNIX && a.sun_path[0]) {
		char path[sizeof(a.sun_path) + 1] = { 0 };

		memcpy(path, a.sun_path, sizeof(a.sun_path));
		expect(e, n, AT_FDCWD, path);
	}
	notify_continue(n);
}

/* rename and link: of what is expected, nothing must get another name first. */
void emulate_pass(struct emulation *e, const struct notification *n)
{
	(void)e;
	notify_continue(n);
}
