/*
 * tiffin-net: carries the frames of one container's interface. Started by network_start() only,
 * with the control socket, the frames and the sockets of published ports at fixed descriptors; says
 * one struct err on the first (of kind ERR_NONE when frames are being carried), and prints nothing.
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

static int prepare_ports(const struct network_config *config, int n_ports, char *const *ports,
			 struct carrier **ret, struct err *err)
{
	int dns = -1;
	const struct confinement confinement = {
		/* One more: while a listening socket moves, it has two numbers. */
		.last = n_ports ? CARRIER_PORTS + n_ports : CARRIER_FRAMES,
		.accepts = n_ports > 0,
		.dns = &dns,
	};

	if (carrier_new(config, CARRIER_CONTROL, CARRIER_FRAMES, ret, err) < 0)
		return -1;
	for (int i = 0; i < n_ports; i++)
		if (carrier_publish(*ret, CARRIER_PORTS + i, (uint16_t)strtoul(ports[i], NULL, 10),
				    err) < 0)
			return -1;
	if (confine(&confinement, err) < 0)
		return -1;
	carrier_follow_dns(*ret, dns);
	return 0;
}

/*
 * argv: the words of a struct network_config; then ports, one for each socket from CARRIER_PORTS
 * on, whose names have no '='.
 */
static int prepare(char *const *argv, struct carrier **ret, struct err *err)
{
	struct network_config config;
	char *const *ports = argv;
	int n_ports = 0;

	network_config_init(&config);
	for (; *ports && strchr(*ports, '='); ports++)
		if (network_config_set(&config, *ports, err) < 0)
			return -1;
	while (ports[n_ports])
		n_ports++;
	return prepare_ports(&config, n_ports, ports, ret, err);
}

int main(int argc, char **argv)
{
	static const char by_hand[] = "tiffin-net is started by tiffin, not by hand.\n";
	struct err err = { .kind = ERR_NONE };
	struct carrier *c = NULL;

	if (argc < 1 || fcntl(CARRIER_CONTROL, F_GETFD) < 0 || fcntl(CARRIER_FRAMES, F_GETFD) < 0) {
		(void)!write(STDERR_FILENO, by_hand, sizeof(by_hand) - 1);
		return 2;
	}
	forget_environment();
	signal(SIGPIPE, SIG_IGN); /* libslirp's sends to sockets whose peer has gone */
	if (prepare(argv + 1, &c, &err) < 0) {
		say(&err);
		return EXIT_FAILURE;
	}
	say(&err);
	carrier_run(c);
	/* In this order: the end of the control socket says that the ports are free. */
	carrier_free(c);
	close(CARRIER_CONTROL);
	/* Not exit(3): nothing is left to flush, and a leak checker would fork to look. */
	_exit(EXIT_SUCCESS);
}
