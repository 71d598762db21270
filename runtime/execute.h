/*
 * How a container's program is executed: by a small one of ours between, whose file is no file of
 * the host's (runtime/inside/execute.c, which says why).
 *
 * Its descriptor is made by the parent, where the container's settings do not count, and it says on
 * a pipe what went wrong: a number, since by then the container's other processes have a hand on
 * it.
 */
#ifndef RUNTIME_EXECUTE_H
#define RUNTIME_EXECUTE_H

#include "base/err.h"
#include "base/str.h"

/* Parent. The program in between, in memory, unchangeable; the caller's. */
int execute_prepare(int *ret_program, struct err *err);

/*
 * Child, last of all. report: where a failure is told; it must have no other number up to 2.
 * Returns where the program in between can't be executed, with the exit code of that.
 */
int execute(int program, int report, const struct strv *args, const struct strv *env,
	    struct err *err);

/*
 * Parent, when the child has closed its sync socket: waits until the program is executed. On
 * failure *ret_exit_code is 127 where it is not there, else 126, as a shell has it.
 */
int execute_await(int report, const char *program, int *ret_exit_code, struct err *err);

#endif
