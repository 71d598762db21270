/*
 * Theory of operation
 *
 * Rules become a classic BPF program: the architecture is checked, then the number of the system call is
 * compared with each rule in turn, and where a rule looks at arguments, those as well. The first rule that
 * matches decides; where none does, the process is killed. The kernel works out once which calls are
 * allowed whatever their arguments (5.11), so that the length of the list costs nothing at run time.
 *
 * They are written as data and assembled here, and not with libseccomp, because loading that library
 * costs more time and memory than all of tiffin-net's own code.
 */
#include "base/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/str.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#else
#error "there is no system call filter for this architecture: add it here"
#endif

static const struct filter_rule basics[] = {
	{ SYS_brk, FILTER_ALLOW },
	{ SYS_mmap, FILTER_ALLOW, { { 2, PROT_EXEC, 0 } } },
	{ SYS_mremap, FILTER_ALLOW },
	{ SYS_munmap, FILTER_ALLOW },
	{ SYS_madvise, FILTER_ALLOW },
	{ SYS_futex, FILTER_ALLOW },
	{ SYS_getrandom, FILTER_ALLOW },
	{ SYS_clock_gettime, FILTER_ALLOW }, /* where the vDSO can't answer */
	{ SYS_gettimeofday, FILTER_ALLOW },

	/* The end, and that of abort(3), so that a failed assertion looks like one. */
	{ SYS_restart_syscall, FILTER_ALLOW },
	{ SYS_rt_sigreturn, FILTER_ALLOW },
	{ SYS_rt_sigprocmask, FILTER_ALLOW },
	{ SYS_rt_sigaction, FILTER_ALLOW },
	{ SYS_getpid, FILTER_ALLOW },
	{ SYS_gettid, FILTER_ALLOW },
	{ SYS_tgkill, FILTER_ALLOW },
	{ SYS_exit_group, FILTER_ALLOW },
	{ SYS_exit, FILTER_ALLOW },

#ifdef __SANITIZE_ADDRESS__
	/* AddressSanitizer's own, up to a report, which has to do without names of functions. */
	{ SYS_mprotect, FILTER_ALLOW },
	{ SYS_sigaltstack, FILTER_ALLOW },
	{ SYS_sched_yield, FILTER_ALLOW },
	{ SYS_prlimit64, FILTER_ALLOW },
	{ SYS_dup, FILTER_ALLOW },
	{ SYS_readlinkat, FILTER_REFUSE(EACCES) },
	{ SYS_clone, FILTER_REFUSE(EPERM) },
	{ SYS_pipe2, FILTER_REFUSE(EPERM) },
#ifdef SYS_open
	{ SYS_open, FILTER_REFUSE(EACCES) },
	{ SYS_readlink, FILTER_REFUSE(EACCES) },
	{ SYS_pipe, FILTER_REFUSE(EPERM) },
#endif
#endif
};

const struct filter_list filter_basics = { basics, ARRAY_SIZE(basics) };

#define LOAD(field)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARG(arg) LOAD(args[arg])
#define RETURN(what)  BPF_STMT(BPF_RET | BPF_K, (what))
/* Falls through where A is value, and skips n instructions where it is not. */
#define UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, (uint8_t)(n))

#define RULE_INSTRUCTIONS_MAX (3 + 3 * FILTER_CONDITIONS)

/*
 * Only the low half of an argument is compared: those compared here are ints to the kernel, which
 * ignores the other half as well. (The registers' order in memory is little-endian on all of the
 * above.)
 */
static size_t assemble_rule(const struct filter_rule *r, struct sock_filter *p)
{
	size_t n = 0, conditions = 0, left;

	while (conditions < FILTER_CONDITIONS && r->when[conditions].mask)
		conditions++;
	left = 3 * conditions + 1; /* up to and with the verdict */
	p[n++] = (struct sock_filter)UNLESS(r->nr, left + (conditions ? 1 : 0));
	for (size_t i = 0; i < conditions; i++) {
		left -= 3;
		p[n++] = (struct sock_filter)LOAD_ARG(r->when[i].arg);
		p[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, r->when[i].mask);
		p[n++] = (struct sock_filter)UNLESS(r->when[i].value, left);
	}
	p[n++] = (struct sock_filter)RETURN(r->action);
	if (conditions)
		p[n++] = (struct sock_filter)LOAD(nr);
	return n;
}

int filter_install(const struct filter_list *lists, size_t n_lists, struct err *err)
{
	CLEAN(clean_free) struct sock_filter *code = NULL;
	struct sock_fprog program;
	size_t n = 0, n_rules = 0;

	for (size_t i = 0; i < n_lists; i++)
		n_rules += lists[i].n;
	code = xcalloc(n_rules * RULE_INSTRUCTIONS_MAX + 5, sizeof(*code));
	/* x32 shares x86-64's architecture, but its numbers have bit 30 set: no rule matches. */
	code[n++] = (struct sock_filter)LOAD(arch);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)LOAD(nr);
	for (size_t i = 0; i < n_lists; i++)
		for (size_t k = 0; k < lists[i].n; k++)
			n += assemble_rule(&lists[i].v[k], code + n);
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	program = (struct sock_fprog){ .len = (unsigned short)n, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "cannot give up new privileges");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return err_sys(err, "cannot install the filter");
	return 0;
}
