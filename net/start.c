#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "net/carrier.h"
#include "net/network.h"

int network_start(int frames, pid_t *ret_pid, int *ret_control, struct err *err)
{
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

	const char *const argv[] = { program, NULL };
	const struct fd_map fds[] = {
		{ theirs, CARRIER_CONTROL },
		{ frames, CARRIER_FRAMES },
		FD_MAP_END,
	};
	if (proc_spawn(argv, fds, ret_pid, err) < 0)
		return err_wrap(err, "cannot start the network");
	*ret_control = fd_take(&ours);
	return 0;
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
