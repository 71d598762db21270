#include "runtime/emulate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "base/guard.h"
#include "base/str.h"
#include "runtime/emulate_parts.h"

#define ALWAYS { { 0 } }
#define ARG_IS(n, v) { { (n), ~0u, (v) } }
#define MAKES(flags) { { (flags), O_CREAT, O_CREAT } }
#define PEER_CREDENTIALS { { 1, ~0u, SOL_SOCKET }, { 2, ~0u, SO_PEERCRED } }

#ifdef SYS_stat
#define IF_OLD(...) __VA_ARGS__
#else
#define IF_OLD(...) /* an architecture that has only the later calls */
#endif

/* Each call once: its number, when it is seen, who answers. */
#define CALLS(X)                                                                                   \
	X(SYS_getuid, emulate_getuid, ALWAYS)                                                      \
	X(SYS_geteuid, emulate_geteuid, ALWAYS)                                                    \
	X(SYS_getgid, emulate_getgid, ALWAYS)                                                      \
	X(SYS_getegid, emulate_getegid, ALWAYS)                                                    \
	X(SYS_getresuid, emulate_getresuid, ALWAYS)                                                \
	X(SYS_getresgid, emulate_getresgid, ALWAYS)                                                \
	X(SYS_getgroups, emulate_getgroups, ALWAYS)                                                \
	X(SYS_newfstatat, emulate_newfstatat, ALWAYS)                                              \
	X(SYS_fstat, emulate_fstat, ALWAYS)                                                        \
	X(SYS_statx, emulate_statx, ALWAYS)                                                        \
	X(SYS_fchown, emulate_fchown, ALWAYS)                                                      \
	X(SYS_fchownat, emulate_fchownat, ALWAYS)                                                  \
	X(SYS_setuid, emulate_setuid, ALWAYS)                                                      \
	X(SYS_setgid, emulate_setgid, ALWAYS)                                                      \
	X(SYS_setreuid, emulate_setreuid, ALWAYS)                                                  \
	X(SYS_setregid, emulate_setregid, ALWAYS)                                                  \
	X(SYS_setresuid, emulate_setresuid, ALWAYS)                                                \
	X(SYS_setresgid, emulate_setresgid, ALWAYS)                                                \
	X(SYS_setfsuid, emulate_setfsuid, ALWAYS)                                                  \
	X(SYS_setfsgid, emulate_setfsgid, ALWAYS)                                                  \
	X(SYS_setgroups, emulate_setgroups, ALWAYS)                                                \
	X(SYS_execve, emulate_execve, ALWAYS)                                                      \
	X(SYS_execveat, emulate_execveat, ALWAYS)                                                  \
	X(SYS_prctl, emulate_keep_capabilities, ARG_IS(0, PR_SET_KEEPCAPS))                        \
	X(SYS_chroot, emulate_chroot, ALWAYS)                                                      \
	X(SYS_openat, emulate_create_at, MAKES(2))                                                 \
	X(SYS_mkdirat, emulate_create_at, ALWAYS)                                                  \
	X(SYS_mknodat, emulate_create_at, ALWAYS)                                                  \
	X(SYS_symlinkat, emulate_symlinkat, ALWAYS)                                                \
	X(SYS_bind, emulate_bind, ALWAYS)                                                          \
	X(SYS_renameat, emulate_pass, ALWAYS)                                                      \
	X(SYS_renameat2, emulate_pass, ALWAYS)                                                     \
	X(SYS_linkat, emulate_pass, ALWAYS)                                                        \
	X(SYS_prlimit64, emulate_prlimit, ARG_IS(1, RLIMIT_LOCKS))                                 \
	X(SYS_getsockopt, emulate_getsockopt, PEER_CREDENTIALS)                                    \
	IF_OLD(X(SYS_stat, emulate_stat, ALWAYS)                                                   \
	       X(SYS_lstat, emulate_lstat, ALWAYS)                                                 \
	       X(SYS_chown, emulate_chown, ALWAYS)                                                 \
	       X(SYS_lchown, emulate_lchown, ALWAYS)                                               \
	       X(SYS_open, emulate_create, MAKES(1))                                               \
	       X(SYS_creat, emulate_create, ALWAYS)                                                \
	       X(SYS_mkdir, emulate_create, ALWAYS)                                                \
	       X(SYS_mknod, emulate_create, ALWAYS)                                                \
	       X(SYS_symlink, emulate_symlink, ALWAYS)                                             \
	       X(SYS_rename, emulate_pass, ALWAYS)                                                 \
	       X(SYS_link, emulate_pass, ALWAYS)                                                   \
	       X(SYS_setrlimit, emulate_setrlimit, ARG_IS(0, RLIMIT_LOCKS))                        \
	       X(SYS_getrlimit, emulate_getrlimit, ARG_IS(0, RLIMIT_LOCKS)))

#define CALL(nr, answer, ...) { nr, __VA_ARGS__ },
#define ANSWER(nr, answer, ...) answer,
static const struct notify_call calls[] = { CALLS(CALL) };
static emulate_answer *const answers[] = { CALLS(ANSWER) };

const struct notify_call *emulate_calls(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(calls);
	return calls;
}

size_t emulate_shared_size(void)
{
	return sizeof(struct emulate_shared);
}

/* Another part of the supervisor may have asked to see others of the same number. */
static bool is_ours(const struct notify_call *call, const struct notification *n)
{
	if (call->nr != n->data.nr)
		return false;
	for (size_t i = 0; i < NOTIFY_CONDITIONS && call->when[i].mask; i++)
		if ((n->data.args[call->when[i].arg] & call->when[i].mask) != call->when[i].value)
			return false;
	return true;
}

/*
 * When it hears the answer, nothing of ours is open any more, which would keep it from unmounting.
 */
static void answer_call(emulate_answer *how, struct emulation *e, const struct notification *n)
{
	struct notify_answer held = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	struct notification call = *n;

	call.held = &held;
	how(e, &call);
	notify_send(n, &held);
}

static bool handle(struct notify_loop *l, const struct notification *n, void *arg)
{
	(void)l;
	emulate_settle(arg, n->pid);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (is_ours(&calls[i], n)) {
			answer_call(answers[i], arg, n);
			return true;
		}
	}
	return false;
}

static void at_end(void *arg)
{
	emulate_settle(arg, 0);
}

int emulate_add(struct notify_loop *loop, const struct emulate *how, void *shared, struct err *err)
{
	struct emulation *e = xcalloc(1, sizeof(*e));

	e->caps = how->spec->caps;
	e->how = *how;
	e->shared = shared;
	e->view.rooted = &e->shared->rooted;
	/* Where mount namespaces can be made, chroot(2) is not the only way. */
	if (!container_spec_is_filtered(how->spec))
		e->shared->rooted = true;
	guard_prepare();
	e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (e->timer < 0 || view_enter(&e->view, how->init, how->upper, err) < 0 ||
	    notify_loop_watch(loop, e->timer, EPOLLIN, emulate_on_timer, e) < 0) {
		clean_fd(&e->timer);
		free(e);
		return err_wrap(err, "cannot emulate users");
	}
	notify_loop_finally(loop, at_end, e);
	notify_loop_handle(loop, handle, e); /* until we end */
	return 0;
}
