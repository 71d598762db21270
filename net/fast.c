/*
 * Theory of operation
 *
 * A call waits while we look at it. We copy its address, once, and a descriptor of its socket, and from
 * there on know what both are, whatever the container does to its memory and its table. A socket for an
 * address outside is made and connected here, with what was set on the container's, and is then put in
 * its place under every number, and into every epoll instance, where that was. The call is answered with
 * what the container's would have said. (The idea is bypass4netns's.)
 *
 * A call that blocks gets its socket at once, as well, and its answer when the connection stands: so
 * what a signal leaves behind is what it leaves on any socket, one that is connecting. If it fails, the
 * container's own socket is put back.
 *
 * What the container then holds is a socket of the host's network namespace, which could reach all that
 * the host can, its loopback first, if it could be connected once more. So it can't: such a socket stays
 * what the one connect(2) of ours made it. Whatever would bring it back to the state in which it can be
 * connected, or listen, comes by here: connect itself, shutdown of one that is connecting, and the
 * connect in the disguise of MSG_FASTOPEN, which nobody needs. Whatever makes a state of it that could
 * be used is answered by a socket of the container's own in its place.
 *
 * It follows that none of these calls may go on where it could be made on another socket by then. A
 * thread that is alone has a table that nobody changes while it waits, and its calls may go on. Those of
 * others are carried out by hand: on the copy, with the copied address (net/fast_unix.c for Unix sockets,
 * whose other end sees who connects). Processes that share a table and are not threads are refused.
 *
 * Published ports are the subject of net/fast_publish.c.
 *
 * UDP is not switched: nothing holds a socket's sendto(2) to one address.
 */
#include "net/fast.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "net/fast_confine.h"
#include "net/fast_publish.h"

static const struct notify_call calls[] = {
	{ SYS_connect },
	{ SYS_bind },
	{ SYS_shutdown },
	{ SYS_sendto, { { 3, MSG_FASTOPEN, MSG_FASTOPEN } } },
	{ SYS_sendmsg, { { 2, MSG_FASTOPEN, MSG_FASTOPEN } } },
	{ SYS_sendmmsg, { { 3, MSG_FASTOPEN, MSG_FASTOPEN } } },
	{ SYS_clone, { { 0, CLONE_FILES | CLONE_THREAD, CLONE_FILES } } },
	/* Of published ports: */
	{ SYS_listen },
	{ SYS_accept },
	{ SYS_accept4 },
	{ SYS_getpeername },
	{ SYS_getsockname },
};
#define CALLS_OF_PORTS 5

static ino_t network_of(pid_t pid)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof(path), "%d/ns/net", (int)pid);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/*
 * Who calls may have a network of its own: where users are emulated, those who share other namespaces have
 * the same supervisor.
 */
bool fast_is_foreign(const struct fast *f, const struct notification *n, const struct fast_socket *is)
{
	if (is->namespace == f->container)
		return false;
	return is->namespace == f->host || network_of(n->pid) == f->inside;
}

/* A directory for each thread: proc(5). */
bool fast_may_go_on(const struct notification *n)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof(path), "%d/task", (int)n->pid);
	return stat(path, &st) == 0 && st.st_nlink == 2 + 1;
}

static bool handle_call(const struct notification *n, void *arg)
{
	switch (n->data.nr) {
	case SYS_connect:
		return fast_connect(arg, n);
	case SYS_bind:
		return fast_bind(arg, n);
	case SYS_shutdown:
		fast_shutdown(arg, n);
		return true;
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
		/* As where the kernel was told to have no TCP Fast Open. */
		fast_answer(arg, n, EOPNOTSUPP, 0);
		return true;
	case SYS_listen:
		return fast_listen(arg, n);
	case SYS_accept:
	case SYS_accept4:
		return fast_accept(arg, n);
	case SYS_getpeername:
		return fast_getpeername(arg, n);
	case SYS_getsockname:
		return fast_getsockname(arg, n);
	case SYS_clone:
		fast_answer(arg, n, EPERM, 0);
		return true;
	default:
		return false;
	}
}

static bool handle(struct notify_loop *l, const struct notification *n, void *arg)
{
	bool answered = handle_call(n, arg);

	(void)l;
	fast_send_answers(arg);
	return answered;
}

const struct notify_call *fast_calls(bool published, size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(calls) - (published ? 0 : CALLS_OF_PORTS);
	return calls;
}

bool fast_possible(void)
{
	CLEAN(clean_fd) int sock = fast_socket_new(AF_INET);

	return sock >= 0 && fast_socket_namespace(sock) != 0;
}

/* The container's root may see us (--pid host), and is not to see more. */
static void protect(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	guard_prepare();
}

