/*
 * The cage: what a tiffin-image that is not ours any more could do. Each attempt runs in a child that
 * has locked itself into stage/, beside canary/; and, as the control, in one that has not, where it has
 * to come off.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/confine.h"
#include "image/seclude.h"
#include "tests/unit/test.h"

/* The sanitizers trace themselves and read /proc, and so are let. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

struct scene {
	char path[64];
	int listener; /* of an abstract address, which is the path's */
};

static struct sockaddr_un address_of(const char *path, socklen_t *ret_len)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", path);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(path));
	return a;
}

static void scene_init(struct scene *s)
{
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int fd = -1;
	struct sockaddr_un a;
	socklen_t len;

	strcpy(s->path, "/tmp/tiffin-test-confine.XXXXXX");
	if (!mkdtemp(s->path))
		perror("mkdtemp");
	dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(dir, "stage", 0755);
	mkdirat(dir, "canary", 0700);
	fd = openat(dir, "canary/secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(write_all(fd, "secret", 6, NULL) == 0);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a = address_of(s->path, &len);
	CHECK(bind(s->listener, (struct sockaddr *)&a, len) == 0 && listen(s->listener, 5) == 0);
}

static void clean_scene(struct scene *s)
{
	close(s->listener);
	CHECK(tree_remove_at(AT_FDCWD, s->path, NULL) == 0);
}

#define SCENE(s)                                                                                   \
	CLEAN(clean_scene) struct scene s;                                                         \
	scene_init(&(s))

/* What a pull needs. */

static bool write_in_store(void)
{
	return mkdir("stage/a", 0700) == 0 && mkdir("stage/b", 0700) == 0 &&
	       symlink("x", "stage/a/l") == 0 && rename("stage/a/l", "stage/b/l") == 0 &&
	       mknod("stage/b/w", S_IFCHR, 0) == 0 && unlink("stage/b/w") == 0;
}

static bool read_resolver(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool have_sockets(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 &&
	       socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0;
}

/* What it does not: files. */

static bool read_canary(void)
{
	return open("canary/secret", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool list_canary(void)
{
	return open("canary", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
}

static bool write_canary(void)
{
	return open("canary/secret", O_WRONLY | O_CLOEXEC) >= 0;
}

static bool add_to_canary(void)
{
	return open("canary/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static bool shorten_canary(void)
{
	return truncate("canary/secret", 1) == 0;
}

static bool move_canary(void)
{
	return rename("canary/secret", "stage/secret") == 0;
}

static bool link_canary(void)
{
	return link("canary/secret", "stage/linked") == 0;
}

static bool remove_canary(void)
{
	return unlink("canary/secret") == 0;
}

static bool read_through_a_symlink(void)
{
	return symlink("../canary/secret", "stage/to") == 0 &&
	       open("stage/to", O_RDONLY | O_CLOEXEC) >= 0;
}

/* What Landlock does not know of. */

static bool open_canary_to_all(void)
{
	return chmod("canary/secret", 0666) == 0;
}

static bool give_canary_away(void)
{
	return chown("canary/secret", geteuid(), getegid()) == 0;
}

static bool date_canary(void)
{
	return utimensat(AT_FDCWD, "canary/secret", NULL, 0) == 0;
}

static bool mark_canary(void)
{
	return setxattr("canary/secret", "user.x", "y", 1, 0) == 0 || errno == ENOTSUP;
}

static bool read_proc(void)
{
	return open("/proc/self/environ", O_RDONLY | O_CLOEXEC) >= 0;
}

/* Processes, programs, the kernel. */

static bool execute(void)
{
	char *const argv[] = { (char *)"true", NULL };

	execv("/bin/true", argv);
	return false; /* what it executed ends with 0, which is success */
}

static bool execute_memory(void)
{
	char *const argv[] = { (char *)"x", NULL };
	const int fd = memfd_create("x", 0);

	if (write(fd, "#!/bin/true\n", 12) == 12)
		syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
	return false;
}

static bool make_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static bool have_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0;
}

static bool be_traced(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool read_memory(void)
{
	char from = 'x', to = 0;
	const struct iovec local = { &to, 1 }, remote = { &from, 1 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

static bool kill_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool open_parent(void)
{
	return syscall(SYS_pidfd_open, getppid(), 0) >= 0;
}

static bool find_keys(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1) >= 0;
}

static bool change_personality(void)
{
	return personality(0xffffffff) >= 0;
}

static bool be_somebody(void)
{
	return setuid(getuid()) == 0;
}

/* No call of these can succeed for everybody: how it fails tells who refused it. */
static bool use_io_uring(void)
{
	return syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) >= 0 || errno != EPERM;
}

static bool type_for_the_shell(void)
{
	char c = 'x';

	return syscall(SYS_ioctl, 0, 0x100005412UL, &c) == 0 || errno != EPERM;
}

static bool dump_core(void)
{
	struct rlimit r = { .rlim_cur = 0, .rlim_max = 0 };

	return getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_max != 0;
}

/* The network. */

static bool sniff(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0 || errno != EAFNOSUPPORT;
}

static bool serve(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return listen(fd, 1) == 0;
}

static bool take_a_port(void)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
}

static bool connect_to_parent(void)
{
	char *path = getcwd(NULL, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len;
	const struct sockaddr_un a = address_of(path, &len);

	free(path);
	return connect(fd, (const struct sockaddr *)&a, len) == 0;
}

static const struct {
	const char *name;
	bool (*attempt)(void);
	long abi; /* of Landlock, without which nobody refuses it; 0: seccomp and limits do */
} attempts[] = {
	{ "read a file", read_canary, 2 },
	{ "list a directory", list_canary, 2 },
	{ "write a file", write_canary, 2 },
	{ "make a file", add_to_canary, 2 },
	{ "shorten a file", shorten_canary, 3 },
	{ "move a file into the store", move_canary, 2 },
	{ "link a file into the store", link_canary, 2 },
	{ "remove a file", remove_canary, 2 },
	{ "read through a symlink", read_through_a_symlink, 2 },
	{ "open a file to all", open_canary_to_all, 0 },
	{ "give a file away", give_canary_away, 0 },
	{ "date a file", date_canary, 0 },
	{ "mark a file", mark_canary, 0 },
	{ "read /proc", read_proc, 2 },
	{ "execute", execute, 0 },
	{ "execute from memory", execute_memory, 0 },
	{ "make a namespace", make_namespace, 0 },
	{ "have mounts of its own", have_mounts, 0 },
	{ "be traced", be_traced, 0 },
	{ "read a process's memory", read_memory, 0 },
	{ "kill its parent", kill_parent, 0 },
	{ "open its parent", open_parent, 0 },
	{ "find keys", find_keys, 0 },
	{ "change its personality", change_personality, 0 },
	{ "be somebody else", be_somebody, 0 },
	{ "use io_uring", use_io_uring, 0 },
	{ "type for the shell", type_for_the_shell, 0 },
	{ "dump core", dump_core, 0 },
	{ "sniff", sniff, 0 },
	{ "serve", serve, 0 },
	{ "take a port", take_a_port, 4 },
	{ "connect to an abstract address", connect_to_parent, 6 },
};

static bool write_file(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0;
}

/* As tiffin-image is started. */
static bool become_root(void)
{
	CLEAN(clean_free) char *uid = xasprintf("0 %d 1", (int)geteuid());
	CLEAN(clean_free) char *gid = xasprintf("0 %d 1", (int)getegid());

	return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/gid_map", gid) && write_file("/proc/self/uid_map", uid);
}

static bool enter(const char *dir, bool caged)
{
	CLEAN(clean_free) char *store = xasprintf("%s/stage", dir);

	if (!become_root() || (caged && image_seclude(store, NULL, NULL) < 0) || chdir(dir) < 0)
		return false;
	return !caged || image_confine(&(struct cage){ store, -1 }, NULL) == 0;
}

/* Does it come off? -1 where the cage can't be built. */
static int comes_off(bool (*attempt)(void), bool caged)
{
	SCENE(s);
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(!enter(s.path, caged) ? 2 : attempt() ? 0 : 1);
	waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status) > 1 ? -1 : WEXITSTATUS(status) == 0;
}

TEST(confine_leaves_what_a_pull_needs)
{
	CHECK(comes_off(write_in_store, true) == 1);
	CHECK(comes_off(read_resolver, true) == 1);
	CHECK(comes_off(have_sockets, true) == 1);
}

TEST(confine_takes_everything_else_away)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		if (SANITIZED && (attempts[i].attempt == be_traced || attempts[i].attempt == read_proc))
			continue;
		if (attempts[i].abi > abi) {
			printf("# skipped: this kernel's Landlock can't forbid to %s\n", attempts[i].name);
			continue;
		}
		CHECK_STR(comes_off(attempts[i].attempt, true) == 0 ? "" : attempts[i].name, "");
	}
}

TEST(confine_is_what_takes_it_away)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		/* sudo takes it from everybody. */
		if (attempts[i].attempt == dump_core && !dump_core()) {
			printf("# skipped: we may not %s either\n", attempts[i].name);
			continue;
		}
		CHECK_STR(comes_off(attempts[i].attempt, false) == 1 ? "" : attempts[i].name, "");
	}
}

int main(void)
{
	RUN(confine_leaves_what_a_pull_needs);
	RUN(confine_takes_everything_else_away);
	RUN(confine_is_what_takes_it_away);
	return test_summary();
}
