/* Files where the kernel has one ID: runtime/emulate*.c, by calls of honest and hostile processes. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "tests/unit/emulate_scene.h"

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
	scene_begin();
	RUN(files_are_given_away);
	RUN(what_is_made_belongs_to_who_makes_it);
	RUN(a_directory_hands_its_group_down);
	RUN(in_a_root_of_its_own_a_process_does_not_leave_it);
	RUN(bad_pointers_and_flags_are_the_callers_affair);
	RUN(paths_may_be_as_long_as_paths_may_be);
	RUN(a_path_that_changes_is_one_of_those_that_it_was);
	RUN(and_so_it_is_while_supervisors_are_killed);
	RUN(links_of_proc_lead_nowhere);
	scene_end();
	return test_summary();
}
