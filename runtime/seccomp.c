#include "runtime/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "profile.h" /* made by runtime/profile/compile.c: static struct sock_filter profile[] */

int seccomp_install(struct err *err)
{
	const struct sock_fprog program = {
		.len = ARRAY_SIZE(profile),
		.filter = (struct sock_filter *)profile,
	};

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_sys(err, "the system call filter");
	return 0;
}
