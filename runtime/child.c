/*
 * Theory of operation
 *
 * The child is born by one clone3(2) into all its namespaces and finds itself nobody there, with
 * the host's file systems around it. It turns that into a container one step at a time; the steps
 * and their order are the tables at the end of this file, with the reason beside each that can't
 * stand elsewhere. Here are those steps that are short; the others are where runtime/child.h says.
 * The parent's side (lead() in runtime/launch.c) meets it at three named points: the ID maps are
 * written, the network's frames and the terminal's master are handed over.
 *
 * Whatever fails is reported to the parent as a struct err, which tells the user; the child prints
 * nothing. The close-on-exec sync socket closes when nothing of that can fail any more, and what
 * executes the container's program has another way to report (runtime/execute.h).
 */
#include "runtime/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/owner.h"
#include "runtime/execute.h"
#include "runtime/limits.h"
#include "runtime/mount.h"
#include "runtime/sync.h"

struct step {
	const char *name;
	int (*run)(struct child *c, struct err *err);
};

/* By which the monitor knows the container's processes, where they are not a PID namespace's. */
static int show_mounts(struct child *c, struct err *err)
{
	enum ns_mode mode = c->spec->ns[NS_PID].mode;
	CLEAN(clean_fd) int fd = -1;

	if (mode != NS_HOST && mode != NS_CONTAINER)
		return 0;
	fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "'/proc/self/ns/mnt'");
	return sync_send(c->sync, SYNC_MOUNTS, fd, err);
}

static int await_id_maps(struct child *c, struct err *err)
{
	if (sync_expect(c->sync, SYNC_ID_MAPS, NULL, NULL, err) < 0)
		return -1;
	return become_root(c, err);
}

static int bring_up_network(struct child *c, struct err *err)
{
	const struct launch *l = c->launch;
	CLEAN(clean_fd) int frames = -1;

	if (c->spec->network == NETWORK_HOST || c->spec->network == NETWORK_JOINED)
		return 0;
	if (c->spec->network == NETWORK_NONE || c->spec->network == NETWORK_PASTA)
		return l->loopback_up(l->arg, err);
	if (l->loopback_up(l->arg, err) < 0 || l->interface_up(l->arg, &frames, err) < 0)
		return -1;
	return sync_send(c->sync, SYNC_NETWORK, frames, err);
}

static int mount_root(struct child *c, struct err *err)
{
	if (c->tree < 0)
		return c->launch->mount_root(c->launch->arg, &c->root, err);
	/* On the root, which nobody looks up once more; there the least is covered. */
	if (mount_attach(c->tree, AT_FDCWD, "/", err) < 0)
		return -1;
	c->root = fd_take(&c->tree);
	return 0;
}

static int set_hostname(struct child *c, struct err *err)
{
	const struct container_spec *spec = c->spec;

	if (spec->ns[NS_UTS].mode != NS_OWN)
		return 0;
	if (sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return err_sys(err, "'%s'", spec->hostname);
	if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return err_sys(err, "and the domain '%s'", spec->domainname);
	return 0;
}

/* Keys of the user's session are not the container's. Out of keys, it has the filter alone. */
static int leave_keyring(struct child *c, struct err *err)
{
	(void)c;
	(void)err;
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	return 0;
}

static int set_limits(struct child *c, struct err *err)
{
	return limits_apply(&c->spec->limits, err);
}

static int set_file_limit(struct child *c, struct err *err)
{
	return limits_apply_files(&c->spec->limits, err);
}

static int set_oom_score(struct child *c, struct err *err)
{
	/* The helper has done it that entered others' namespaces, or was between. */
	return c->launch->donors || c->launch->mapping ? 0 : oom_score_apply(&c->spec->limits, err);
}

/*
 * Leaves 0-2, those that the user hands over, and what is needed to report and to execute; whatever
 * else was inherited is closed (CVE-2024-21626).
 */
static int close_descriptors(struct child *c, struct err *err)
{
	int *const ours[] = { &c->sync, &c->init, &c->program, &c->report };
	int next = 3;

	for (; next < 3 + c->launch->n_preserved; next++)
		if (fcntl(next, F_SETFD, 0) < 0)
			return err_sys(err, "handing over descriptor %d", next);
	/* First out of the way of the numbers that they are to have. */
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		int moved;

		if (*ours[i] < 0)
			continue;
		moved = fcntl(*ours[i], F_DUPFD_CLOEXEC, next + (int)ARRAY_SIZE(ours));
		if (moved < 0)
			return err_sys(err, "moving one");
		*ours[i] = moved; /* not -1: the error goes by one of them */
	}
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (*ours[i] < 0)
			continue;
		if (dup3(*ours[i], next, O_CLOEXEC) < 0)
			return err_sys(err, "moving one");
		*ours[i] = next++;
	}
	if (syscall(SYS_close_range, (unsigned int)next, ~0u, 0u) < 0)
		return err_sys(err, "close_range");
	return 0;
}

