#include "runtime/execute.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "execute-program.h" /* made of runtime/inside/execute.c: static const unsigned char program_bytes[] */

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

#define ERRNO_MAX 4095 /* as the kernel has it */

static int make_memfd(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("tiffin-execute", flags | MFD_EXEC);

	/* Kernels before 6.3 know no such flag, and make them so. */
	return fd < 0 && errno == EINVAL ? memfd_create("tiffin-execute", flags) : fd;
}

int execute_prepare(int *ret_program, struct err *err)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	CLEAN(clean_fd) int fd = make_memfd();
	bool forbidden = fd < 0 && errno == EACCES;

	if (fd < 0) {
		err_sys(err, "cannot make an executable file in memory");
		return forbidden ? err_hint(err, "sysctl vm.memfd_noexec=2 forbids it; 1 does not") : -1;
	}
	if (write_all(fd, (const char *)program_bytes, sizeof(program_bytes), err) < 0)
		return err_wrap(err, "cannot make an executable file in memory");
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return err_sys(err, "cannot seal a file in memory");
	*ret_program = fd_take(&fd);
	return 0;
}

int execute(int program, int report, const struct strv *args, const struct strv *env,
	    struct err *err)
{
	CLEAN(strv_done) struct strv own = { 0 };

	strv_add(&own, "tiffin-execute");
	strv_addf(&own, "%d", report);
	for (size_t i = 0; i < args->n; i++)
		strv_add(&own, args->v[i]);
	if (fcntl(report, F_SETFD, 0) == 0)
		syscall(SYS_execveat, program, "", own.v, env->v, AT_EMPTY_PATH);
	err_sys(err, "cannot execute '%s'", args->v[0]);
	if (err->sys == EPERM || err->sys == ENOSYS)
		err_hint(err, "a seccomp profile must allow execveat, execve and fcntl");
	return 126;
}

int execute_await(int report, const char *program, int *ret_exit_code, struct err *err)
{
	int sys = 0;
	ssize_t n;
	bool missing;

	do
		n = read(report, &sys, sizeof(sys));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(sys) || sys <= 0 || sys > ERRNO_MAX)
		sys = EBADMSG;
	missing = sys == ENOENT || sys == ENOTDIR;
	*ret_exit_code = missing ? 127 : 126;
	errno = sys;
	return err_sys(err, missing && !strchr(program, '/') ?
				    "executable file '%s' not found in $PATH" :
				    "cannot execute '%s'", program);
}
