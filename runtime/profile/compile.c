/*
 * Compiles the profile of table.h to BPF, as a C array on standard output. Runs at build time; see
 * the Makefile. Only the native architecture is let in: a call by another ABI (32 bits, x32) gets
 * ENOSYS whatever its number.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/profile/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void must(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "compile-profile: %s: error %d\n", what, -result);
		exit(1);
	}
}

/* -1 where this architecture has no such call. */
static int number_of(const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr < 0 ? -1 : nr;
}

static void add(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (number_of(names[i]) >= 0)
			must(seccomp_rule_add(ctx, action, number_of(names[i]), 0), names[i]);
}

/* A clone that makes namespaces is refused, any other one is a fork or a thread. */
static void rule_clone(scmp_filter_ctx ctx)
{
	static const unsigned long flags[] = {
		CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
		CLONE_NEWUSER, CLONE_NEWPID,   CLONE_NEWNET,
	};
	unsigned long all = 0;

	for (size_t i = 0; i < COUNT(flags); i++) {
		all |= flags[i];
		must(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i])),
		     "clone");
	}
	must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			      SCMP_A0(SCMP_CMP_MASKED_EQ, all, 0)),
	     "clone");
}

static void rule_socket(scmp_filter_ctx ctx)
{
	for (int family = 0; family <= FAMILY_LAST; family++) {
		uint32_t action = SCMP_ACT_ERRNO(EAFNOSUPPORT);

		for (size_t i = 0; i < COUNT(families); i++)
			if (families[i] == family)
				action = SCMP_ACT_ALLOW;
		must(seccomp_rule_add(ctx, action, SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family)),
		     "socket");
	}
	must(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
			      SCMP_A0(SCMP_CMP_GT, FAMILY_LAST)),
	     "socket");
}

static void rule_personality(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < COUNT(personalities); i++)
		must(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
				      SCMP_A0(SCMP_CMP_EQ, personalities[i])),
		     "personality");
}

/*
 * Input pushed into the terminal (TIOCSTI, CVE-2017-5226) and into the console (TIOCLINUX). By
 * hand, and in front: the kernel looks at the low 32 bits of the request alone, so comparing all 64
 * lets it through (CVE-2019-10063), and libseccomp can't say "all but these" of 32 bits.
 */
static const struct sock_filter terminal_input[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
#else
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4),
#endif
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x541c /* TIOCLINUX */, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

static void print(const struct sock_filter *code, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt, code[i].jf,
		       code[i].k);
}

static void print_compiled(scmp_filter_ctx ctx)
{
	struct sock_filter code[4096];
	FILE *f = tmpfile();
	size_t n;

	if (!f)
		must(-errno, "tmpfile");
	must(seccomp_export_bpf(ctx, fileno(f)), "export");
	rewind(f);
	n = fread(code, sizeof(code[0]), COUNT(code), f);
	print(code, n);
	fclose(f);
}

int main(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

	if (!ctx)
		must(-ENOMEM, "seccomp_init");
	must(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)), "bad arch");
	must(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
	add(ctx, SCMP_ACT_ALLOW, files, COUNT(files));
	add(ctx, SCMP_ACT_ALLOW, memory, COUNT(memory));
	add(ctx, SCMP_ACT_ALLOW, processes, COUNT(processes));
	add(ctx, SCMP_ACT_ALLOW, users, COUNT(users));
	add(ctx, SCMP_ACT_ALLOW, channels, COUNT(channels));
	add(ctx, SCMP_ACT_ALLOW, clocks, COUNT(clocks));
	add(ctx, SCMP_ACT_ALLOW, the_rest, COUNT(the_rest));
	add(ctx, SCMP_ACT_ERRNO(EPERM), refused, COUNT(refused));
	rule_clone(ctx);
	rule_socket(ctx);
	rule_personality(ctx);
	printf("/* Made by runtime/profile/compile.c from runtime/profile/table.h. */\n");
	printf("#include <linux/filter.h>\n\nstatic const struct sock_filter profile[] = {\n");
	print(terminal_input, COUNT(terminal_input));
	print_compiled(ctx);
	printf("};\n");
	seccomp_release(ctx);
	return 0;
}