static int give(const char *dir, const struct child *c)
{
	CLEAN(clean_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (!emulates_users(c))
		return fchown(fd, c->uid, c->gid);
	/* Where it can't be said, it is root's. */
	owner_write(fd, (struct owner){ c->user.uid, c->user.gid });
	return 0;
}

/*
 * Makes what is missing of an absolute path, as docker does with WORKDIR; the root is entered. exec
 * makes none.
 */
static int make_dirs(const char *path, const struct child *c)
{
	CLEAN(clean_free) char *copy = xstrdup(path);

	if (c->launch->join >= 0)
		return -1;
	for (char *p = copy + 1; p[-1]; p++) {
		char end = *p;

		if (end != '/' && end != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) == 0 && end == '\0' && give(copy, c) < 0)
			return -1;
		*p = end;
	}
	return 0;
}

static int enter_directory(struct child *c, struct err *err)
{
	const char *path = c->spec->cwd && *c->spec->cwd ? c->spec->cwd : "/";
	char cwd[4096];

	if (*path != '/')
		return err_set(err, ERR_USAGE, "'%s' is not an absolute path", path);
	if (chdir(path) < 0 && (make_dirs(path, c) < 0 || chdir(path) < 0))
		return err_sys(err, "'%s'", path);
	/* "(unreachable)…" would be a directory outside the root (CVE-2024-21626). */
	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0 || cwd[0] != '/')
		return err_set(err, ERR_DENIED, "'%s' is outside the container", path);
	return 0;
}

/* Whoever kills the monitor ends the container: nobody else would tell its exit status. */
static int tie_to_monitor(struct child *c, struct err *err)
{
	struct pollfd p = { .fd = c->sync };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(err, "PR_SET_PDEATHSIG");
	/* It may have died before that. */
	if (poll(&p, 1, 0) < 0 || (p.revents & (POLLHUP | POLLERR)))
		return err_set(err, ERR_SYSTEM, "the container's monitor has died");
	return 0;
}

static int reset_signals(struct child *c, struct err *err)
{
	/*
	 * struct sigaction as the kernel has it, of zeroes: SIG_DFL. glibc keeps 32 and 33 to
	 * itself.
	 */
	static const unsigned long by_default[8];
	sigset_t none;

	(void)c;
	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, by_default, NULL, (NSIG - 1) / 8);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return err_sys(err, "the signal mask");
	return 0;
}

static int await_go(struct child *c, struct err *err)
{
	return c->launch->hold ? sync_expect(c->sync, SYNC_GO, NULL, NULL, err) : 0;
}

/*
 * The order is the design: each remark says what its row must not be moved before or behind.
 *
 * A new container goes through all of it, a process of exec's through the second half.
 */
static const struct step container_steps[] = {
	{ "show the mount namespace", show_mounts },
	{ "bring up the network",     bring_up_network }, /* needs the host's /dev/net/tun, and
							     no IDs: while the parent maps them */
	{ "privatise mounts",	      privatise_mounts }, /* before any mount */
	{ "open volumes",	      open_binds },	/* while files see the caller in us */
	{ "wait for id maps",	      await_id_maps },	/* until then we are nobody */
	{ "set the OOM score",	      set_oom_score },	/* by the host's /proc */
	{ "mount the root",	      mount_root },	/* needs the store, on the host's side */
	{ "prepare volumes",	      open_sources },	/* they take what the root has there */
	{ "mount /proc, /sys, /dev",  mount_system },	/* needs the new PID and net namespaces */
	{ "bind the host's devices",  bind_devices },
	{ "open a terminal",	      open_terminal },	/* needs /dev/pts */
	{ "bind the console",	      bind_console },
	{ "set sysctls",	      set_sysctls },	/* before /proc/sys is read-only */
	{ "mask paths",		      mask_paths },	/* before volumes may cover /proc */
	{ "bind volumes",	      bind_volumes },	/* while the host is still visible */
	{ "mask further paths",	      mask_own_paths },	/* volumes may be among them */
	{ "find tiffin-init",	      open_init },	/* while the host is still visible */
	{ "enter the root",	      enter_root },	/* the host is out of sight from here on */
	{ "add the user to /etc/passwd", add_identity }, /* over the image's; no volume covers it */
	{ "set the host name",	      set_hostname },	/* needs CAP_SYS_ADMIN */
	{ "wait for the start",	      await_go },	/* what follows reads files, which change */
};

