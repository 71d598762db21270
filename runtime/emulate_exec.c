#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/emulate_parts.h"

/* A script's interpreter runs without them: execve(2). */
static bool is_script(const char *name)
{
	CLEAN(clean_fd) int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char magic[2];

	return fd < 0 || (read(fd, magic, 2) == 2 && memcmp(magic, "#!", 2) == 0);
}

/* The setuid and setgid bits have their effect where the container may have new privileges. */
static void take_over(const struct emulation *e, const struct notification *n, int dirfd,
		      uint64_t path, int flags, struct credentials *c)
{
	CLEAN(seen_done) struct seen s = SEEN_INIT;
	struct owner o;
	struct stat st;

	if (emulate_find(e, n, dirfd, path, flags, &s) < 0 || stat(s.name, &st) < 0 ||
	    !S_ISREG(st.st_mode) || !(st.st_mode & (S_ISUID | S_ISGID)) || is_script(s.name))
		return;
	if (!emulate_find_owner(e, s.name, &o))
		o = (struct owner){ st.st_uid, st.st_gid };
	if (st.st_mode & S_ISUID)
		c->uid.effective = o.uid;
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->gid.effective = o.gid;
}

/*
 * Before it is known whether it succeeds: whose execve(2) fails, and goes on with what it had kept
 * for later, has it no more.
 */
static void execute(struct emulation *e, const struct notification *n, int dirfd, uint64_t path,
		    int flags)
{
	struct credentials before, c;

	if (emulate_load(e, n->pid, &c) == 0) {
		before = c;
		if (e->how.spec->new_privileges)
			take_over(e, n, dirfd, path, flags, &c);
		credentials_exec(&c);
		if (memcmp(&before, &c, sizeof(c)) != 0)
			emulate_save(e, n, &c);
	}
	notify_continue(n);
}

void emulate_execve(struct emulation *e, const struct notification *n)
{
	execute(e, n, AT_FDCWD, n->data.args[0], 0);
}

void emulate_execveat(struct emulation *e, const struct notification *n)
{
	execute(e, n, (int)n->data.args[0], n->data.args[1], (int)n->data.args[4]);
}

void emulate_chroot(struct emulation *e, const struct notification *n)
{
	e->shared->rooted = true;
	notify_continue(n);
}

/* PR_SET_KEEPCAPS, which the kernel is told as well. */
void emulate_keep_capabilities(struct emulation *e, const struct notification *n)
{
	struct credentials c;

	if (n->data.args[1] <= 1 && emulate_load(e, n->pid, &c) == 0) {
		c.keep = (uint32_t)n->data.args[1];
		emulate_save(e, n, &c);
	}
	notify_continue(n);
}
