/*
 * Programs of a page: no C library where we know how to call the kernel, whose start takes longer
 * than all that they do, and holds more memory. Elsewhere they are linked with it, statically.
 *
 * No thread's memory either, then, where a guard of the stack could be (Makefile: BARE).
 */
#ifndef RUNTIME_KERNEL_H
#define RUNTIME_KERNEL_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The result, or -errno. */
static inline long kernel(long nr, long a, long b, long c, long d)
{
#ifdef __x86_64__
	register long fourth __asm__("r10") = d;
	long result = nr;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return result;
#else
	long result = syscall(nr, a, b, c, d);

	return result < 0 ? -errno : result;
#endif
}

/*
 * int run(int argc, char **argv) as what the program does. The kernel leaves argc at the stack's
 * top, argv above it, and behind its NULL the environment.
 */
#ifdef __x86_64__
#define PROGRAM(run)                                              \
	_Noreturn void start(long *stack);                        \
	_Noreturn void start(long *stack)                         \
	{                                                         \
		const int code = run((int)stack[0], (char **)(stack + 1)); \
                                                                  \
		kernel(SYS_exit_group, code, 0, 0, 0);            \
		kernel(SYS_exit, code, 0, 0, 0);                  \
		__builtin_trap();                                 \
	}                                                         \
	__asm__(".globl _start\n"                                 \
		"_start:\n"                                       \
		"	xor %ebp, %ebp\n"                         \
		"	mov %rsp, %rdi\n"                         \
		"	and $-16, %rsp\n"                         \
		"	call start\n")
#else
#define PROGRAM(run)                       \
	int main(int argc, char **argv)    \
	{                                  \
		return run(argc, argv);    \
	}                                  \
	_Static_assert(1, "")
#endif

#endif
