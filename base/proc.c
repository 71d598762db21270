#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

static int read_small(const char *path, char *ret, size_t size)
{
	CLEAN(clean_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0)
		return -1;
	ret[n] = '\0';
	return 0;
}

/* Field 22 and the state. The command name (field 2) may hold blanks and brackets: skip past it. */
int proc_read_stat(pid_t pid, uint64_t *ret_start, char *ret_state)
{
	char path[40], text[1024], *p;
	unsigned long long start;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_small(path, text, sizeof(text)) < 0)
		return -1;
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1,
			 " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			 "%*s %*s %llu",
			 ret_state, &start) != 2)
		return -1;
	*ret_start = start;
	return 0;
}

void proc_boot(char ret[PROC_BOOT_LEN])
{
	if (read_small("/proc/sys/kernel/random/boot_id", ret, PROC_BOOT_LEN) < 0)
		*ret = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

int proc_identify(pid_t pid, struct proc_id *ret, struct err *err)
{
	struct proc_id id = { .pid = pid };
	char state;

	proc_boot(id.boot);
	if (!id.boot[0] || proc_read_stat(pid, &id.start, &state) < 0)
		return err_sys(err, "cannot read what process %d is from /proc", (int)pid);
	*ret = id;
	return 0;
}

/* Of whatever has the number now: is it that process, and has not ended? */
static bool is_that(const struct proc_id *id)
{
	uint64_t start;
	char state;

	return proc_read_stat(id->pid, &start, &state) == 0 && start == id->start && state != 'Z' &&
	       state != 'X';
}

static int open_in(const struct proc_id *id, const char *boot)
{
	int fd;

	if (id->pid <= 1 || !*boot || !streq(boot, id->boot))
		return -1;
	/*
	 * First the pidfd, then the check: whatever it shows is then true of the pidfd's process.
	 */
	fd = pidfd_open(id->pid, 0);
	if (fd < 0)
		return -1;
	if (!is_that(id)) {
		close(fd);
		return -1;
	}
	return fd;
}

int proc_open(const struct proc_id *id)
{
	char boot[PROC_BOOT_LEN];

	proc_boot(boot);
	return open_in(id, boot);
}

bool proc_alive_in(const struct proc_id *id, const char *boot)
{
	return id->pid > 1 && *boot && streq(boot, id->boot) && is_that(id);
}

bool proc_alive(const struct proc_id *id)
{
	char boot[PROC_BOOT_LEN];

	proc_boot(boot);
	return proc_alive_in(id, boot);
}

int pidfd_wait(int pidfd, int timeout_ms)
{
	int64_t end = now_monotonic() + (int64_t)timeout_ms * 1000000;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int64_t left = (end - now_monotonic() + 999999) / 1000000;
		int n = poll(&p, 1, timeout_ms < 0 ? -1 : left < 0 ? 0 : (int)left);

		if (n > 0)
			return 0;
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

/*
 * A number that the child is to have may be that of another descriptor to pass. So all are first
 * duplicated to numbers beyond both, and from there to where they belong.
 */
static void map_fds(posix_spawn_file_actions_t *actions, const struct fd_map *fds)
{
	int base = 0, n = 0;

	for (n = 0; fds && fds[n].ours >= 0; n++) {
		base = fds[n].ours >= base ? fds[n].ours + 1 : base;
		base = fds[n].theirs >= base ? fds[n].theirs + 1 : base;
	}
	for (int i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(actions, fds[i].ours, base + i);
	for (int i = 0; i < n; i++) {
		posix_spawn_file_actions_adddup2(actions, base + i, fds[i].theirs);
		posix_spawn_file_actions_addclose(actions, base + i);
	}
}

int proc_spawn(const char *const argv[], const struct fd_map *fds, pid_t *ret_pid, struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int sys;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	map_fds(&actions, fds);
	sys = posix_spawnp(ret_pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (sys) {
		errno = sys;
		return err_sys(err, "cannot execute '%s'", argv[0]);
	}
	return 0;
}

int exit_code_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int proc_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return exit_code_of(status);
}

int helper_path(const char *name, char **ret, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return err_sys(err, "cannot read '/proc/self/exe'");
	self[n] = '\0';
	for (int i = 0; i < 2; i++) {
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
	}
	*ret = xasprintf("%s/libexec/tiffin/%s", self, name);
	return 0;
}

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t now_realtime(void)
{
	return now(CLOCK_REALTIME);
}

int64_t now_monotonic(void)
{
	return now(CLOCK_MONOTONIC);
}
