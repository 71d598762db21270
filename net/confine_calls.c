#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "net/confine.h"
#include "base/filter.h"

static const struct filter_rule carrying[] = {
	/* Frames and connections. */
	{ SYS_read, FILTER_ALLOW },
	{ SYS_write, FILTER_ALLOW },
	{ SYS_recvfrom, FILTER_ALLOW },
	{ SYS_recvmsg, FILTER_ALLOW }, /* ICMP errors of UDP sockets */
	{ SYS_sendto, FILTER_ALLOW },
	{ SYS_sendmsg, FILTER_ALLOW },
#ifdef SYS_poll
	{ SYS_poll, FILTER_ALLOW },
#endif
	{ SYS_ppoll, FILTER_ALLOW },
	{ SYS_close, FILTER_ALLOW },
	{ SYS_shutdown, FILTER_ALLOW },
	{ SYS_connect, FILTER_ALLOW },
	{ SYS_bind, FILTER_ALLOW },
	{ SYS_getsockname, FILTER_ALLOW },
	{ SYS_getpeername, FILTER_ALLOW },
	{ SYS_getsockopt, FILTER_ALLOW },
	{ SYS_setsockopt, FILTER_ALLOW },
	{ SYS_fcntl, FILTER_ALLOW },
	{ SYS_ioctl, FILTER_ALLOW, { { 1, UINT32_MAX, FIONREAD } } },
	{ SYS_ioctl, FILTER_ALLOW, { { 1, UINT32_MAX, FIONBIO } } },
	{ SYS_ioctl, FILTER_REFUSE(ENOTTY) },
	/*
	 * The host's network namespace holds Unix sockets with abstract names, and netlink. glibc
	 * asks for the former to look up an interface's index, so it is refused, not fatal.
	 */
	{ SYS_socket, FILTER_ALLOW, { { 0, UINT32_MAX, AF_INET } } },
	{ SYS_socket, FILTER_ALLOW, { { 0, UINT32_MAX, AF_INET6 } } },
	{ SYS_socket, FILTER_REFUSE(EAFNOSUPPORT) },

	/* /etc/resolv.conf, the only file there is. It is written by a descriptor. */
	{ SYS_pwrite64, FILTER_ALLOW },
	{ SYS_ftruncate, FILTER_ALLOW },
	{ SYS_openat, FILTER_ALLOW, { { 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY } } },
	{ SYS_openat, FILTER_REFUSE(EACCES) },
	{ SYS_newfstatat, FILTER_ALLOW },
	{ SYS_fstat, FILTER_ALLOW },
#ifdef SYS_stat
	{ SYS_stat, FILTER_ALLOW },
#endif
	{ SYS_lseek, FILTER_ALLOW },
};

/* Where there are published ports. */
static const struct filter_rule accepting[] = {
	{ SYS_accept, FILTER_ALLOW },
	{ SYS_accept4, FILTER_ALLOW },
};

int filter_system_calls(bool accepts, struct err *err)
{
	const struct filter_list lists[] = {
		{ carrying, ARRAY_SIZE(carrying) },
		filter_basics,
		{ accepting, ARRAY_SIZE(accepting) },
	};

	return filter_install(lists, accepts ? 3 : 2, err);
}
