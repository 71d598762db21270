/*
 * inject: runs a command, and has one system call of it, or of any process that comes of it, go wrong.
 *
 *	inject -c COMMAND…		prints on standard error how many calls of the set there were
 *	inject -n N -k COMMAND…		kills the process (SIGKILL) as it enters the Nth call of the set
 *	inject -n N -K COMMAND…		kills all of them
 *	inject -n N -e ERRNO [-a] COMMAND…	the Nth call fails; with -a those after it do, too
 *
 * -s SET: write (the default: what changes files), open (what takes a descriptor), wait (what a signal
 * can break off). -d: when the command has ended, what it left running goes on untouched; else it is
 * waited for. -o FILE: where the name of the call goes that was hit.
 *
 * strace(1) counts for each process by itself; here the count is one for all of them, so that every
 * point in time has its number. newuidmap and newgidmap are let go before they are executed: traced,
 * they would not be set-user-ID.
 *
 * The exit status is the command's; 128+n where it died of a signal.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACEES_MAX 4096
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

struct call {
	long nr;
	const char *name;
};
#define CALL(name) { SYS_##name, #name }

static const struct call calls_write[] = {
	CALL(write), CALL(pwrite64), CALL(writev), CALL(pwritev), CALL(pwritev2), CALL(sendfile), CALL(copy_file_range),
	CALL(splice), CALL(ftruncate), CALL(fallocate), CALL(fsync), CALL(fdatasync), CALL(syncfs), CALL(renameat),
	CALL(renameat2), CALL(mkdirat), CALL(linkat), CALL(unlinkat), CALL(symlinkat), CALL(mknodat), CALL(fchmod),
	CALL(fchmodat), CALL(fchown), CALL(fchownat), CALL(utimensat), CALL(fsetxattr), CALL(setxattr), CALL(lsetxattr),
#ifdef SYS_rename
	CALL(rename), CALL(mkdir), CALL(link), CALL(unlink), CALL(rmdir), CALL(symlink), CALL(chmod), CALL(chown), CALL(lchown),
#endif
};
static const struct call calls_open[] = {
	CALL(openat), CALL(openat2), CALL(pipe2), CALL(socket), CALL(socketpair), CALL(dup), CALL(accept4),
	CALL(memfd_create), CALL(pidfd_open), CALL(epoll_create1), CALL(signalfd4), CALL(eventfd2),
	CALL(open_tree), CALL(fsopen), CALL(fsmount),
};
static const struct call calls_wait[] = {
	CALL(read), CALL(write), CALL(openat), CALL(fcntl), CALL(ppoll), CALL(wait4), CALL(waitid), CALL(recvmsg),
	CALL(sendmsg), CALL(connect), CALL(accept4), CALL(epoll_pwait), CALL(clock_nanosleep),
#ifdef SYS_poll
	CALL(poll), CALL(epoll_wait),
#endif
};

static const struct set {
	const char *name;
	const struct call *calls;
	size_t n;
} sets[] = {
	{ "write", calls_write, COUNT(calls_write) },
	{ "open", calls_open, COUNT(calls_open) },
	{ "wait", calls_wait, COUNT(calls_wait) },
};

static const struct set *set = &sets[0];
static bool count_only, kill_one, kill_all, go_on, detach;
static long wanted;
static int error;
static const char *report;

static struct tracee {
	pid_t tid;
	bool failing; /* its call is to return the error */
} tracees[TRACEES_MAX];
static size_t n_tracees;
static long seen;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(99);
}

static struct tracee *tracee_of(pid_t tid)
{
	for (size_t i = 0; i < n_tracees; i++)
		if (tracees[i].tid == tid)
			return &tracees[i];
	if (n_tracees == TRACEES_MAX) {
		errno = EAGAIN;
		give_up("too many processes");
	}
	tracees[n_tracees] = (struct tracee){ .tid = tid };
	return &tracees[n_tracees++];
}

static void forget(pid_t tid)
{
	for (size_t i = 0; i < n_tracees; i++)
		if (tracees[i].tid == tid)
			tracees[i] = tracees[--n_tracees];
}

/* The call's number and what it returns, on the machines that we know. */
#if defined(__x86_64__)
#define NUMBER(r) ((r).orig_rax)
#define RESULT(r) ((r).rax)
#elif defined(__aarch64__)
#define RESULT(r) ((r).regs[0])
#endif

static void skip_call(pid_t tid)
{
#if defined(__x86_64__)
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov);
	NUMBER(regs) = (unsigned long)-1;
	ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov);
#elif defined(__aarch64__)
	int number = -1;
	struct iovec iov = { &number, sizeof(number) };

	ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &iov);
#endif
}

static void set_result(pid_t tid, long result)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov);
	RESULT(regs) = (unsigned long)result;
	ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov);
}

/* NULL: not in the set. */
static const char *name_in_set(const struct __ptrace_syscall_info *info)
{
	const long nr = (long)info->entry.nr;

	/* Of what opens, what makes a file; and what the user is told is not written to a disk. */
	if (set == &sets[0] && nr == SYS_openat)
		return info->entry.args[2] & O_CREAT ? "openat" : NULL;
	if (set == &sets[0] && nr == SYS_write && info->entry.args[0] <= 2)
		return NULL;
	for (size_t i = 0; i < set->n; i++)
		if (set->calls[i].nr == nr)
			return set->calls[i].name;
	return NULL;
}

