#include "base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#else
#define NATIVE 0
#endif

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#define AT(field) ((uint32_t)offsetof(struct seccomp_data, field))
/* Of an argument the low half, where its address is that of the whole: little endian. */
#define LOW(arg) (AT(args) + 8 * (arg))

/* Instructions that a call takes at most. */
#define PER_CALL (2 + 3 * NOTIFY_CONDITIONS + 1)

struct code {
	struct sock_filter v[BPF_MAXINSNS];
	size_t n;
};

static void add(struct code *c, uint16_t op, uint32_t k, size_t if_true, size_t if_false)
{
	c->v[c->n++] = (struct sock_filter)BPF_JUMP(op, k, (uint8_t)if_true, (uint8_t)if_false);
}

/* A call that is not this one, or not under these conditions, goes on to the next. */
static void add_call(struct code *c, const struct notify_call *call)
{
	size_t conditions = 0, left;

	while (conditions < NOTIFY_CONDITIONS && call->when[conditions].mask)
		conditions++;
	left = 3 * conditions + 1; /* up to and with the verdict */
	add(c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call->nr, 0, left + (conditions ? 1 : 0));
	for (size_t i = 0; i < conditions; i++) {
		left -= 3;
		add(c, BPF_LD | BPF_W | BPF_ABS, LOW(call->when[i].arg), 0, 0);
		add(c, BPF_ALU | BPF_AND | BPF_K, call->when[i].mask, 0, 0);
		add(c, BPF_JMP | BPF_JEQ | BPF_K, call->when[i].value, 0, left);
	}
	add(c, BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0);
	if (conditions)
		add(c, BPF_LD | BPF_W | BPF_ABS, AT(nr), 0, 0);
}

int notify_install(const struct notify_call *calls, size_t n, int *ret_listener, struct err *err)
{
	struct code code = { .n = 0 };
	struct sock_fprog program = { .filter = code.v };
	int fd;

	if (!NATIVE)
		return err_set(err, ERR_UNSUPPORTED, "supervised calls are not known for this machine");
	if (n * PER_CALL + 4 > BPF_MAXINSNS)
		return err_set(err, ERR_SYSTEM, "too many supervised calls");
	add(&code, BPF_LD | BPF_W | BPF_ABS, AT(arch), 0, 0);
	add(&code, BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
	add(&code, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	add(&code, BPF_LD | BPF_W | BPF_ABS, AT(nr), 0, 0);
	for (size_t i = 0; i < n; i++)
		add_call(&code, &calls[i]);
	add(&code, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	program.len = (unsigned short)code.n;
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &program);
	if (fd < 0 && errno == EBUSY) {
		err_set(err, ERR_UNSUPPORTED, "calls can't be supervised here");
		return err_hint(err, "a seccomp filter that this runs under has a listener already: run it "
				     "from without");
	}
	if (fd < 0)
		return errno == EINVAL ? err_set(err, ERR_UNSUPPORTED, "calls can't be supervised here") :
					 err_sys(err, "the filter of supervised calls");
	*ret_listener = fd;
	return 0;
}

void notify_read_buffer(int listener, const struct seccomp_notif *buffer, struct notification *ret)
{
	*ret = (struct notification){
		.listener = listener,
		.id = buffer->id,
		.pid = (pid_t)buffer->pid,
		.data = buffer->data,
	};
}

int notify_receive(int listener, struct seccomp_notif *buffer, struct notification *ret)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	/* The caller may have been killed since: receiving would wait for another. */
	if (poll(&p, 1, 0) < 0)
		return 0;
	if (!(p.revents & POLLIN))
		return p.revents & (POLLHUP | POLLERR | POLLNVAL) ? -1 : 0;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, buffer) < 0)
		return 0;
	notify_read_buffer(listener, buffer, ret);
	return 1;
}

