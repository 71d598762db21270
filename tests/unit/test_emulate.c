/* Users and files where the kernel has one ID: runtime/emulate*.c, by calls of all kinds. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "runtime/caps.h"
#include "runtime/emulate.h"
#include "runtime/supervisor.h"
#include "runtime/sync.h"
#include "test.h"

#define BAD_ADDRESS 1L
#define BAD	    ((void *)BAD_ADDRESS)
#define NONE	    ((uid_t)-1)

/* In what is supervised: where it fails is its exit status. */
#define WANT(expr)                                                                                 \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			printf("#   %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #expr, errno);    \
			fflush(stdout);                                                            \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)
#define WANT_ERROR(expr, error) WANT((errno = 0, (expr) < 0) && errno == (error))

static int prepare(void *arg, struct notify_loop *loop, int init, struct err *err)
{
	static const struct owner_list none;
	static struct container_spec spec;
	const struct emulate how = {init, &spec, &none, -1, -1};

	spec.caps = caps_default();
	return emulate_add(loop, &how, arg, err);
}

static bool put(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool map_one(void)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
	       put("/proc/self/uid_map", uids) && put("/proc/self/gid_map", gids);
}

/* The work's exit status; so many supervisors are killed at some time while it is done. */
static int emulated(int (*work)(void), int kills)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	void *shared = mmap(NULL, emulate_shared_size(), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct supervision s = {.prepare = prepare, .door = -1, .arg = shared};
	struct supervisor v = SUPERVISOR_INIT;
	char dir[] = "test.XXXXXX";
	int listener = -1, pidfd, code;
	pid_t pid;

	s.calls = emulate_calls(&s.n_calls);
	fflush(stdout);
	if (sync_pair(&ours, &theirs, NULL) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (!map_one() || !mkdtemp(dir) || chdir(dir) < 0 ||
		    notify_install(s.calls, s.n_calls, &listener, NULL) < 0 ||
		    sync_send(theirs, SYNC_CALLS, listener, NULL) < 0)
			_exit(100);
		close(listener);
		_exit(work());
	}
	pidfd = pidfd_open(pid, 0);
	if (sync_expect(ours, SYNC_CALLS, &listener, NULL, NULL) < 0 ||
	    supervisor_start(&s, listener, pidfd, false, &v, NULL) < 0)
		return -1;
	for (;;) {
		struct pollfd p[] = {{pidfd, POLLIN, 0}, {v.alive, POLLIN, 0}};

		poll(p, 2, kills > 0 ? 10 : -1);
		if (p[0].revents)
			break;
		if (p[1].revents)
			supervisor_again(&s, pidfd, false, &v);
		else if (kills-- > 0)
			pidfd_send_signal(v.alive, SIGKILL, NULL, 0);
	}
	code = proc_reap(pid);
	close(pidfd);
	supervisor_done(&v);
	munmap(shared, emulate_shared_size());
	return code;
}

#define CHECK_EMULATED(work) CHECK(emulated(work, 0) == 0)

static int owner_is(const char *path, uid_t uid, gid_t gid)
{
	struct stat st, at;
	struct statx x;

	return lstat(path, &st) == 0 && st.st_uid == uid && st.st_gid == gid &&
	       fstatat(AT_FDCWD, path, &at, AT_SYMLINK_NOFOLLOW) == 0 && at.st_uid == uid &&
	       at.st_gid == gid && at.st_ino == st.st_ino && at.st_mode == st.st_mode &&
	       statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x) == 0 &&
	       x.stx_uid == uid && x.stx_gid == gid && x.stx_ino == st.st_ino;
}

