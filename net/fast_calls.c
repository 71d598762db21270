#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "net/fast.h"
#include "net/fast_table.h"

#define ARG(n, value) { (n), UINT32_MAX, (uint32_t)(value) }
#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

static const struct filter_rule supervising[] = {
	/* What /proc does not say. */
	{ SYS_ioctl, FILTER_ALLOW, { ARG(1, SIOCGIFCONF) } },
	{ SYS_ioctl, FILTER_ALLOW, { ARG(1, SIOCGIFNETMASK) } },
	{ SYS_ioctl, FILTER_ALLOW, { ARG(1, FAST_PIDFD_GET_INFO) } },
	{ SYS_epoll_create1, FILTER_ALLOW },
	{ SYS_timerfd_create, FILTER_ALLOW },
	{ SYS_timerfd_settime, FILTER_ALLOW },

	/* Sockets: none with an abstract name, nor of another kind that the host has. */
	{ SYS_socket, FILTER_ALLOW, { ARG(0, AF_INET), { 1, 15, SOCK_STREAM } } },
	{ SYS_socket, FILTER_ALLOW, { ARG(0, AF_INET6), { 1, 15, SOCK_STREAM } } },
	{ SYS_connect, FILTER_ALLOW },
	{ SYS_bind, FILTER_ALLOW },
	{ SYS_listen, FILTER_ALLOW },
	{ SYS_shutdown, FILTER_ALLOW },
	{ SYS_getsockname, FILTER_ALLOW },
	{ SYS_getpeername, FILTER_ALLOW },
	{ SYS_getsockopt, FILTER_ALLOW },
	{ SYS_setsockopt, FILTER_ALLOW },

	/* /proc, and descriptors. */
	{ SYS_pread64, FILTER_ALLOW },
	{ SYS_readlinkat, FILTER_ALLOW },
	{ SYS_getdents64, FILTER_ALLOW },
	{ SYS_faccessat, FILTER_ALLOW },
#ifdef SYS_access
	{ SYS_access, FILTER_ALLOW },
#endif
	{ SYS_fcntl, FILTER_ALLOW },
	{ SYS_dup3, FILTER_ALLOW },
	{ SYS_close_range, FILTER_ALLOW },

	/* Children: one that makes sockets of the container's namespace, and net/fast_unix.c's callers. */
	{ SYS_clone, FILTER_ALLOW, { { 0, NAMESPACES, 0 } } },
	{ SYS_clone3, FILTER_REFUSE(ENOSYS) },
	{ SYS_wait4, FILTER_ALLOW },
	{ SYS_waitid, FILTER_ALLOW },
	{ SYS_set_robust_list, FILTER_ALLOW },
	{ SYS_pipe2, FILTER_ALLOW },
	{ SYS_write, FILTER_ALLOW },
	{ SYS_setns, FILTER_ALLOW, { ARG(1, CLONE_NEWNET) } },
	{ SYS_setns, FILTER_REFUSE(EINVAL) }, /* as of the user namespace that we are in */
	{ SYS_fchdir, FILTER_ALLOW },
	{ SYS_chroot, FILTER_ALLOW },
	{ SYS_setgroups, FILTER_ALLOW },
	{ SYS_setresgid, FILTER_ALLOW },
	{ SYS_setresuid, FILTER_ALLOW },
	{ SYS_capget, FILTER_ALLOW },
	{ SYS_capset, FILTER_ALLOW },
	{ SYS_prctl, FILTER_ALLOW, { ARG(0, PR_SET_KEEPCAPS) } },
	{ SYS_prctl, FILTER_ALLOW, { ARG(0, PR_SET_PDEATHSIG) } },
	{ SYS_prctl, FILTER_REFUSE(EINVAL) },
};

static const struct filter_rule no_sockets[] = { { SYS_socket, FILTER_REFUSE(EACCES) } };

const struct filter_list fast_filter_inside = { no_sockets, ARRAY_SIZE(no_sockets) };
const struct filter_list fast_filter = { supervising, ARRAY_SIZE(supervising) };
