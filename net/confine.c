/*
 * Theory of operation
 *
 * libslirp parses whatever a container sends, in C, in this process. So before the first frame is
 * read, the process gives up everything that it does not need for that, in stages whose order is a
 * matter of what each still needs (the idea of naming them so is passt's). What remains is sockets
 * of the host's network: that is the task, so the network namespace is the host's.
 *
 * libslirp finds the host's name servers by reading /etc/resolv.conf from time to time, and so that
 * one file is in the otherwise empty root: a copy, which is kept up to date by net/dns.h. To bind
 * the host's would show one inode of it, and not what is renamed over it; and to bind /etc, more
 * than anybody here needs.
 */
#include "net/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "net/dns.h"

#define INERT (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/*
 * Standard output and error may be a terminal or a pipe whose reader waits for its end. A sanitizer
 * has only standard error to say what it found.
 */
static int close_descriptors(const struct confinement *c, struct err *err)
{
	CLEAN(clean_fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int standard = STDERR_FILENO;

#ifdef __SANITIZE_ADDRESS__
	standard = STDOUT_FILENO;
#endif
	if (null < 0)
		return err_sys(err, "cannot open '/dev/null'");
	for (int fd = 0; fd <= standard; fd++)
		if (dup2(null, fd) < 0)
			return err_sys(err, "cannot replace descriptor %d", fd);
	if (null <= standard)
		fd_take(&null);
	closefrom(c->last + 1);
	if (null > c->last)
		fd_take(&null);
	return 0;
}

static int limit_resources(const struct confinement *c, struct err *err)
{
	struct rlimit files, none = { 0, 0 };

	(void)c;
	/* Each connection of the container is a descriptor here. */
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "cannot read the limit of open files");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "cannot raise the limit of open files");
	/* A core file would be the container's traffic, on the host's disk. */
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(err, "cannot limit core files");
	return 0;
}

static int write_map(const char *path, const char *text, struct err *err)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(err, "cannot write '%s'", path);
	return 0;
}

/* The user and group are mapped to themselves: without a map, no file can be made in a tmpfs. */
static int enter_namespaces(const struct confinement *c, struct err *err)
{
	char uid_map[40], gid_map[40];

	(void)c;
	snprintf(uid_map, sizeof(uid_map), "%u %u 1", geteuid(), geteuid());
	snprintf(gid_map, sizeof(gid_map), "%u %u 1", getegid(), getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_sys(err, "cannot create user, mount, IPC and UTS namespaces");
	if (write_map("/proc/self/setgroups", "deny", err) < 0 ||
	    write_map("/proc/self/uid_map", uid_map, err) < 0)
		return -1;
	return write_map("/proc/self/gid_map", gid_map, err);
}

/*
 * The file that libslirp finds the servers in, below the working directory, which is the new root.
 * It is opened by a mount of its own that nobody sees any more: the visible one can be read-only
 * then.
 */
static int make_resolv_conf(int *ret_fd, struct err *err)
{
	CLEAN(clean_fd) int fd = -1;
	char text[DNS_TEXT_MAX];
	size_t len = dns_read(text);

	if (mkdir("etc", 0755) < 0 || mount("etc", "etc", NULL, MS_BIND, NULL) < 0)
		return err_sys(err, "cannot make '/etc'");
	fd = open(&DNS_FILE[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || umount2("etc", MNT_DETACH) < 0)
		return err_sys(err, "cannot make '%s'", DNS_FILE);
	dns_write(fd, text, len);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int empty_root(const struct confinement *c, struct err *err)
{
	const char *root = "/tmp";

	/* What the host mounts later is not to appear here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "cannot make mounts private");
	if (mount("tiffin-net", root, "tmpfs", INERT, "mode=0755,nr_blocks=1,nr_inodes=8") < 0)
		return err_sys(err, "cannot mount a tmpfs");
	if (chdir(root) < 0)
		return err_sys(err, "cannot enter the empty root");
	if (make_resolv_conf(c->dns, err) < 0)
		return -1;
	/*
	 * pivot_root(2) onto one and the same directory stacks the old root on top of the new one,
	 * from where it is detached, and nothing needs a directory to be put in.
	 */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(err, "cannot enter the empty root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, "cannot leave the host's root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | INERT, NULL) < 0)
		return err_sys(err, "cannot make the root read-only");
	return 0;
}

static int drop_capabilities(const struct confinement *c, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int cap = 0;

	(void)c;
	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	if (errno != EINVAL) /* which is the kernel's way to say that there are no more */
		return err_sys(err, "cannot bound capability %d", cap);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, "cannot clear the ambient capabilities");
	if (syscall(SYS_capset, &header, none) < 0)
		return err_sys(err, "cannot drop capabilities");
	return 0;
}

/*
 * In a session of its own, Ctrl-C in the terminal is the container's to handle, with its network.
 * The end of the parent is noticed on the control descriptor; the signal is for a parent that left
 * a copy of that behind in a child.
 */
static int set_attributes(const struct confinement *c, struct err *err)
{
	(void)c;
	setsid(); /* fails only where it is one already */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "cannot become non-dumpable");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(err, "cannot ask for a signal when the parent ends");
	return 0;
}

static int filter(const struct confinement *c, struct err *err)
{
	return filter_system_calls(c->accepts, err);
}

static const struct stage {
	const char *what;
	int (*run)(const struct confinement *c, struct err *err);
} stages[] = {
	{ "close descriptors", close_descriptors },	/* needs /dev/null */
	{ "limit resources", limit_resources },
	{ "enter namespaces", enter_namespaces },	/* needs /proc */
	{ "empty the root", empty_root },		/* needs CAP_SYS_ADMIN of new namespaces */
	{ "drop capabilities", drop_capabilities },
	{ "set attributes", set_attributes },		/* credentials reset the parent's signal */
	{ "filter system calls", filter },		/* last: it forbids all of the above */
};

int confine(const struct confinement *c, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i].run(c, err) < 0)
			return err_wrap(err,
					"cannot confine tiffin-net: cannot %s", stages[i].what);
	return 0;
}