static void make(const char *path)
{
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

/* --- who a process is --- */

static void *set_by_kernel_call(void *arg)
{
	*(long *)arg = syscall(SYS_setresuid, 33, 33, 33);
	return NULL;
}

static int become_another(void)
{
	const gid_t groups[] = {7, 4, 5};
	gid_t got[8];
	uid_t r, e, s;
	pthread_t thread;
	long result = -1;

	WANT(getuid() == 0 && getgroups(8, got) == 1 && got[0] == 0);
	WANT(setgroups(3, groups) == 0 && getgroups(0, NULL) == 3 && getgroups(8, got) == 3);
	WANT(got[0] == 4 && got[1] == 5 && got[2] == 7);
	WANT_ERROR(getgroups(2, got), EINVAL);
	WANT_ERROR(syscall(SYS_setgroups, 65537, groups), EINVAL);
	WANT_ERROR(syscall(SYS_setgroups, -1, groups), EINVAL);
	WANT(setfsuid(5) == 0 && setfsuid(0) == 5 && setfsgid(6) == 0 && setfsgid(NONE) == 6);
	WANT(setresgid(1, 2, 3) == 0 && getgid() == 1 && getegid() == 2);
	WANT(seteuid(5) == 0 && geteuid() == 5 && seteuid(0) == 0);
	/* Of a thread alone: all are one process to us. */
	WANT(pthread_create(&thread, NULL, set_by_kernel_call, &result) == 0 &&
	     pthread_join(thread, NULL) == 0 && result == 0);
	WANT(getresuid(&r, &e, &s) == 0 && r == 33 && e == 33 && s == 33);
	WANT_ERROR(setuid(0), EPERM);
	WANT_ERROR(setgroups(0, NULL), EPERM);
	WANT_ERROR(setgid(9), EPERM);
	WANT(setgid(3) == 0 && getegid() == 3);
	return 0;
}

TEST(a_process_becomes_another_and_stays_it)
{
	CHECK_EMULATED(become_another);
}

static int outlive(void)
{
	int ends[2];
	uid_t seen = NONE;

	WANT(pipe(ends) == 0);
	if (fork() == 0) {
		const pid_t parent = getpid();

		syscall(SYS_setuid, 1234);
		if (fork() == 0) {
			/* The parent is gone before the first call. */
			while (getppid() == parent)
				poll(NULL, 0, 1);
			seen = getuid();
			if (write(ends[1], &seen, sizeof(seen)) < 0)
				_exit(1);
		}
		_exit(0);
	}
	WANT(read(ends[0], &seen, sizeof(seen)) == sizeof(seen) && seen == 1234 && getuid() == 0);
	return 0;
}

TEST(a_child_is_who_its_parent_was_when_it_was_made)
{
	CHECK_EMULATED(outlive);
}

static int storm(void)
{
	int bad = 0, status;

	for (uid_t round = 0; round < 10; round++) {
		for (uid_t i = 1; i <= 50; i++) {
			if (fork() == 0) {
				if (setuid(1000 * round + i) < 0 || fork() == 0)
					_exit(getuid() != 1000 * round + i);
				wait(&status);
				_exit(status || getuid() != 1000 * round + i || setuid(0) == 0);
			}
		}
		while (wait(&status) > 0)
			bad += status != 0;
	}
	WANT(bad == 0 && getuid() == 0);
	return 0;
}

TEST(hundreds_at_once_are_each_their_own)
{
	CHECK_EMULATED(storm);
}

TEST(a_supervisor_that_is_killed_forgets_nobody)
{
	CHECK(emulated(storm, 20) == 0);
}

static int exhaust(void)
{
	int ready[2], over[2];
	char byte = 0;
	uid_t i;

	WANT(pipe(ready) == 0 && pipe(over) == 0);
	if (fork() == 0) {
		close(over[1]);
		if (setresuid(42, 42, 42) < 0 || write(ready[1], &byte, 1) != 1)
			_exit(1);
		while (read(over[0], &byte, 1) > 0)
			;
		_exit(getuid() != 42);
	}
	WANT(read(ready[0], &byte, 1) == 1);
	for (i = 100; setresuid(i, 0, 0) == 0 && i < 1000000; i++)
		;
	WANT(errno == EAGAIN && i > 4000);
	WANT(setresuid(100, 0, 0) == 0 && getuid() == 100);
	close(over[1]);
	WANT(wait((int *)&i) > 0 && i == 0);
	return 0;
}

TEST(who_wants_too_many_identities_gets_no_more_and_others_keep_theirs)
{
	CHECK_EMULATED(exhaust);
}

static int look_at_limit(void)
{
	struct rlimit r;

	WANT(setresuid(33, 33, 33) == 0);
	WANT(getrlimit(RLIMIT_LOCKS, &r) == 0 && r.rlim_cur == RLIM_INFINITY);
	WANT(syscall(SYS_prlimit64, getpid(), RLIMIT_LOCKS, NULL, &r) == 0 &&
	     r.rlim_max == RLIM_INFINITY);
	r.rlim_cur = 5;
	WANT(setrlimit(RLIMIT_LOCKS, &r) == 0 && getuid() == 33);
	r.rlim_max = 1;
	WANT_ERROR(setrlimit(RLIMIT_LOCKS, &r), EINVAL);
	WANT(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY);
	return 0;
}

TEST(where_that_is_kept_nobody_sees_or_changes)
{
	CHECK_EMULATED(look_at_limit);
}

static int keep_capabilities(void)
{
	int status;

	WANT(prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(33, 33, 33) == 0);
	WANT(setresgid(5, 5, 5) == 0 && setgroups(0, NULL) == 0);
	if (fork() == 0) {
		execl("/usr/bin/perl", "perl", "-e", "$( = 6; exit($( == 6 ? 1 : 0)", NULL);
		_exit(2);
	}
	WANT(wait(&status) > 0 && status == 0);
	WANT(setresuid(34, 34, 34) == 0 && prctl(PR_SET_KEEPCAPS, 0) == 0 &&
	     setresuid(35, 35, 35) == 0);
	return 0;
}

TEST(capabilities_can_be_kept)
{
	CHECK_EMULATED(keep_capabilities);
}

static int talk(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "sock"};
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	struct ucred u;
	socklen_t len = sizeof(u);

	WANT(bind(server, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(server, 5) == 0);
	if (fork() == 0) {
		int sock = socket(AF_UNIX, SOCK_STREAM, 0);

		if (setgid(44) < 0 || setuid(33) < 0 ||
		    connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
			_exit(1);
		poll(NULL, 0, 60000);
		_exit(0);
	}
	client = accept(server, NULL, NULL);
	WANT(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && len == sizeof(u));
	WANT(u.uid == 33 && u.gid == 44 && u.pid > 0);
	WANT_ERROR(syscall(SYS_getsockopt, client, SOL_SOCKET, SO_PEERCRED, BAD_ADDRESS, &len),
		   EFAULT);
	WANT_ERROR(syscall(SYS_getsockopt, client, SOL_SOCKET, SO_PEERCRED, &u, BAD_ADDRESS),
		   EFAULT);
	WANT_ERROR(getsockopt(0, SOL_SOCKET, SO_PEERCRED, &u, &len), ENOTSOCK);
	WANT(kill(u.pid, SIGKILL) == 0 && wait(NULL) > 0);
	WANT(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && u.uid == 65534);
	return 0;
}

TEST(a_socket_tells_who_is_at_the_other_end)
{
	CHECK_EMULATED(talk);
}

/* --- whom a file belongs to --- */

static int give_away(void)
{
	struct stat st;
	int fd;

	make("file");
	WANT(owner_is("file", 0, 0) && chown("file", 33, NONE) == 0 && owner_is("file", 33, 0));
	WANT(chmod("file", 06755) == 0 && chown("file", NONE, 44) == 0 && owner_is("file", 33, 44));
	WANT(stat("file", &st) == 0 && (st.st_mode & 07777) == 0755);
	fd = open("file", O_RDONLY);
	WANT(fchown(fd, 5, 6) == 0 && fstat(fd, &st) == 0 && st.st_uid == 5 && st.st_gid == 6);
	WANT(fchownat(fd, "", 7, 8, AT_EMPTY_PATH) == 0 && owner_is("file", 7, 8));
	WANT(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && st.st_uid == 7);
	WANT(symlink("file", "link") == 0 && lchown("link", 1, 2) == 0 && owner_is("link", 1, 2));
	WANT(chown("link", 9, 9) == 0 && owner_is("file", 9, 9) && owner_is("link", 1, 2));
	WANT(chown("file", 0, 0) == 0 && owner_is("file", 0, 0));
	WANT(getxattr("file", OWNER_XATTR, NULL, 0) < 0 && errno == ENODATA);
	WANT_ERROR(chown("none", 1, 1), ENOENT);
	WANT_ERROR(chown("file/x", 1, 1), ENOTDIR);
	WANT_ERROR(fchown(99, 1, 1), EBADF);
	WANT_ERROR(fchownat(fd, "x", 1, 1, 0), ENOTDIR);
	WANT(setuid(33) == 0);
	WANT_ERROR(chown("file", 33, 33), EPERM);
	return 0;
}

TEST(files_are_given_away)
{
	CHECK_EMULATED(give_away);
}

static int make_files(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "made/sock"};
	int fd;

	make("file");
	WANT(mkdir("made", 0755) == 0 && chown("made", 33, 44) == 0 && setresgid(44, 44, 44) == 0);
	WANT(setresuid(33, 33, 33) == 0 && mkdir("made/dir/", 0755) == 0 &&
	     owner_is("made/dir", 33, 44));
	make("made/file");
	WANT(owner_is("made/file", 33, 44));
	make("made/tmp");
	WANT(rename("made/tmp", "made/renamed") == 0 && owner_is("made/renamed", 33, 44));
	make("made/one");
	WANT(link("made/one", "made/other") == 0 && unlink("made/one") == 0 &&
	     owner_is("made/other", 33, 44));
	WANT(symlink("x", "made/link") == 0 && owner_is("made/link", 33, 44));
	WANT(mkfifo("made/fifo", 0600) == 0 && owner_is("made/fifo", 33, 44));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	WANT(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && owner_is("made/sock", 33, 44));
	WANT(open("made/file", O_CREAT | O_EXCL | O_WRONLY, 0600) < 0 && errno == EEXIST);
	make("file"); /* root's */
	WANT(owner_is("file", 0, 0));
	return 0;
}

TEST(what_is_made_belongs_to_who_makes_it)
{
	CHECK_EMULATED(make_files);
}

static int inherit_group(void)
{
	WANT(mkdir("group", 0755) == 0 && chown("group", 0, 50) == 0 && chmod("group", 02775) == 0);
	make("group/file");
	WANT(mkdir("group/dir", 0755) == 0 && owner_is("group/file", 0, 50) &&
	     owner_is("group/dir", 0, 50));
	make("group/dir/file");
	WANT(owner_is("group/dir/file", 0, 50));
	return 0;
}

TEST(a_directory_hands_its_group_down)
{
	CHECK_EMULATED(inherit_group);
}

static int have_a_root(void)
{
	WANT(mkdir("root", 0755) == 0 && mkdir("root/in", 0755) == 0);
	make("root/in/file");
	make("file");
	WANT(chdir("root") == 0 && chroot(".") == 0);
	WANT(chown("/in/file", 33, 33) == 0 && owner_is("in/file", 33, 33) &&
	     owner_is("../../in/../in/file", 33, 33));
	WANT_ERROR(chown("/file", 1, 1), ENOENT);
	WANT_ERROR(chown("../file", 1, 1), ENOENT);
	return 0;
}

TEST(in_a_root_of_its_own_a_process_does_not_leave_it)
{
	CHECK_EMULATED(have_a_root);
}

/* --- hostile --- */

static int ask_badly(void)
{
	struct stat st;
	struct statx x;
	uid_t u;

	make("file");
	WANT(chown("file", 33, 33) == 0);
	WANT_ERROR(syscall(SYS_getresuid, &u, BAD_ADDRESS, &u), EFAULT);
	WANT_ERROR(syscall(SYS_getgroups, 1, BAD_ADDRESS), EFAULT);
	WANT_ERROR(syscall(SYS_setgroups, 1, BAD_ADDRESS), EFAULT);
	WANT_ERROR(syscall(SYS_newfstatat, AT_FDCWD, BAD, &st, 0), EFAULT);
	WANT_ERROR(syscall(SYS_newfstatat, AT_FDCWD, "file", BAD, 0), EFAULT);
	WANT_ERROR(syscall(SYS_newfstatat, AT_FDCWD, "file", &st, 0x40000000), EINVAL);
	WANT_ERROR(syscall(SYS_statx, AT_FDCWD, "file", 0, STATX_BASIC_STATS, BAD), EFAULT);
	WANT_ERROR(
	    syscall(SYS_statx, AT_FDCWD, "file", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, &x),
	    EINVAL);
	WANT_ERROR(syscall(SYS_fchownat, AT_FDCWD, BAD, 1, 1, 0), EFAULT);
	WANT_ERROR(syscall(SYS_fchownat, AT_FDCWD, "file", 1, 1, 0x40000000), EINVAL);
	WANT_ERROR(syscall(SYS_fchownat, AT_FDCWD, "", 1, 1, 0), ENOENT);
	WANT_ERROR(syscall(SYS_openat, AT_FDCWD, BAD, O_CREAT | O_WRONLY, 0600), EFAULT);
	WANT_ERROR(syscall(SYS_prlimit64, 0, RLIMIT_LOCKS, BAD, NULL), EFAULT);
	WANT_ERROR(syscall(SYS_bind, 0, BAD, 20), ENOTSOCK);
	WANT_ERROR(syscall(SYS_execve, BAD, NULL, NULL), EFAULT);
	WANT(owner_is("file", 33, 33));
	return 0;
}

TEST(bad_pointers_and_flags_are_the_callers_affair)
{
	CHECK_EMULATED(ask_badly);
}

static int say_long_paths(void)
{
	const size_t page = 4096;
	char *m = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	make("file");
	WANT(munmap(m + 2 * page, page) == 0);
	/* Up to the last byte that is there. */
	memcpy(m + 2 * page - 5, "file", 5);
	WANT(chown(m + 2 * page - 5, 33, 33) == 0 && owner_is("file", 33, 33));
	memcpy(m + 2 * page - 4, "file", 4);
	WANT_ERROR(chown(m + 2 * page - 4, 34, 34), EFAULT);
	memset(m, '/', 2 * page);
	WANT_ERROR(chown(m, 1, 1), ENAMETOOLONG);
	WANT_ERROR(open(m, O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
	for (size_t i = 0; i < 4091; i += 2)
		memcpy(m + i, "./", 2);
	memcpy(m + 4090, "file", 5);
	WANT(strlen(m) == 4094 && chown(m, 35, 35) == 0 && owner_is("file", 35, 35));
	memset(m, 'n', 300);
	m[300] = '\0';
	WANT_ERROR(mkdir(m, 0755), ENAMETOOLONG);
	return 0;
}

TEST(paths_may_be_as_long_as_paths_may_be)
{
	CHECK_EMULATED(say_long_paths);
}

struct flip {
	atomic_bool stop;
	char path[16];
};

static void *flip(void *arg)
{
	struct flip *f = arg;

	while (!f->stop) {
		memcpy(f->path, "mine/file", 10);
		memcpy(f->path, "link/file", 10);
		if (rename("mine", "mine2") == 0)
			rename("mine2", "mine");
	}
	return NULL;
}

static int race(void)
{
	struct flip f = {.path = "mine/file"};
	pthread_t thread;

	WANT(mkdir("mine", 0755) == 0 && mkdir("theirs", 0755) == 0 &&
	     symlink("theirs", "link") == 0);
	make("mine/file");
	make("theirs/file");
	make("file");
	WANT(pthread_create(&thread, NULL, flip, &f) == 0);
	for (int i = 0; i < 300; i++) {
		struct stat st;

		if ((chown(f.path, 33, 33) < 0 || stat(f.path, &st) < 0) && errno != ENOENT)
			break;
		errno = 0;
	}
	WANT(errno == 0);
	f.stop = true;
	pthread_join(thread, NULL);
	WANT(owner_is("mine", 0, 0) && owner_is("theirs", 0, 0) && owner_is("link", 0, 0) &&
	     owner_is("file", 0, 0));
	return 0;
}

TEST(a_path_that_changes_is_one_of_those_that_it_was)
{
	CHECK_EMULATED(race);
}

TEST(and_so_it_is_while_supervisors_are_killed)
{
	CHECK(emulated(race, 10) == 0);
}

/* The supervisor's own links are those of another process. */
static int follow_links(void)
{
	char path[64];

	make("file");
	WANT(chown("/proc/self/cwd/file", 33, 33) < 0 || owner_is("file", 33, 33));
	snprintf(path, sizeof(path), "/proc/%d/cwd", getppid());
	WANT(chown(path, 33, 33) < 0);
	for (int i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "/proc/thread-self/fd/%d/..", i);
		WANT(chown(path, 33, 33) < 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d/../file", i);
		WANT(chown(path, 33, 33) < 0);
	}
	WANT(owner_is(".", 0, 0));
	WANT(open("file", O_RDONLY) >= 0 && chown("/proc/self/fd/3", 1, 1) <= 0);
	return 0;
}

TEST(links_of_proc_lead_nowhere)
{
	CHECK_EMULATED(follow_links);
}

int main(void)
{
	char dir[] = "/var/tmp/test-emulate.XXXXXX";
	if (!mkdtemp(dir) || chdir(dir) < 0 || chmod(dir, 0755) < 0)
		return 1;
	RUN(a_process_becomes_another_and_stays_it);
	RUN(a_child_is_who_its_parent_was_when_it_was_made);
	RUN(hundreds_at_once_are_each_their_own);
	RUN(a_supervisor_that_is_killed_forgets_nobody);
	RUN(who_wants_too_many_identities_gets_no_more_and_others_keep_theirs);
	RUN(where_that_is_kept_nobody_sees_or_changes);
	RUN(capabilities_can_be_kept);
	RUN(a_socket_tells_who_is_at_the_other_end);
	RUN(files_are_given_away);
	RUN(what_is_made_belongs_to_who_makes_it);
	RUN(a_directory_hands_its_group_down);
	RUN(in_a_root_of_its_own_a_process_does_not_leave_it);
	RUN(bad_pointers_and_flags_are_the_callers_affair);
	RUN(paths_may_be_as_long_as_paths_may_be);
	RUN(a_path_that_changes_is_one_of_those_that_it_was);
	RUN(and_so_it_is_while_supervisors_are_killed);
	RUN(links_of_proc_lead_nowhere);
	if (chdir("/") < 0 || tree_remove_at(AT_FDCWD, dir, NULL) < 0)
		return 1;
	return test_summary();
}
