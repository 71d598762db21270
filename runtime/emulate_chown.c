#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/emulate_parts.h"

#define ARG(i) ((int)n->data.args[i])

static uint32_t or_else(uint32_t id, uint32_t before)
{
	return id == ID_NONE ? before : id;
}

/*
 * Done as far as the kernel can, which says whether the file may be changed at all, takes setuid
 * and setgid away and sets the time; then recorded. 0, or an errno.
 */
static int change_owner(struct emulation *e, const struct notification *n, const struct seen *s,
			uint32_t uid, uint32_t gid)
{
	struct credentials c;
	struct owner o;
	struct stat st;
	int error;

	if (emulate_load(e, n->pid, &c) < 0 || fstatat(e->view.proc, s->name, &st, 0) < 0)
		return errno;
	if (!emulate_find_owner(e, s->name, &o))
		o = (struct owner){ st.st_uid, st.st_gid };
	error = credentials_chown(&c, e->caps, o, uid, gid);
	if (error)
		return error;
	if (!notify_valid(n))
		return ESRCH;
	if (fchownat(e->view.proc, s->name, or_else(uid, ID_NONE) == ID_NONE ? ID_NONE : 0,
		     gid == ID_NONE ? ID_NONE : 0, 0) < 0)
		return errno;
	if (uid == ID_NONE && gid == ID_NONE)
		return 0;
	return emulate_record_owner(e, s->name,
				    (struct owner){ or_else(uid, o.uid), or_else(gid, o.gid) });
}

static void answer(struct emulation *e, const struct notification *n, const struct seen *s,
		   uint64_t uid, uint64_t gid)
{
	int error = change_owner(e, n, s, (uint32_t)uid, (uint32_t)gid);

	if (error == ENOENT || error == ESRCH) /* no such descriptor: the kernel says so */
		notify_continue(n);
	else if (error)
		notify_fail(n, error);
	else
		notify_return(n, 0);
}

static void chown_path(struct emulation *e, const struct notification *n, int dirfd, int path,
		       int flags)
{
	CLEAN(seen_done) struct seen s = SEEN_INIT;

	if (emulate_find(e, n, dirfd, n->data.args[path], flags, &s) < 0)
		notify_continue(n);
	else
		answer(e, n, &s, n->data.args[path + 1], n->data.args[path + 2]);
}

void emulate_chown(struct emulation *e, const struct notification *n)
{
	chown_path(e, n, AT_FDCWD, 0, 0);
}

void emulate_lchown(struct emulation *e, const struct notification *n)
{
	chown_path(e, n, AT_FDCWD, 0, AT_SYMLINK_NOFOLLOW);
}

void emulate_fchown(struct emulation *e, const struct notification *n)
{
	struct seen s;

	view_find_fd(n, ARG(0), &s);
	answer(e, n, &s, n->data.args[1], n->data.args[2]);
}

void emulate_fchownat(struct emulation *e, const struct notification *n)
{
	if (ARG(4) & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		notify_continue(n);
	else
		chown_path(e, n, ARG(0), 1, ARG(4));
}
