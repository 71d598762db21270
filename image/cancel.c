#include "image/cancel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

int cancel_init(struct cancel *ret, int listener, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	*ret = (struct cancel){
		.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.stopped = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.listener = listener,
	};
	if (ret->signals < 0 || ret->stopped < 0)
		return err_sys(err, "cannot prepare for signals");
	return 0;
}

void cancel_done(struct cancel *c)
{
	close(c->signals);
	close(c->stopped);
}

void cancel_now(const struct cancel *c)
{
	eventfd_write(c->stopped, 1);
}

void cancel_reset(const struct cancel *c)
{
	eventfd_t ignored;

	eventfd_read(c->stopped, &ignored);
}

bool cancel_wanted(const struct cancel *c)
{
	return cancel_sleep(c, 0);
}

bool cancel_sleep(const struct cancel *c, int ms)
{
	/* No event of the listener's is asked for: an error is told without. */
	struct pollfd p[3] = {
		{ .fd = c ? c->signals : -1, .events = POLLIN },
		{ .fd = c ? c->stopped : -1, .events = POLLIN },
		{ .fd = c ? c->listener : -1 },
	};

	return poll(p, 3, ms) > 0;
}

bool cancel_from_outside(const struct cancel *c)
{
	struct pollfd p[2] = { { .fd = c->signals, .events = POLLIN }, { .fd = c->listener } };

	return poll(p, 2, 0) > 0;
}

int cancel_err(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "interrupted");
}
