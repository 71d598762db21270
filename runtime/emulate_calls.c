#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "runtime/emulate.h"

static const struct filter_rule emulating[] = {
	/* Who a process is. */
	{ SYS_prlimit64, FILTER_ALLOW, { { 1, UINT32_MAX, RLIMIT_LOCKS } } },
	{ SYS_getsockopt, FILTER_ALLOW,
	  { { 1, UINT32_MAX, SOL_SOCKET }, { 2, UINT32_MAX, SO_PEERCRED } } },

	/* Files, as a caller sees them, and whose they are. */
	{ SYS_openat2, FILTER_ALLOW },
	{ SYS_fchdir, FILTER_ALLOW },
	{ SYS_chroot, FILTER_ALLOW },
	{ SYS_statx, FILTER_ALLOW },
#ifdef SYS_readlink
	{ SYS_readlink, FILTER_ALLOW },
#endif
	{ SYS_readlinkat, FILTER_ALLOW },
	{ SYS_getxattr, FILTER_ALLOW },
	{ SYS_setxattr, FILTER_ALLOW },
	{ SYS_removexattr, FILTER_ALLOW },
	{ SYS_fchownat, FILTER_ALLOW },
	{ SYS_write, FILTER_ALLOW }, /* to the list of owners */
	{ SYS_timerfd_settime, FILTER_ALLOW },

	/* As of namespaces that we are in: we go into no others. */
	{ SYS_setns, FILTER_REFUSE(EINVAL) },
};

const struct filter_list emulate_filter = { emulating, ARRAY_SIZE(emulating) };
