/*
 * Theory of operation
 *
 * The rules below become a classic BPF program: the architecture is checked, then the number of the
 * system call is compared with each rule in turn, and where a rule looks at an argument, that as
 * well. The first rule that matches decides; where none does, the process is killed. The kernel
 * works out once which calls are allowed whatever their arguments (5.11), so that the length of the
 * list costs nothing at run time.
 *
 * It is written as data and assembled here, and not with libseccomp, because loading that library
 * costs more time and memory than all of tiffin-net's own code.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "net/confine.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#else
#error "tiffin-net has no system call filter for this architecture: add it here"
#endif

#define ALLOW	    SECCOMP_RET_ALLOW
#define REFUSE(err) (SECCOMP_RET_ERRNO | (err))

/* Matches the system call nr, if (argument[arg] & mask) == value; a mask of 0 matches always. */
struct rule {
	long nr;
	uint32_t action;
	uint32_t arg, mask, value;
};

#define ANY 0, 0, 0

static const struct rule rules[] = {
	/* Frames and connections. */
	{ SYS_read, ALLOW, ANY },
	{ SYS_write, ALLOW, ANY },
	{ SYS_recvfrom, ALLOW, ANY },
	{ SYS_recvmsg, ALLOW, ANY }, /* ICMP errors of UDP sockets */
	{ SYS_sendto, ALLOW, ANY },
	{ SYS_sendmsg, ALLOW, ANY },
#ifdef SYS_poll
	{ SYS_poll, ALLOW, ANY },
#endif
	{ SYS_ppoll, ALLOW, ANY },
	{ SYS_close, ALLOW, ANY },
	{ SYS_shutdown, ALLOW, ANY },
	{ SYS_connect, ALLOW, ANY },
	{ SYS_bind, ALLOW, ANY },
	{ SYS_getsockname, ALLOW, ANY },
	{ SYS_getpeername, ALLOW, ANY },
	{ SYS_getsockopt, ALLOW, ANY },
	{ SYS_setsockopt, ALLOW, ANY },
	{ SYS_fcntl, ALLOW, ANY },
	{ SYS_ioctl, ALLOW, 1, UINT32_MAX, FIONREAD },
	{ SYS_ioctl, ALLOW, 1, UINT32_MAX, FIONBIO },
	{ SYS_ioctl, REFUSE(ENOTTY), ANY },
	/*
	 * The host's network namespace holds Unix sockets with abstract names, and netlink. glibc
	 * asks for the former to look up an interface's index, so it is refused, not fatal.
	 */
	{ SYS_socket, ALLOW, 0, UINT32_MAX, AF_INET },
	{ SYS_socket, ALLOW, 0, UINT32_MAX, AF_INET6 },
	{ SYS_socket, REFUSE(EAFNOSUPPORT), ANY },

	/* /etc/resolv.conf, the only file there is. It is written by a descriptor. */
	{ SYS_pwrite64, ALLOW, ANY },
	{ SYS_ftruncate, ALLOW, ANY },
	{ SYS_openat, ALLOW, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ SYS_openat, REFUSE(EACCES), ANY },
	{ SYS_newfstatat, ALLOW, ANY },
	{ SYS_fstat, ALLOW, ANY },
#ifdef SYS_stat
	{ SYS_stat, ALLOW, ANY },
#endif
	{ SYS_lseek, ALLOW, ANY },

	/* Memory, never executable, and time. */
	{ SYS_brk, ALLOW, ANY },
	{ SYS_mmap, ALLOW, 2, PROT_EXEC, 0 },
	{ SYS_mremap, ALLOW, ANY },
	{ SYS_munmap, ALLOW, ANY },
	{ SYS_madvise, ALLOW, ANY },
	{ SYS_futex, ALLOW, ANY },
	{ SYS_getrandom, ALLOW, ANY },
	{ SYS_clock_gettime, ALLOW, ANY }, /* where the vDSO can't answer */
	{ SYS_gettimeofday, ALLOW, ANY },

	/* The end, and that of abort(3), so that a failed assertion looks like one. */
	{ SYS_restart_syscall, ALLOW, ANY },
	{ SYS_rt_sigreturn, ALLOW, ANY },
	{ SYS_rt_sigprocmask, ALLOW, ANY },
	{ SYS_rt_sigaction, ALLOW, ANY },
	{ SYS_getpid, ALLOW, ANY },
	{ SYS_gettid, ALLOW, ANY },
	{ SYS_tgkill, ALLOW, ANY },
	{ SYS_exit_group, ALLOW, ANY },
	{ SYS_exit, ALLOW, ANY },

#ifdef __SANITIZE_ADDRESS__
	/* AddressSanitizer's own, up to a report, which has to do without names of functions. */
	{ SYS_mprotect, ALLOW, ANY },
	{ SYS_sigaltstack, ALLOW, ANY },
	{ SYS_sched_yield, ALLOW, ANY },
	{ SYS_prlimit64, ALLOW, ANY },
	{ SYS_dup, ALLOW, ANY },
	{ SYS_readlinkat, REFUSE(EACCES), ANY },
	{ SYS_clone, REFUSE(EPERM), ANY },
	{ SYS_pipe2, REFUSE(EPERM), ANY },
#ifdef SYS_open
	{ SYS_open, REFUSE(EACCES), ANY },
	{ SYS_readlink, REFUSE(EACCES), ANY },
	{ SYS_pipe, REFUSE(EPERM), ANY },
#endif
#endif
};

/* Where there are published ports. */
static const struct rule accept_rules[] = {
	{ SYS_accept, ALLOW, ANY },
	{ SYS_accept4, ALLOW, ANY },
};

#define LOAD(field)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARG(arg) LOAD(args[arg])
#define RETURN(what)  BPF_STMT(BPF_RET | BPF_K, (what))
/* Falls through where A is value, and skips n instructions where it is not. */
#define UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, (n))

#define RULE_INSTRUCTIONS_MAX 6

/*
 * Only the low half of an argument is compared: those compared here are ints to the kernel, which
 * ignores the other half as well. (The registers' order in memory is little-endian on all of the
 * above.)
 */
static size_t assemble_rule(const struct rule *r, struct sock_filter *p)
{
	size_t n = 0;

	if (!r->mask) {
		p[n++] = (struct sock_filter)UNLESS(r->nr, 1);
		p[n++] = (struct sock_filter)RETURN(r->action);
		return n;
	}
	p[n++] = (struct sock_filter)UNLESS(r->nr, 5);
	p[n++] = (struct sock_filter)LOAD_ARG(r->arg);
	p[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, r->mask);
	p[n++] = (struct sock_filter)UNLESS(r->value, 1);
	p[n++] = (struct sock_filter)RETURN(r->action);
	p[n++] = (struct sock_filter)LOAD(nr);
	return n;
}

int filter_system_calls(bool accepts, struct err *err)
{
	struct sock_filter code[(ARRAY_SIZE(rules) + ARRAY_SIZE(accept_rules)) *
				RULE_INSTRUCTIONS_MAX + 5];
	struct sock_fprog program = { .filter = code };
	size_t n = 0;

	/* x32 shares x86-64's architecture, but its numbers have bit 30 set: no rule matches. */
	code[n++] = (struct sock_filter)LOAD(arch);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)LOAD(nr);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		n += assemble_rule(&rules[i], code + n);
	for (size_t i = 0; accepts && i < ARRAY_SIZE(accept_rules); i++)
		n += assemble_rule(&accept_rules[i], code + n);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	program.len = (unsigned short)n;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "cannot give up new privileges");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return err_sys(err, "cannot install the filter");
	return 0;
}
