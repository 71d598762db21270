/*
 * What a container holds and what its kernel answers, as seen from inside: a static program for the
 * tests (tests/cli/isolation.bats) and for the table of docs/security.md (tests/posture/posture.sh).
 *
 *	probe			every line below
 *	probe status|calls|paths|devices|descriptors
 *				those of one section
 *	probe reach ADDRESS PORT	is there somebody?
 *	probe id		effective user, and its capabilities
 *	probe rename DIR A B	swaps DIR/A and DIR/B for ever
 *	probe write N		can the file of descriptor N be opened to write?
 *	probe overwrite FILE	looks in /proc for processes that execute FILE, to write to it, until SIGTERM
 *
 * A line is "NAME<TAB>ANSWER". Calls are made with arguments that do no harm: where they are let
 * through, the kernel answers EFAULT, EBADF or the like, which shows that it was asked.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BAD	 ((long)-1)

/* --- calls --- */

struct call {
	const char *name;
	long number;
	long args[6];
};

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#define X32 0x40000000L

static const struct call calls[] = {
	{ "unshare(user)", SYS_unshare, { CLONE_NEWUSER } },
	{ "unshare(mount)", SYS_unshare, { CLONE_NEWNS } },
	{ "unshare(net)", SYS_unshare, { CLONE_NEWNET } },
	{ "clone(user)", SYS_clone, { CLONE_NEWUSER | SIGCHLD } },
	{ "clone3", SYS_clone3, { 0, 0 } },
	{ "setns", SYS_setns, { BAD, 0 } },
	{ "mount", SYS_mount, { 0, 0, 0, 0, 0 } },
	{ "umount2", SYS_umount2, { 0, 0 } },
	{ "pivot_root", SYS_pivot_root, { 0, 0 } },
	{ "fsopen", SYS_fsopen, { 0, 0 } },
	{ "open_tree", SYS_open_tree, { BAD, 0, 0 } },
	{ "move_mount", SYS_move_mount, { BAD, 0, BAD, 0, 0 } },
	{ "mount_setattr", SYS_mount_setattr, { BAD, 0, 0, 0, 0 } },
	{ "add_key", SYS_add_key, { 0, 0, 0, 0, 0 } },
	{ "request_key", SYS_request_key, { 0, 0, 0, 0 } },
	{ "keyctl", SYS_keyctl, { 9999 } },
	{ "bpf", SYS_bpf, { 9999, 0, 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0, 0, 0, BAD, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { 1 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 0, 0 } },
	{ "io_uring_enter", SYS_io_uring_enter, { BAD } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { BAD, 0, 0 } },
	{ "ptrace", SYS_ptrace, { 9999, BAD } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1, 0, 0, 0, 0, 1 } },
	{ "pidfd_getfd", SYS_pidfd_getfd, { BAD, BAD, 0 } },
	{ "kcmp", SYS_kcmp, { 1, 1, 9999 } },
	{ "init_module", SYS_init_module, { 0, 0, 0 } },
	{ "finit_module", SYS_finit_module, { BAD, 0, 0 } },
	{ "delete_module", SYS_delete_module, { 0, 0 } },
	{ "kexec_load", SYS_kexec_load, { 0, 9999, 0, 0 } },
	{ "reboot", SYS_reboot, { 0, 0, 0, 0 } },
	{ "syslog", SYS_syslog, { 10, 0, 0 } },
	{ "clock_settime", SYS_clock_settime, { 9999, 0 } },
	{ "swapon", SYS_swapon, { 0, 0 } },
	{ "acct", SYS_acct, { 1 } },
	{ "quotactl", SYS_quotactl, { 0, 0, 0, 0 } },
	{ "fanotify_init", SYS_fanotify_init, { BAD, 0 } },
	{ "vmsplice", SYS_vmsplice, { BAD, 0, 0, 0 } },
	{ "move_pages", SYS_move_pages, { 1, 0, 0, 0, 0, 0 } },
	{ "vhangup", SYS_vhangup, { 0 } },
	{ "sethostname", SYS_sethostname, { 0, 1 } },
	{ "personality(odd)", SYS_personality, { 0x0040000 } },
	{ "socket(AF_ALG)", SYS_socket, { 38, SOCK_SEQPACKET, 0 } },
	{ "socket(AF_VSOCK)", SYS_socket, { 40, SOCK_STREAM, 0 } },
	{ "socket(AF_PACKET)", SYS_socket, { 17, SOCK_RAW, 0 } },
	{ "socket(AF_INET raw)", SYS_socket, { AF_INET, SOCK_RAW, 1 } },
	{ "socket(AF_KEY)", SYS_socket, { 15, SOCK_RAW, 2 } },
	{ "ioctl(TIOCSTI)", SYS_ioctl, { BAD, 0x5412, 0 } },
	{ "ioctl(TIOCSTI, high bits)", SYS_ioctl, { BAD, 0x100005412, 0 } },
	{ "ioctl(TIOCLINUX)", SYS_ioctl, { BAD, 0x541c, 0 } },
	{ "ioctl(TIOCLINUX, high bits)", SYS_ioctl, { BAD, 0x70000541c, 0 } },
#ifdef __x86_64__
	{ "iopl", SYS_iopl, { 9999 } },
	{ "ioperm", SYS_ioperm, { BAD, 1, 1 } },
	{ "x32 ABI", X32 | 39, { 0 } },
#endif
	/* Controls: let through everywhere. */
	{ "getppid", SYS_getppid, { 0 } },
	{ "ioctl(TIOCGWINSZ)", SYS_ioctl, { BAD, 0x5413, 0 } },
	{ "socket(AF_INET)", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
};

/* In a child: whatever happens to it, or to its namespaces. */
static int answer_of(const struct call *c)
{
	long result = syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4],
			      c->args[5]);

	if (c->number == SYS_clone && result == 0)
		_exit(0);
	return result >= 0 ? 0 : errno;
}