static void tell(const char *name)
{
	FILE *f = report ? fopen(report, "a") : NULL;

	if (f) {
		fprintf(f, "%s\n", name);
		fclose(f);
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Is a program about to be executed that has to be let go? */
static bool is_set_user_id(pid_t tid, const struct __ptrace_syscall_info *info)
{
	char path[256] = "";
	struct iovec ours = { path, sizeof(path) - 1 };
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of theirs */
	struct iovec theirs = { (void *)(uintptr_t)info->entry.args[0], sizeof(path) - 1 };

	if (info->entry.nr != SYS_execve || process_vm_readv(tid, &ours, 1, &theirs, 1, 0) < 0)
		return false;
	return ends_with(path, "/newuidmap") || ends_with(path, "/newgidmap");
}

static void kill_tracees(pid_t tid)
{
	if (kill_one)
		kill(tid, SIGKILL); /* of its threads, the process */
	for (size_t i = 0; kill_all && i < n_tracees; i++)
		kill(tracees[i].tid, SIGKILL);
}

/* True: it is not to be continued, as it is none of ours any more. */
static bool enter_call(struct tracee *t, const struct __ptrace_syscall_info *info)
{
	const char *name = name_in_set(info);

	if (is_set_user_id(t->tid, info)) {
		ptrace(PTRACE_DETACH, t->tid, 0, 0);
		forget(t->tid);
		return true;
	}
	if (!name)
		return false;
	seen++;
	if (count_only || (go_on ? seen < wanted : seen != wanted))
		return false;
	tell(name);
	if (kill_one || kill_all) {
		kill_tracees(t->tid);
		return false;
	}
	skip_call(t->tid);
	t->failing = true;
	return false;
}

static bool on_call(pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct tracee *t = tracee_of(tid);

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		return enter_call(t, &info);
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->failing) {
		set_result(tid, -error);
		t->failing = false;
	}
	return false;
}

/* A tracee has stopped. */
static void on_stop(pid_t tid, int status)
{
	int sig = WSTOPSIG(status);
	const int event = status >> 16;

	tracee_of(tid);
	if (sig == (SIGTRAP | 0x80)) {
		if (on_call(tid))
			return;
		sig = 0;
	} else if (event) {
		sig = 0;
	}
	ptrace(PTRACE_SYSCALL, tid, 0, sig);
}

/* Those that still run go on, and we leave. */
static void let_go(void)
{
	for (size_t i = 0; i < n_tracees; i++) {
		int status;

		ptrace(PTRACE_INTERRUPT, tracees[i].tid, 0, 0);
		if (waitpid(tracees[i].tid, &status, __WALL) == tracees[i].tid && WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, tracees[i].tid, 0,
			       status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status));
	}
}

static int trace(pid_t command)
{
	int code = 99, status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			on_stop(tid, status);
			continue;
		}
		forget(tid);
		if (tid != command)
			continue;
		code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (detach) {
			let_go();
			break;
		}
	}
	return code;
}

static pid_t start(char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | (detach ? 0 : PTRACE_O_EXITKILL);
	int ready[2], status;
	pid_t pid;
	char c;

	if (pipe(ready) < 0)
		give_up("pipe");
	pid = fork();
	if (pid == 0) {
		close(ready[1]);
		if (read(ready[0], &c, 1) < 0)
			_exit(99);
		close(ready[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(ready[0]);
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 ||
	    waitpid(pid, &status, __WALL) < 0)
		give_up("ptrace");
	close(ready[1]);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	return pid;
}

static void choose_set(const char *name)
{
	for (size_t i = 0; i < COUNT(sets); i++)
		if (strcmp(sets[i].name, name) == 0)
			set = &sets[i];
}

static int error_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
		{ "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EINTR", EINTR }, { "EMFILE", EMFILE },
		{ "EDQUOT", EDQUOT }, { "ENFILE", ENFILE },
	};

	for (size_t i = 0; i < COUNT(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	errno = EINVAL;
	give_up(name);
}

int main(int argc, char **argv)
{
	int opt, code;

	while ((opt = getopt(argc, argv, "+cn:kKe:as:do:")) != -1) {
		switch (opt) {
		case 'c': count_only = true; break;
		case 'n': wanted = atol(optarg); break;
		case 'k': kill_one = true; break;
		case 'K': kill_all = true; break;
		case 'e': error = error_of(optarg); break;
		case 'a': go_on = true; break;
		case 's': choose_set(optarg); break;
		case 'o': report = optarg; break;
		case 'd': detach = true; break;
		default: return 99;
		}
	}
	if (optind == argc)
		return 99;
	/* What the kernel has no parent for comes to us: nothing is left behind unseen. */
	if (!detach)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	code = trace(start(argv + optind));
	if (count_only)
		fprintf(stderr, "inject: %ld\n", seen);
	return code;
}