/* Where the namespaces were entered, the root is that of the mount namespace already. */
static const struct step joining_steps[] = {
	{ "become root",	      become_root },	/* until then we are the caller */
	{ "find /dev/pts",	      find_terminals },
	{ "open a terminal",	      open_terminal },
};

static const struct step process_steps[] = {
	{ "leave the keyring",	      leave_keyring },
	{ "resolve the user",	      resolve_user },	/* reads /etc/passwd of the new root */
	{ "give volumes to the user", chown_volumes },	/* needs CAP_CHOWN */
	{ "attach stdio",	      attach_stdio },	/* needs CAP_CHOWN */
	{ "close descriptors",	      close_descriptors }, /* so that no path leads through one */
	{ "bound capabilities",	      bound_caps },	/* needs CAP_SETPCAP */
	{ "enter the working directory", enter_directory }, /* makes it, as root */
	{ "set limits",		      set_limits },	/* they may leave no room for more */
	{ "supervise calls early",    supervise_early }, /* needs CAP_SYS_ADMIN, and no profile */
	{ "install seccomp early",    install_seccomp_early }, /* as that */
	{ "switch user",	      switch_user },	/* needs CAP_SETUID */
	{ "tie to the monitor",	      tie_to_monitor },	/* a change of user unties */
	{ "reset signals",	      reset_signals },
	{ "forbid new privileges",    forbid_new_privileges }, /* seccomp needs it */
	{ "supervise calls",	      supervise_late },	/* which a profile may deny */
	{ "become the user",	      become_user },	/* whom the supervisor makes it */
	{ "set the limit on files",   set_file_limit },	/* no descriptor is needed any more */
	{ "install seccomp",	      install_seccomp }, /* last: it filters the rest */
	{ "part from the init",	      part_from_init },	/* which has all of that, too */
};

/* Does not return where a step fails. */
static void run_steps(struct child *c, const struct step *steps, size_t n)
{
	struct err err = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (steps[i].run(c, &err) < 0) {
			err_wrap(&err, "cannot %s", steps[i].name);
			sync_fail(c->sync, 125, &err);
			_exit(125);
		}
	}
}

/*
 * By the number that it has here, which is known when its process is the last: behind tiffin-init.
 */
static void tell_of_sockets(struct child *c)
{
	CLEAN(clean_free) char *pid = xasprintf("LISTEN_PID=%d", (int)getpid());
	CLEAN(clean_free) char *n = xasprintf("LISTEN_FDS=%d", c->launch->n_listening);
	CLEAN(clean_free)
	char *names = xasprintf("LISTEN_FDNAMES=%s", getenv("LISTEN_FDNAMES") ?: "");

	if (!c->launch->n_listening)
		return;
	strv_set_env(&c->env, pid);
	strv_set_env(&c->env, n);
	if (getenv("LISTEN_FDNAMES"))
		strv_set_env(&c->env, names);
}

_Noreturn void child_main(const struct launch *l, int sync, const struct handed *handed)
{
	struct child c = {
		.launch = l,
		.spec = l->spec,
		.sync = sync,
		.root = -1,
		.proc = -1,
		.sys = -1,
		.dev = -1,
		.shm = handed ? handed->shm : -1,
		.tree = handed ? handed->tree : -1,
		.opened = handed ? handed->opened : NULL,
		.init = -1,
		.program = l->program,
		.report = l->report,
		.terminal = -1,
	};
	struct err err = { 0 };
	int code;

	setsid();
	if (l->join < 0)
		run_steps(&c, container_steps, ARRAY_SIZE(container_steps));
	else
		run_steps(&c, joining_steps, ARRAY_SIZE(joining_steps));
	run_steps(&c, process_steps, ARRAY_SIZE(process_steps));
	tell_of_sockets(&c);
	code = execute(c.program, c.report, &c.spec->args, &c.env, &err);
	sync_fail(c.sync, code, &err);
	_exit(code);
}