bool notify_valid(const struct notification *n)
{
	uint64_t id = n->id;

	return ioctl(n->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool notify_send(const struct notification *n, const struct notify_answer *a)
{
	struct seccomp_notif_resp resp = {
		.id = n->id,
		.val = a->value,
		.error = -a->error,
		.flags = a->flags,
	};
	bool heard = ioctl(n->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) == 0;

	if (n->note)
		n->note->by = 0;
	return heard;
}

static bool answer(const struct notification *n, int64_t value, int error, uint32_t flags)
{
	const struct notify_answer a = { value, error, flags };

	if (!n->held)
		return notify_send(n, &a);
	*n->held = a;
	return true;
}

bool notify_return(const struct notification *n, int64_t value)
{
	return answer(n, value, 0, 0);
}

bool notify_fail(const struct notification *n, int error)
{
	return answer(n, 0, error, 0);
}

bool notify_continue(const struct notification *n)
{
	return answer(n, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

int notify_add_fd(const struct notification *n, int fd, int there, bool cloexec)
{
	struct seccomp_notif_addfd a = {
		.id = n->id,
		.flags = there >= 0 ? SECCOMP_ADDFD_FLAG_SETFD : 0,
		.srcfd = (uint32_t)fd,
		.newfd = there >= 0 ? (uint32_t)there : 0,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};

	return ioctl(n->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
}

bool notify_return_fd(const struct notification *n, int fd, bool cloexec)
{
	struct seccomp_notif_addfd a = {
		.id = n->id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int added = ioctl(n->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a);

	/* The caller's table may be full. */
	if (added < 0 && errno != ENOENT)
		return notify_fail(n, errno);
	if (n->note)
		n->note->by = 0;
	return added >= 0;
}

/* The process that a thread is one of, or 0. */
static pid_t process_of(pid_t thread)
{
	char path[40], line[64];
	long pid = 0;

	snprintf(path, sizeof(path), "%d/status", (int)thread);
	{
		CLEAN(clean_file) FILE *f = fopen(path, "re");

		while (!pid && f && fgets(line, sizeof(line), f))
			if (strncmp(line, "Tgid:", 5) == 0)
				pid = strtol(line + 5, NULL, 10);
	}
	return (pid_t)pid;
}

/* Of a thread only since Linux 6.9: pidfd_open(2). */
static int open_process(pid_t thread)
{
	int pidfd = (int)syscall(SYS_pidfd_open, thread, PIDFD_THREAD);
	pid_t pid;

	if (pidfd >= 0 || errno != EINVAL)
		return pidfd;
	pid = process_of(thread);
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

int notify_get_fd(const struct notification *n, int there)
{
	CLEAN(clean_fd) int pidfd = open_process(n->pid);

	if (pidfd < 0)
		return -1;
	/* It is the caller's then, and stays that. */
	if (!notify_valid(n)) {
		errno = ESRCH;
		return -1;
	}
	return pidfd_getfd(pidfd, there, 0);
}

int notify_read(const struct notification *n, uint64_t address, void *ret, size_t len)
{
	struct iovec ours = { .iov_base = ret, .iov_len = len };
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of theirs */
	struct iovec theirs = { .iov_base = (void *)(uintptr_t)address, .iov_len = len };
	ssize_t got = process_vm_readv(n->pid, &ours, 1, &theirs, 1, 0);

	if (got >= 0 && (size_t)got != len)
		errno = EFAULT;
	if (got < 0 || (size_t)got != len)
		return -1;
	if (!notify_valid(n)) {
		errno = ESRCH;
		return -1;
	}
	return 0;
}

int notify_write(const struct notification *n, uint64_t address, const void *data, size_t len)
{
	struct iovec ours = { .iov_base = (void *)data, .iov_len = len };
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of theirs */
	struct iovec theirs = { .iov_base = (void *)(uintptr_t)address, .iov_len = len };
	ssize_t put;

	/* Nothing is to be written to who has the number now. */
	if (!notify_valid(n)) {
		errno = ESRCH;
		return -1;
	}
	put = process_vm_writev(n->pid, &ours, 1, &theirs, 1, 0);
	if (put >= 0 && (size_t)put != len)
		errno = EFAULT;
	return put < 0 || (size_t)put != len ? -1 : 0;
}

/* Up to the end of its page at a time: the next one may not be there. */
int notify_read_string(const struct notification *n, uint64_t address, char *ret, size_t size)
{
	size_t have = 0;

	while (have < size) {
		size_t page = 4096 - ((address + have) & 4095);
		size_t want = page < size - have ? page : size - have;

		if (notify_read(n, address + have, ret + have, want) < 0)
			return -1;
		if (memchr(ret + have, '\0', want))
			return 0;
		have += want;
	}
	errno = ENAMETOOLONG;
	return -1;
}
