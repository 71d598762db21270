#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/str.h"
#include "net/carrier.h"
#include "net/network.h"

/* How long tiffin-net may take to let go of the ports. */
#define STOP_MS 1000

/* The sockets follow the fixed descriptors; each argument is the port that one of them leads to. */
static void hand_down(const struct network_port *ports, size_t n, struct strv *argv,
		      struct fd_map *fds)
{
	int bound = 0;

	for (size_t i = 0; i < n; i++) {
		if (ports[i].sock < 0)
			continue;
		strv_addf(argv, "%u", ports[i].container);
		fds[bound] = (struct fd_map){ ports[i].sock, CARRIER_PORTS + bound };
		bound++;
	}
	fds[bound] = (struct fd_map)FD_MAP_END;
}

int network_start(int frames, const struct strv *config, const struct network_port *ports,
		  size_t n_ports, pid_t *ret_pid, int *ret_control, struct err *err)
{
	CLEAN(clean_free) struct fd_map *fds = xcalloc(n_ports + 3, sizeof(*fds));
	CLEAN(strv_done) struct strv argv = { 0 };
	CLEAN(clean_free) char *program = NULL;
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	int pair[2];

	if (helper_path("tiffin-net", &program, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "cannot make a socket pair for tiffin-net");
	ours = pair[0];
	theirs = pair[1];

	fds[0] = (struct fd_map){ theirs, CARRIER_CONTROL };
	fds[1] = (struct fd_map){ frames, CARRIER_FRAMES };
	strv_add(&argv, program);
	for (size_t i = 0; i < config->n; i++)
		strv_add(&argv, config->v[i]);
	hand_down(ports, n_ports, &argv, fds + 2);
	if (proc_spawn((const char *const *)argv.v, fds, ret_pid, err) < 0)
		return err_wrap(err, "cannot start the network");
	*ret_control = fd_take(&ours);
	return 0;
}

void network_stop(int control, pid_t pid)
{
	struct pollfd p = { .fd = control, .events = 0 };
	siginfo_t ended;

	shutdown(control, SHUT_WR);
	poll(&p, 1, STOP_MS);
	kill(pid, SIGKILL);
	/* What took too long to let go of the ports has them until it is dead. */
	while (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
}

int network_await(int control, struct err *err)
{
	struct err said;
	ssize_t n;

	do
		n = recv(control, &said, sizeof(said), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot hear of tiffin-net");
	if (n != sizeof(said))
		return err_set(err, ERR_NETWORK, "tiffin-net ended before the network was up");
	if (said.kind == ERR_NONE)
		return 0;
	said.text[sizeof(said.text) - 1] = '\0';
	said.hint[sizeof(said.hint) - 1] = '\0';
	if (err)
		*err = said;
	return err_wrap(err, "cannot start the network");
}
