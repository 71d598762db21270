/*
 * tiffin-net: carries the frames of one container's interface. Started by network_start() only,
 * with the control socket and the frames at fixed descriptors; says one struct err on the former
 * (of kind ERR_NONE when frames are being carried), and prints nothing.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "net/carrier.h"
#include "net/confine.h"

/* Tokens and passwords are often there. What is not in this process can't be got out of it. */
static void forget_environment(void)
{
	for (char **entry = environ; *entry; entry++)
		explicit_bzero(*entry, strlen(*entry));
	environ = NULL;
}

static void say(const struct err *err)
{
	/* Whether anybody listens makes no difference: the end of the socket is noticed later. */
	(void)!send(CARRIER_CONTROL, err, sizeof(*err), MSG_NOSIGNAL);
}

static int prepare(struct carrier **ret, struct err *err)
{
	if (carrier_new(CARRIER_CONTROL, CARRIER_FRAMES, ret, err) < 0)
		return -1;
	return confine(CARRIER_FRAMES, err);
}

int main(void)
{
	static const char by_hand[] = "tiffin-net is started by tiffin, not by hand.\n";
	struct err err = { .kind = ERR_NONE };
	struct carrier *c = NULL;

	if (fcntl(CARRIER_CONTROL, F_GETFD) < 0 || fcntl(CARRIER_FRAMES, F_GETFD) < 0) {
		(void)!write(STDERR_FILENO, by_hand, sizeof(by_hand) - 1);
		return 2;
	}
	forget_environment();
	signal(SIGPIPE, SIG_IGN); /* libslirp's sends to sockets whose peer has gone */
	if (prepare(&c, &err) < 0) {
		say(&err);
		return EXIT_FAILURE;
	}
	say(&err);
	carrier_run(c);
	carrier_free(c);
	/* Not exit(3): nothing is left to flush, and a leak checker would fork to look for leaks. */
	_exit(EXIT_SUCCESS);
}
