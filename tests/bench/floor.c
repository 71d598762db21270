/*
 * floor LOWER[:LOWER…] SCRATCH COMMAND [ARGUMENT…]: the least that a container's start can cost.
 *
 * A bare program that does the kernel work of `tiffin run --rm` and nothing else: no store, no
 * record, no monitor, no network but a namespace of its own, no seccomp filter. It
 *
 *	clones a process into new user, mount, PID, UTS, IPC, cgroup and network namespaces,
 *	runs newuidmap and newgidmap side by side (ranges: the user's first line in /etc/subuid and
 *	/etc/subgid),
 *	mounts overlay (userxattr; upper and work made in SCRATCH, removed afterwards), proc,
 *	/dev (tmpfs, six nodes bound from the host), devpts, shm, mqueue, and sysfs,
 *	pivots, executes COMMAND, and ends with its status.
 *
 * It is written to be as fast as a straightforward program can be. Not for use: nothing is bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT "/tmp"

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void check(int result, const char *what)
{
	if (result < 0)
		die(what);
}

static void mount_on(const char *type, const char *where, unsigned long flags, const char *data)
{
	check(mkdir(where, 0755) < 0 && errno != EEXIST ? -1 : 0, where);
	check(mount(type, where, type, flags, data), where);
}

/* Root of the container on ROOT: any directory serves, for the mount namespace is our own. */
static void mount_all(const char *lower, const char *scratch)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	char options[8192], from[64], to[64];

	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "privatise mounts");
	snprintf(options, sizeof(options), "userxattr,lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
		 lower, scratch, scratch);
	check(mount("overlay", ROOT, "overlay", 0, options), "mount overlay");
	mount_on("proc", ROOT "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount_on("sysfs", ROOT "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
	mount_on("tmpfs", ROOT "/dev", MS_NOSUID, "mode=755,size=64k");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		snprintf(from, sizeof(from), "/dev/%s", nodes[i]);
		snprintf(to, sizeof(to), ROOT "/dev/%s", nodes[i]);
		check(mknod(to, S_IFREG | 0666, 0), to);
		check(mount(from, to, NULL, MS_BIND, NULL), to);
	}
	mount_on("devpts", ROOT "/dev/pts", MS_NOSUID | MS_NOEXEC,
		 "newinstance,ptmxmode=0666,mode=0620");
	mount_on("tmpfs", ROOT "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m");
	mount_on("mqueue", ROOT "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static void enter_root(void)
{
	check(chdir(ROOT), ROOT);
	check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	check(umount2(".", MNT_DETACH), "detach the old root");
	check(chdir("/"), "/");
}

static void __attribute__((noreturn)) child(const int barrier[2], char **argv)
{
	char go;

	close(barrier[1]); /* so that a parent that dies is an end of file */
	if (read(barrier[0], &go, 1) != 1)
		_exit(125);
	check(setresgid(0, 0, 0), "setresgid");
	check(setresuid(0, 0, 0), "setresuid");
	check(sethostname("floor", 5), "sethostname");
	mount_all(argv[1], argv[2]);
	enter_root();
	execv(argv[3], argv + 3);
	die(argv[3]);
	_exit(127);
}

/* "name:first:count" of this user; starts HELPER, which maps 0 to the user and 1… to the range. */
static pid_t start_map(const char *helper, const char *file, unsigned own, pid_t target)
{
	char line[256], first[32] = "", count[32] = "", pid[16], id[16];
	const char *user = getenv("USER");
	size_t len = user ? strlen(user) : 0;
	FILE *ranges = fopen(file, "re");
	pid_t started;

	while (ranges && fgets(line, sizeof(line), ranges))
		if (len && !strncmp(line, user, len) && line[len] == ':' &&
		    sscanf(line + len, ":%31[0-9]:%31[0-9]", first, count) == 2)
			break;
	if (!ranges || !*count) {
		fprintf(stderr, "floor: no range for $USER in %s\n", file);
		kill(target, SIGKILL);
		exit(125);
	}
	fclose(ranges);
	snprintf(pid, sizeof(pid), "%d", (int)target);
	snprintf(id, sizeof(id), "%u", own);
	const char *argv[] = { helper, pid, "0", id, "1", "1", first, count, NULL };

	errno = posix_spawn(&started, helper, NULL, NULL, (char *const *)argv, environ);
	if (errno)
		die(helper);
	return started;
}

static int wait_for(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0), "waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void make_scratch(const char *scratch, char path[3][256])
{
	static const char *const names[] = { "upper", "work", "work/work" };

	for (int i = 0; i < 3; i++) {
		snprintf(path[i], 256, "%s/%s", scratch, names[i]);
		if (i < 2)
			check(mkdir(path[i], 0755), path[i]);
	}
}

int main(int argc, char **argv)
{
	int barrier[2], status;
	char path[3][256];
	pid_t pid, uids, gids;

	if (argc < 4) {
		fprintf(stderr, "usage: floor LOWER[:LOWER...] SCRATCH COMMAND [ARGUMENT...]\n");
		return 125;
	}
	make_scratch(argv[2], path);
	check(pipe2(barrier, O_CLOEXEC), "pipe");
	pid = (pid_t)syscall(SYS_clone,
			     CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS |
				     CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWNET | SIGCHLD,
			     0, 0, 0, 0);
	check(pid, "clone");
	if (pid == 0)
		child(barrier, argv);
	uids = start_map("/usr/bin/newuidmap", "/etc/subuid", getuid(), pid);
	gids = start_map("/usr/bin/newgidmap", "/etc/subgid", getgid(), pid);
	if (wait_for(uids) || wait_for(gids)) {
		kill(pid, SIGKILL);
		return 125;
	}
	check(write(barrier[1], "g", 1) == 1 ? 0 : -1, "write");
	status = wait_for(pid);
	/* The kernel makes work/work. What COMMAND wrote to upper is the caller's concern. */
	for (int i = 2; i >= 0; i--)
		rmdir(path[i]);
	return status;
}