/* Where it adds the container's epoll instances' sockets, their numbers are the container's. */
static void raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* Ports that are not to be shared are tiffin-net's alone. */
static void read_ports(struct fast *f)
{
	const struct network_config *c = &f->options.config;

	f->ports = xcalloc(f->options.n_ports + 1, sizeof(*f->ports));
	for (size_t i = 0; i < f->options.n_ports && f->n_ports < FAST_PORTS_MAX; i++) {
		const struct network_port *from = &f->options.ports[i];
		struct fast_port p = { .fast = f, .sock = -1 };

		if (!from->shared || from->udp || !network_port_address(from, &p.address.room))
			continue;
		p.inside.any.sa_family = p.address.any.sa_family;
		p.inside.in.sin_port = htons(from->container);
		if (p.address.any.sa_family == AF_INET)
			p.inside.in.sin_addr = c->address;
		else
			p.inside.in6.sin6_addr = c->address6;
		f->ports[f->n_ports++] = p;
	}
}

/* Where there is no IPv6, nobody asks for it. */
static void read_fresh(struct fast *f)
{
	for (int i = 0; i < 2; i++) {
		CLEAN(clean_fd) int sock = fast_socket_new(i ? AF_INET6 : AF_INET);

		if (sock >= 0)
			fast_socket_read(sock, &f->fresh[i]);
	}
}

static bool may_look_at(int pidfd)
{
	CLEAN(clean_fd) int fd = pidfd_getfd(pidfd, 0, 0);

	return fd >= 0 || errno == EBADF;
}

/* In the child, until we close our end. */
static _Noreturn void be_looked_at(int end)
{
	char byte = 0;

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (write(end, &byte, 1) == 1)
		(void)!read(end, &byte, 1);
	_exit(0);
}

static int may_look_at_child(bool *ret)
{
	CLEAN(clean_fd) int pidfd = -1;
	CLEAN(clean_fd) int ours = -1;
	int ends[2];
	pid_t pid;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	ours = ends[0];
	pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	if (pid == 0) {
		close(fd_take(&ours));
		be_looked_at(ends[1]);
	}
	close(ends[1]);
	if (pid < 0)
		return -1;
	*ret = read(ours, &byte, 1) == 1 && may_look_at(pidfd);
	close(fd_take(&ours));
	proc_reap(pid);
	return 0;
}

/*
 * Where Yama, or another module, lets nobody, not a single call could be looked at. The container's first
 * process is no witness of that, if it is one that nobody may look at: it may execute what it can't read.
 */
static int may_look(int init, bool *ret)
{
	*ret = may_look_at(init);
	return *ret ? 0 : may_look_at_child(ret);
}

/* "Pid:", as who reads it has it. */
static pid_t pid_of(int pidfd)
{
	char path[40], line[64];
	int pid = 0;

	snprintf(path, sizeof(path), "self/fdinfo/%d", pidfd);
	{
		CLEAN(clean_file) FILE *file = fopen(path, "re");

		while (pid <= 0 && file && fgets(line, sizeof(line), file))
			sscanf(line, "Pid: %d", &pid);
	}
	return pid;
}

size_t fast_shared_size(void)
{
	return sizeof(struct fast_shared);
}

int fast_add(struct notify_loop *loop, const struct fast_options *options, struct fast_shared *shared,
	     struct err *err)
{
	CLEAN(clean_fd) int probe = fast_socket_new(AF_INET);
	struct fast *f = xcalloc(1, sizeof(*f));
	bool possible;

	protect();
	raise_limit();
	if (chdir("/proc") < 0)
		return err_sys(err, "cannot enter '/proc'");
	if (may_look(options->init, &possible) < 0)
		return err_sys(err, "cannot find out who may be looked at");
	if (!possible) {
		free(f);
		return 0;
	}
	f->loop = loop;
	f->options = *options;
	f->shared = shared;
	f->host = fast_socket_namespace(probe);
	f->inside = network_of(pid_of(options->init));
	/* From here on no call may go on that was not looked at: the container may have a socket already. */
	if (!f->host || fast_spares_make(f) < 0)
		return err_sys(err, "cannot make sockets for the container");
	if (options->confined && fast_confine(options->init, err) < 0)
		return -1;
	f->container = fast_socket_namespace(f->spare[0].v[0]);
	read_fresh(f);
	read_ports(f);
	if (fast_accept_prepare(f) < 0 || fast_wait_prepare(f) < 0)
		return err_sys(err, "cannot make an epoll instance or a timer");
	fast_ports_open_again(f);
	notify_loop_handle(loop, handle, f); /* until we end */
	return 0;
}
