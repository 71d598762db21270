#include "runtime/execute.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "execute-program.h" /* program_bytes[], made of runtime/inside/execute.c */
#include "runtime/program.h"

#define ERRNO_MAX 4095 /* as the kernel has it */

int execute_prepare(int *ret_program, struct err *err)
{
	return program_in_memory("tiffin-execute", program_bytes, sizeof(program_bytes),
				 ret_program, err);
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
