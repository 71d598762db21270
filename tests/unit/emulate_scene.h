/*
 * What the tests of emulated users share: work() is done by a process that has one ID mapped and whose
 * calls a supervisor answers, in a directory of its own. Each program begins with scene_begin and ends
 * with scene_end.
 */
#ifndef TESTS_UNIT_EMULATE_SCENE_H
#define TESTS_UNIT_EMULATE_SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "runtime/caps.h"
#include "runtime/emulate.h"
#include "runtime/supervisor.h"
#include "runtime/sync.h"
#include "tests/unit/test.h"

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

static inline int prepare(void *arg, struct notify_loop *loop, int init, struct err *err)
{
	static const struct owner_list none;
	static struct container_spec spec;
	const struct emulate how = {init, &spec, &none, -1, -1};

	spec.caps = caps_default();
	return emulate_add(loop, &how, arg, err);
}

static inline bool put(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static inline bool map_one(void)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
	       put("/proc/self/uid_map", uids) && put("/proc/self/gid_map", gids);
}

/* The work's exit status; so many supervisors are killed at some time while it is done. */
static inline int emulated(int (*work)(void), int kills)
{
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	void *shared = mmap(NULL, emulate_shared_size(), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct supervision s = { .prepare = prepare, .door = -1, .arg = shared };
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

static inline int owner_is(const char *path, uid_t uid, gid_t gid)
{
	struct stat st, at;
	struct statx x;

	return lstat(path, &st) == 0 && st.st_uid == uid && st.st_gid == gid &&
	       fstatat(AT_FDCWD, path, &at, AT_SYMLINK_NOFOLLOW) == 0 && at.st_uid == uid &&
	       at.st_gid == gid && at.st_ino == st.st_ino && at.st_mode == st.st_mode &&
	       statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x) == 0 &&
	       x.stx_uid == uid && x.stx_gid == gid && x.stx_ino == st.st_ino;
}

static inline void make(const char *path)
{
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static char scene_dir[] = "/var/tmp/test-emulate.XXXXXX";

static inline void scene_begin(void)
{
	if (!mkdtemp(scene_dir) || chdir(scene_dir) < 0 || chmod(scene_dir, 0755) < 0)
		exit(1);
}

static inline void scene_end(void)
{
	if (chdir("/") < 0 || tree_remove_at(AT_FDCWD, scene_dir, NULL) < 0)
		exit(1);
}

#endif
