#include "runtime/seccomp.h"

#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "profile.h" /* made by runtime/profile/compile.c: static struct sock_filter profile[] */

static int install(const struct sock_filter *code, size_t n, struct err *err)
{
	const struct sock_fprog program = {
		.len = (unsigned short)n,
		.filter = (struct sock_filter *)code,
	};

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_sys(err, "the system call filter");
	return 0;
}

static unsigned char value_of(char digit)
{
	return (unsigned char)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

int seccomp_install(const char *own, struct err *err)
{
	static struct sock_filter code[BPF_MAXINSNS];
	unsigned char *bytes = (unsigned char *)code;
	size_t len = own ? strlen(own) : 0;

	if (!own)
		return install(profile, ARRAY_SIZE(profile), err);
	if (!len || len % (2 * sizeof(code[0])) || len > 2 * sizeof(code) || !is_hex(own, len))
		return err_set(err, ERR_CORRUPT, "the record's system call filter is none");
	for (size_t i = 0; i < len / 2; i++)
		bytes[i] = (unsigned char)(value_of(own[2 * i]) << 4 | value_of(own[2 * i + 1]));
	return install(code, len / (2 * sizeof(code[0])), err);
}
