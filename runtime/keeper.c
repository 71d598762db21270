#include "runtime/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/proc.h"
#include "keeper-program.h" /* program_bytes[], made of runtime/beside/keeper.c */
#include "runtime/keep.h"
#include "runtime/program.h"

/*
 * Executed, its memory is its own few pages; a fork's is the monitor's, copied. Containers that end
 * sooner are spared that, and where it fails the fork keeps on.
 */
static _Noreturn void keep_until_the_end(char *title)
{
	char *args[] = { title, NULL }, *no_env[] = { NULL };
	int program;

	if (keep(MEMORY_SETTLED_MS))
		_exit(0);
	if (program_in_memory("tiffin-keeper", program_bytes, sizeof(program_bytes), &program,
			      NULL) == 0)
		syscall(SYS_execveat, program, "", args, no_env, AT_EMPTY_PATH);
	keep(-1);
	_exit(0);
}

/* Nothing but these three, by their numbers: the locks and pipes are the monitor's. */
static int place(int pidfd, int monitor, int mount_ns)
{
	int high[KEEP_DESCRIPTORS] = { -1, -1, -1 };
	const int given[KEEP_DESCRIPTORS] = { pidfd, monitor, mount_ns };

	for (int i = 0; i < KEEP_DESCRIPTORS; i++)
		if (given[i] >= 0 &&
		    (high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, KEEP_DESCRIPTORS)) < 0)
			return -1;
	for (int i = 0; i < KEEP_DESCRIPTORS; i++)
		if (high[i] >= 0 && dup2(high[i], i) < 0)
			return -1;
	return (int)syscall(SYS_close_range, mount_ns < 0 ? KEEP_MOUNTS : KEEP_DESCRIPTORS, ~0u,
			    0u);
}

int keeper_start(int pidfd, int mount_ns, char *(*title)(void *arg), void *arg, pid_t *ret_pid,
		 struct err *err)
{
	CLEAN(clean_fd) int monitor = pidfd_open(getpid(), 0);
	sigset_t all;
	pid_t pid;

	if (monitor < 0)
		return err_sys(err, "cannot open the monitor's pidfd");
	pid = fork();
	if (pid < 0)
		return err_sys(err, "cannot make the container's keeper");
	if (pid == 0) {
		static char unnamed[] = "tiffin-keeper";

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		prctl(PR_SET_NAME, unnamed);
		if (place(pidfd, monitor, mount_ns) < 0)
			_exit(1);
		keep_until_the_end(title ? title(arg) : unnamed);
	}
	*ret_pid = pid;
	return 0;
}
