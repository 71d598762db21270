/*
 * tiffin-init: the first process of a container made with --init. It reaps whoever is orphaned in
 * the container, forwards the signals that it gets to the program, and ends as that ends: the
 * kernel then ends what is left (pid_namespaces(7)).
 *
 *	tiffin-init PID PROGRAM [ARG…]
 *
 * The program is a child of ours already (runtime/init.c), whose number here is PID; its name and
 * arguments are there for ps(1) alone. Every signal is blocked when we start, so that none is lost.
 *
 * Linked statically, and executed from a mount that can't be written to: all of the container's
 * users can open /proc/1/exe, and nothing of tiffin's own is behind it (CVE-2019-5736).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Does not return where the program is among them. */
static void reap(pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	pid_t program = argc > 2 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
	sigset_t all;
	int sig;

	if (program <= 1)
		return 125;
	prctl(PR_SET_NAME, "tiffin-init");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (;;) {
		reap(program);
		sig = sigwaitinfo(&all, NULL);
		if (sig > 0 && sig != SIGCHLD)
			kill(program, sig);
		else if (sig < 0 && errno != EINTR)
			return 125;
	}
}
