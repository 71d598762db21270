#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "runtime/emulate_parts.h"

#define ARG(i) ((int)n->data.args[i])

/*
 * What stat(2) and its kin say of a file is the kernel's to say, but for those with a recorded
 * owner.
 */
static void answer_stat(const struct emulation *e, const struct notification *n,
			const struct seen *s, uint64_t address)
{
	struct owner o;
	struct stat st;

	if (!emulate_find_owner(e, s->name, &o) || fstatat(e->view.proc, s->name, &st, 0) < 0) {
		notify_continue(n);
		return;
	}
	st.st_uid = o.uid;
	st.st_gid = o.gid;
	if (notify_write(n, address, &st, sizeof(st)) < 0)
		notify_fail(n, EFAULT);
	else
		notify_return(n, 0);
}

static void answer_statx(const struct emulation *e, const struct notification *n,
			 const struct seen *s)
{
	struct owner o;
	struct statx st;

	if (!emulate_find_owner(e, s->name, &o) ||
	    statx(e->view.proc, s->name, ARG(2) & AT_STATX_SYNC_TYPE, (unsigned int)ARG(3), &st) < 0) {
		notify_continue(n);
		return;
	}
	st.stx_uid = o.uid;
	st.stx_gid = o.gid;
	if (notify_write(n, n->data.args[4], &st, sizeof(st)) < 0)
		notify_fail(n, EFAULT);
	else
		notify_return(n, 0);
}

int emulate_find(const struct emulation *e, const struct notification *n, int dirfd, uint64_t path,
		 int flags, struct seen *ret)
{
	char text[PATH_MAX];

	/* Since Linux 6.11 it may be NULL. */
	if (!path && (flags & AT_EMPTY_PATH))
		text[0] = '\0';
	else if (notify_read_string(n, path, text, sizeof(text)) < 0)
		return -1;
	errno = ENOENT;
	if (!text[0] && !(flags & AT_EMPTY_PATH))
		return -1;
	return view_find(&e->view, n, dirfd, text, !(flags & AT_SYMLINK_NOFOLLOW), ret);
}

static void stat_path(const struct emulation *e, const struct notification *n, int dirfd,
		      uint64_t path, int flags, uint64_t address)
{
	CLEAN(seen_done) struct seen s = SEEN_INIT;

	if (emulate_find(e, n, dirfd, path, flags, &s) < 0)
		notify_continue(n);
	else
		answer_stat(e, n, &s, address);
}

void emulate_stat(struct emulation *e, const struct notification *n)
{
	stat_path(e, n, AT_FDCWD, n->data.args[0], 0, n->data.args[1]);
}

void emulate_lstat(struct emulation *e, const struct notification *n)
{
	stat_path(e, n, AT_FDCWD, n->data.args[0], AT_SYMLINK_NOFOLLOW, n->data.args[1]);
}

void emulate_fstat(struct emulation *e, const struct notification *n)
{
	struct seen s;

	view_find_fd(n, ARG(0), &s);
	answer_stat(e, n, &s, n->data.args[1]);
}

void emulate_newfstatat(struct emulation *e, const struct notification *n)
{
	if (ARG(3) & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		notify_continue(n);
	else
		stat_path(e, n, ARG(0), n->data.args[1], ARG(3), n->data.args[2]);
}

void emulate_statx(struct emulation *e, const struct notification *n)
{
	const int known =
		AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
	CLEAN(seen_done) struct seen s = SEEN_INIT;

	if ((ARG(2) & ~known) || emulate_find(e, n, ARG(0), n->data.args[1], ARG(2), &s) < 0)
		notify_continue(n);
	else
		answer_statx(e, n, &s);
}
