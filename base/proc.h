/*
 * Processes: who they are, how to start one, how to signal the right one.
 *
 * A process is named by pid, start time and boot id together: a pid alone is reused, and a state
 * file outlives a reboot. Signals go through a pidfd that was checked against all three.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/types.h>

#include "base/err.h"

#define PROC_BOOT_LEN 37 /* with the byte that ends it */

struct proc_id {
	pid_t pid;	   /* 0: no process */
	uint64_t start;	   /* clock ticks since boot: proc_pid_stat(5), field 22 */
	char boot[PROC_BOOT_LEN]; /* /proc/sys/kernel/random/boot_id */
};

/* Fills in the identity of a process that can't vanish meanwhile: a child of ours, or ourselves. */
int proc_identify(pid_t pid, struct proc_id *ret, struct err *err);
/*
 * A pidfd of that very process, or -1 where it has ended (or another one has its pid, or the
 * machine was booted since). A zombie counts as ended.
 */
int proc_open(const struct proc_id *id);
bool proc_alive(const struct proc_id *id);

/* For who asks of many: the boot's ID, read once; "" where it can't be had, and nobody is alive. */
void proc_boot(char ret[PROC_BOOT_LEN]);
bool proc_alive_in(const struct proc_id *id, const char *boot);
/*
 * The start time and the state (proc_pid_stat(5), field 3) of whatever has the number now; -1:
 * nothing.
 */
int proc_read_stat(pid_t pid, uint64_t *ret_start, char *ret_state);

/* Waits for a process to end: 0, or -1 and ETIMEDOUT. timeout_ms < 0 waits for ever. */
int pidfd_wait(int pidfd, int timeout_ms);

/*
 * A descriptor of ours and the number it has in the child; an array of them ends with { -1, -1 }.
 * Every other descriptor of ours is close-on-exec, so that the child has these and 0-2 only.
 */
struct fd_map {
	int ours, theirs;
};
#define FD_MAP_END { -1, -1 }

/* Starts a program (looked up in PATH where it has no slash). The caller reaps *ret_pid. */
int proc_spawn(const char *const argv[], const struct fd_map *fds, pid_t *ret_pid,
	       struct err *err);
/* Reaps: the exit status, or 128+n for signal n; -1 where there is no such child. */
int proc_reap(pid_t pid);
/* 128+n or the exit status out of what waitpid gave. */
int exit_code_of(int wait_status);

/*
 * The path of one of our helper programs ("tiffin-image"): ../libexec/tiffin beside the directory
 * of the running binary, wherever that is. The caller frees.
 */
int helper_path(const char *name, char **ret, struct err *err);

/* Nanoseconds since the epoch (records, logs) and of the monotonic clock (timers). */
int64_t now_realtime(void);
int64_t now_monotonic(void);

#endif
