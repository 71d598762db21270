/*
 * Standard input, output and error of the container: a pseudo-terminal of its own devpts, or the
 * pipes that the parent made.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/child.h"
#include "runtime/mount.h"
#include "runtime/sync.h"

/* Inside a container that runs: what /dev/pts is now, which must be a devpts still. */
int find_terminals(struct child *c, struct err *err)
{
	CLEAN(clean_fd) int pts = -1;
	struct statfs fs;

	if (!c->spec->tty)
		return 0;
	c->dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	pts = c->dev < 0 ? -1 :
			   openat(c->dev, "pts", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (pts < 0 || fstatfs(pts, &fs) < 0)
		return err_sys(err, "'/dev/pts'");
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(err, ERR_CORRUPT, "'/dev/pts' is not a devpts");
	return 0;
}

/* TIOCGPTPEER opens the other side without a path, so no path can be swapped. */
int open_terminal(struct child *c, struct err *err)
{
	CLEAN(clean_fd) int master = -1;
	int unlock = 0;

	if (!c->spec->tty)
		return 0;
	master = openat(c->dev, "pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
	    ioctl(master, TIOCGPTN, &c->terminal_number) < 0)
		return err_sys(err, "a new pseudo-terminal");
	c->terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->terminal < 0)
		return err_sys(err, "the pseudo-terminal's other side");
	if (c->launch->size.ws_row && ioctl(master, TIOCSWINSZ, &c->launch->size) < 0)
		return err_sys(err, "its size");
	return sync_send(c->sync, SYNC_TERMINAL, master, err);
}

int bind_console(struct child *c, struct err *err)
{
	CLEAN(clean_fd) int console = -1;
	CLEAN(clean_fd) int target = -1;
	char path[32];

	if (!c->spec->tty)
		return 0;
	target = openat(c->dev, "console", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (target < 0)
		return err_sys(err, "'/dev/console'");
	snprintf(path, sizeof(path), "pts/%d", c->terminal_number);
	if (mount_clone(c->dev, path, 0, &console, err) < 0)
		return -1;
	return mount_attach(console, c->dev, "console", err);
}

int attach_stdio(struct child *c, struct err *err)
{
	for (int i = 0; i < 3; i++) {
		int fd = c->spec->tty ? c->terminal : c->launch->stdio[i];

		if (dup2(fd, i) < 0)
			return err_sys(err, "descriptor %d", i);
		/*
		 * The container's user opens /dev/stdout by path: nginx does. Not all that stdin
		 * can be has an owner to change (/dev/null of the host).
		 */
		if (c->spec->tty || i > 0 || c->spec->open_stdin)
			if (fchown(i, c->uid, c->spec->tty ? (gid_t)-1 : c->gid) < 0 && c->uid &&
			    !c->launch->stranger)
				return err_sys(err, "handing over descriptor %d", i);
	}
	if (c->spec->tty && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(err, "the controlling terminal");
	return 0;
}
