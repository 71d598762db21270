/*
 * --init: the first process becomes tiffin-init (runtime/inside/init.c), and the container's
 * program its child.
 *
 * The two part when everything else is done, and so have the same user, capabilities and filter.
 * Each holds the sync socket until it has executed what it is to: the parent hears of both.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "runtime/child.h"
#include "runtime/mount.h"
#include "runtime/sync.h"

/*
 * By a read-only mount of its file: through /proc/1/exe it can be opened, but not written to, by a
 * container's root who may write to the file itself (CVE-2019-5736).
 */
int open_init(struct child *c, struct err *err)
{
	CLEAN(clean_free) char *path = NULL;

	if (!c->spec->init || c->init >= 0)
		return 0;
	if (helper_path("tiffin-init", &path, err) < 0)
		return -1;
	return mount_clone(AT_FDCWD, path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, &c->init, err);
}

static _Noreturn void become_init(struct child *c, pid_t program)
{
	CLEAN(strv_done) struct strv args = { 0 };
	struct err err = { 0 };

	strv_add(&args, "tiffin-init");
	strv_addf(&args, "%d", (int)program);
	for (size_t i = 0; i < c->spec->args.n; i++)
		strv_add(&args, c->spec->args.v[i]);
	/* What the user hands over is the program's alone. */
	if (c->launch->n_preserved)
		syscall(SYS_close_range, 3u, (unsigned int)c->sync - 1, 0u);
	syscall(SYS_execveat, c->init, "", args.v, c->env.v, AT_EMPTY_PATH);
	err_sys(&err, "cannot execute tiffin-init");
	sync_fail(c->sync, 125, &err);
	_exit(125);
}

/* Until the pipe's other end, which is close-on-exec, has gone with the program that held it. */
static void await_exec(int ends[2])
{
	char nothing;

	close(ends[1]);
	while (read(ends[0], &nothing, 1) < 0 && errno == EINTR)
		;
	close(ends[0]);
}

/*
 * Returns in the program's process alone, which is the foreground one of its terminal; not before
 * the first process has become tiffin-init: the program could else see tiffin itself in
 * /proc/1/exe.
 */
int part_from_init(struct child *c, struct err *err)
{
	sigset_t all, none;
	int ends[2];
	pid_t pid;

	if (c->init < 0)
		return 0;
	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "a pipe");
	pid = fork();
	if (pid < 0)
		return err_sys(err, "fork");
	if (pid > 0)
		become_init(c, pid);
	await_exec(ends);
	/* ^C is the program's: the init would forward it a second time. SIGTTOU is blocked. */
	if (setpgid(0, 0) < 0 || (c->spec->tty && tcsetpgrp(STDIN_FILENO, getpid()) < 0))
		return err_sys(err, "process groups");
	sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}
