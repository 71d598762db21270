#include "base/guard.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* How long a call that must not block may, where the container changes a socket meanwhile. */
#define BLOCKED_US 50000

static void on_alarm(int sig)
{
	(void)sig; /* it ends a call that should not have blocked */
}

void guard_prepare(void)
{
	const struct sigaction alarm = { .sa_handler = on_alarm };
	sigset_t set;

	sigaction(SIGALRM, &alarm, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Again and again: the first may come before the call has begun. */
void guard(bool on)
{
	const struct timeval when = { .tv_usec = on ? BLOCKED_US : 0 };
	const struct itimerval t = { when, when };

	setitimer(ITIMER_REAL, &t, NULL);
}

void guard_close(int *fd)
{
	if (*fd < 0)
		return;
	guard(true);
	close(fd_take(fd));
	guard(false);
}