/* By the 32-bit entry: getpid(2) is 20 there. */
static int answer_of_i386(void)
{
#ifdef __x86_64__
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result >= 0 ? 0 : (int)-result;
#else
	return ENOSYS;
#endif
}

static void print_answer(const char *name, int status)
{
	if (WIFSIGNALED(status))
		printf("%s\tkilled by signal %d\n", name, WTERMSIG(status));
	else if (WEXITSTATUS(status) == 0)
		printf("%s\tdone\n", name);
	else
		printf("%s\t%s\n", name, strerrorname_np(WEXITSTATUS(status)));
}

static void probe_calls(void)
{
	int status;

	for (size_t i = 0; i <= COUNT(calls); i++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(i < COUNT(calls) ? answer_of(&calls[i]) : answer_of_i386());
		waitpid(pid, &status, 0);
		print_answer(i < COUNT(calls) ? calls[i].name : "i386 ABI", status);
	}
}

/* --- status --- */

static void print_status(const char *const *keys)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; keys[i]; i++)
			if (strncmp(line, keys[i], strlen(keys[i])) == 0 && line[strlen(keys[i])] == ':')
				printf("%s\t%s", keys[i], line + strspn(line + strlen(keys[i]) + 1, " \t") +
								  strlen(keys[i]) + 1);
	if (f)
		fclose(f);
}

static void probe_status(void)
{
	static const char *const keys[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
					    "NoNewPrivs", "Seccomp", "Groups", NULL };
	static const char *const spaces[] = { "user", "mnt", "pid", "uts", "ipc", "cgroup", "net" };

	print_status(keys);
	for (size_t i = 0; i < COUNT(spaces); i++) {
		char path[64], link[64] = "";

		snprintf(path, sizeof(path), "/proc/self/ns/%s", spaces[i]);
		if (readlink(path, link, sizeof(link) - 1) > 0)
			printf("namespace %s\t%s\n", spaces[i], link);
	}
}

/* --- paths --- */

static const char *contents_of(const char *path)
{
	struct stat st;
	struct dirent *d;
	char byte;
	DIR *dir;
	int fd, n = 0;

	if (stat(path, &st) < 0)
		return "absent";
	if (S_ISDIR(st.st_mode)) {
		dir = opendir(path);
		while (dir && (d = readdir(dir)))
			n += d->d_name[0] != '.';
		if (dir)
			closedir(dir);
		return !dir ? "unreadable" : n ? "seen" : "hidden";
	}
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return "unreadable";
	n = (int)read(fd, &byte, 1);
	close(fd);
	return n > 0 ? "seen" : "hidden";
}

static const char *writable(const char *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? "absent" : "no";
	close(fd);
	return "yes";
}

static void probe_paths(void)
{
	static const char *const hidden[] = {
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
		"/proc/timer_stats", "/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/firmware",
		"/sys/fs/selinux",
	};
	static const char *const settings[] = {
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/shmmax", "/proc/sys/net/ipv4/ip_forward",
		"/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/sys/class/net/lo/mtu",
		"/sys/fs/cgroup/cgroup.procs",
	};

	for (size_t i = 0; i < COUNT(hidden); i++)
		printf("see %s\t%s\n", hidden[i], contents_of(hidden[i]));
	for (size_t i = 0; i < COUNT(settings); i++)
		printf("write %s\t%s\n", settings[i], writable(settings[i]));
}

