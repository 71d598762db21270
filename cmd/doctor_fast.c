/*
 * Does TCP go past a container's interface (net/fast.h)? One connection is made so, to this
 * machine.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "cmd/doctor.h"
#include "net/fast.h"
#include "net/fast_socket.h"
#include "net/network.h"
#include "runtime/supervisor.h"
#include "runtime/sync.h"

#define PATIENCE_MS 10000

static const struct outcome {
	int error;
	const char *text;
} outcomes[] = {
	{ EOPNOTSUPP, "the kernel lacks SO_NETNS_COOKIE (Linux 5.14)" },
	{ EBUSY,
	  "calls can't be supervised: they are already, as in a container, or the kernel can't" },
	{ ENETDOWN, "a container's interface can't be made" },
	{ ENOTCONN, "a connection stayed the container's own" },
	{ ETIMEDOUT, "a call was not answered" },
};

/* Where a connection is to lead: to ourselves, by an address that is not loopback's. */
static int listen_here(int *ret_sock, union fast_address *ret)
{
	CLEAN(clean_fd) int sock = fast_socket_new(AF_INET);
	socklen_t len = sizeof(ret->in);
	char text[NETWORK_TEXT_MAX];

	*ret = (union fast_address){ .in = { .sin_family = AF_INET } };
	if (!network_host_address(text) || inet_pton(AF_INET, text, &ret->in.sin_addr) != 1)
		return EADDRNOTAVAIL;
	if (sock < 0 || bind(sock, &ret->any, len) < 0 || listen(sock, 1) < 0 ||
	    getsockname(sock, &ret->any, &len) < 0)
		return errno;
	*ret_sock = fd_take(&sock);
	return 0;
}

/* The container. */
static int connect_inside(int sync, const union fast_address *to)
{
	const struct notify_call *calls;
	struct network_config config;
	int listener, sock, frames;
	uint64_t own;
	size_t n;

	network_config_init(&config);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return errno;
	/* Nobody carries its frames: no connection goes by it. */
	if (network_loopback_up(NULL) < 0 || network_interface_up(&config, &frames, NULL) < 0)
		return ENETDOWN;
	/* As one is that has executed a program there. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	calls = fast_calls(false, &n);
	if (notify_install(calls, n, &listener, NULL) < 0)
		return EBUSY;
	if (sync_send(sync, SYNC_CALLS, listener, NULL) < 0)
		return errno;
	close(listener);
	sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	own = fast_socket_namespace(sock);
	if (connect(sock, &to->any, sizeof(to->in)) < 0 || fast_socket_namespace(sock) == own)
		return ENOTCONN;
	return 0;
}

static int prepare(void *arg, struct notify_loop *loop, int init, struct err *err)
{
	struct fast_options options = { .init = init, .n_spare = 1, .box = -1 };

	network_config_init(&options.config);
	return fast_add(loop, &options, arg, err);
}

static int watch(int sync, int pidfd, void *shared)
{
	const struct supervision s = { .prepare = prepare, .door = -1, .arg = shared };
	struct supervisor v = SUPERVISOR_INIT;
	int listener = -1, result = 0;

	/* Without a listener it has ended, and says why. */
	if (sync_expect(sync, SYNC_CALLS, &listener, NULL, NULL) == 0 &&
	    supervisor_start(&s, listener, pidfd, false, &v, NULL) < 0)
		return EAGAIN;
	if (pidfd_wait(pidfd, PATIENCE_MS) < 0)
		result = ETIMEDOUT;
	supervisor_done(&v);
	return result;
}

static int try_fast(void)
{
	void *shared = mmap(NULL, fast_shared_size(), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CLEAN(clean_fd) int sock = -1;
	CLEAN(clean_fd) int pidfd = -1;
	CLEAN(clean_fd) int ours = -1;
	CLEAN(clean_fd) int theirs = -1;
	union fast_address here;
	int error = listen_here(&sock, &here);
	pid_t pid;

	if (error)
		return error;
	if (!fast_possible())
		return EOPNOTSUPP;
	if (shared == MAP_FAILED || sync_pair(&ours, &theirs, NULL) < 0)
		return errno;
	pid = fork();
	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(connect_inside(theirs, &here));
	close(fd_take(&theirs));
	pidfd = pidfd_open(pid, 0);
	error = watch(ours, pidfd, shared);
	kill(pid, SIGKILL);
	return error ? error : proc_reap(pid);
}

void doctor_fast(struct tiffin *t, struct finding *f)
{
	int error = doctor_try(try_fast);
	const char *text = strerror(error);

	(void)t;
	if (error == 0) {
		finding_ok(f, "TCP runs on sockets of the host's own");
		return;
	}
	if (error == EADDRNOTAVAIL) {
		finding_ok(f, "not tried: this machine has no address but loopback's");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (outcomes[i].error == error)
			text = outcomes[i].text;
	finding_bad(f, FINDING_LIMITED, "%s", text);
	finding_follows(f, "TCP goes by the container's interface, as with --network slirp");
}
