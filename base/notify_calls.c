#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/notify_loop.h"

#define IOCTL(number) { SYS_ioctl, FILTER_ALLOW, { { 1, UINT32_MAX, (uint32_t)(number) } } }

static const struct filter_rule rules[] = {
	/* Calls, and who makes them. */
	IOCTL(SECCOMP_IOCTL_NOTIF_RECV),
	IOCTL(SECCOMP_IOCTL_NOTIF_SEND),
	IOCTL(SECCOMP_IOCTL_NOTIF_ID_VALID),
	IOCTL(SECCOMP_IOCTL_NOTIF_ADDFD),
	IOCTL(SECCOMP_IOCTL_NOTIF_SET_FLAGS),
	{ SYS_pidfd_open, FILTER_ALLOW },
	{ SYS_pidfd_getfd, FILTER_ALLOW },
	{ SYS_process_vm_readv, FILTER_ALLOW },
	{ SYS_process_vm_writev, FILTER_ALLOW },
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait, FILTER_ALLOW },
#endif
	{ SYS_epoll_pwait, FILTER_ALLOW },
	{ SYS_epoll_ctl, FILTER_ALLOW },
#ifdef SYS_poll
	{ SYS_poll, FILTER_ALLOW },
#endif
	{ SYS_ppoll, FILTER_ALLOW },
	{ SYS_setitimer, FILTER_ALLOW }, /* base/guard.h */

	/* Further listeners, by a door. */
	{ SYS_accept4, FILTER_ALLOW },
	{ SYS_recvmsg, FILTER_ALLOW },
	{ SYS_sendmsg, FILTER_ALLOW },

	/* /proc, and descriptors. */
	{ SYS_openat, FILTER_ALLOW, { { 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY } } },
	{ SYS_read, FILTER_ALLOW },
	{ SYS_lseek, FILTER_ALLOW },
	{ SYS_newfstatat, FILTER_ALLOW },
	{ SYS_fstat, FILTER_ALLOW },
#ifdef SYS_stat
	{ SYS_stat, FILTER_ALLOW },
#endif
	{ SYS_close, FILTER_ALLOW },
};

const struct filter_list notify_filter = { rules, ARRAY_SIZE(rules) };