/* --- devices and descriptors --- */

static void walk_devices(const char *path, int depth)
{
	DIR *dir = depth < 4 ? opendir(path) : NULL;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char inner[512];
		struct stat st;
		int fd;

		snprintf(inner, sizeof(inner), "%s/%s", path, d->d_name);
		if (d->d_name[0] == '.' || lstat(inner, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			walk_devices(inner, depth + 1);
		if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			continue;
		fd = open(inner, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		printf("device %s\t%u:%u %s\n", inner, major(st.st_rdev), minor(st.st_rdev),
		       fd >= 0 ? "opens" : strerrorname_np(errno));
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
}

static void probe_devices(void)
{
	walk_devices("/dev", 0);
}

/* By asking for each: /proc may be anything. */
static void probe_descriptors(void)
{
	printf("descriptors\t");
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%s%d", fd ? " " : "", fd);
	printf("\n");
}

/* --- further programs --- */

static int reach(const char *address, const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = in.sin_port };
	const struct timeval patience = { .tv_sec = 5 };
	int six = inet_pton(AF_INET, address, &in.sin_addr) != 1;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

	if (six)
		inet_pton(AF_INET6, address, &in6.sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	result = six ? connect(fd, (struct sockaddr *)&in6, sizeof(in6)) :
		       connect(fd, (struct sockaddr *)&in, sizeof(in));
	printf("reach %s\t%s\n", address, result == 0 ? "yes" : "no");
	return 0;
}

static int id(void)
{
	static const char *const keys[] = { "CapEff", NULL };

	printf("euid\t%u\n", geteuid());
	print_status(keys);
	return 0;
}

static int swap(const char *directory, const char *a, const char *b)
{
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (;;)
		if (renameat2(dir, a, dir, b, RENAME_EXCHANGE) < 0)
			return 1;
}

static volatile sig_atomic_t enough;

static void have_enough(int sig)
{
	(void)sig;
	enough = 1;
}

/* CVE-2019-5736: whoever enters is a process here for a moment, with a program to write to. */
static int overwrite(const char *file)
{
	long seen = 0, opened = 0;
	struct stat wanted, st;

	stat(file, &wanted);
	signal(SIGTERM, have_enough);
	printf("ready\n");
	fflush(stdout);
	while (!enough) {
		DIR *dir = opendir("/proc");
		struct dirent *d;

		while (dir && (d = readdir(dir))) {
			char path[300];
			int fd;

			if (d->d_name[0] < '2' || d->d_name[0] > '9')
				continue;
			snprintf(path, sizeof(path), "/proc/%s/exe", d->d_name);
			seen++;
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != wanted.st_dev ||
			    st.st_ino != wanted.st_ino) {
				if (fd >= 0)
					close(fd);
				continue;
			}
			opened++;
			/* Once nobody executes it any more, it can be written to. */
			for (int i = 0; i < 100; i++) {
				char again[64];
				int out;

				snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
				out = open(again, O_WRONLY | O_CLOEXEC);
				if (out >= 0 && write(out, "#!", 2) == 2)
					printf("written\t%s\n", path);
				if (out >= 0)
					close(out);
			}
			close(fd);
		}
		if (dir)
			closedir(dir);
	}
	printf("seen\t%s\nopened\t%ld\n", seen ? "yes" : "no", opened);
	return 0;
}

/* Can the file of a descriptor be opened to write? For a second, as whoever has it busy may let go. */
static int write_to(const char *number)
{
	const time_t end = time(NULL) + 2;
	char path[64];
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%s", number);
	while (fd < 0 && time(NULL) < end)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	printf("opened to write\t%s\n", fd >= 0 ? "yes" : strerrorname_np(errno));
	return fd >= 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} sections[] = {
		{ "status", probe_status },   { "calls", probe_calls },
		{ "paths", probe_paths },     { "devices", probe_devices },
		{ "descriptors", probe_descriptors },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "reach") == 0)
		return reach(argv[2], argv[3]);
	if (argc == 2 && strcmp(argv[1], "id") == 0)
		return id();
	if (argc == 5 && strcmp(argv[1], "rename") == 0)
		return swap(argv[2], argv[3], argv[4]);
	if (argc == 3 && strcmp(argv[1], "write") == 0)
		return write_to(argv[2]);
	if (argc == 3 && strcmp(argv[1], "overwrite") == 0)
		return overwrite(argv[2]);
	for (size_t i = 0; i < COUNT(sections); i++)
		if (argc == 1 || strcmp(argv[1], sections[i].name) == 0)
			sections[i].run();
	return 0;
}
