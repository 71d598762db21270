#include "runtime/emulate.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "runtime/emulate_parts.h"

#define ALWAYS { { 0 } }
#define ARG_IS(n, v) { { (n), ~0u, (v) } }
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
	X(SYS_prlimit64, emulate_prlimit, ARG_IS(1, RLIMIT_LOCKS))                                 \
	X(SYS_getsockopt, emulate_getsockopt, PEER_CREDENTIALS)                                    \
	IF_OLD(X(SYS_stat, emulate_stat, ALWAYS)                                                   \
	       X(SYS_lstat, emulate_lstat, ALWAYS)                                                 \
	       X(SYS_chown, emulate_chown, ALWAYS)                                                 \
	       X(SYS_lchown, emulate_lchown, ALWAYS)                                               \
	       X(SYS_setrlimit, emulate_setrlimit, ARG_IS(0, RLIMIT_LOCKS))                        \
	       X(SYS_getrlimit, emulate_getrlimit, ARG_IS(0, RLIMIT_LOCKS)))

#define CALL(nr, answer, when) { nr, when },
#define ANSWER(nr, answer, when) answer,
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

static bool handle(struct notify_loop *l, const struct notification *n, void *arg)
{
	(void)l;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].nr == n->data.nr) {
			answers[i](arg, n);
			return true;
		}
	}
	return false;
}

int emulate_add(struct notify_loop *loop, const struct emulate *how, void *shared, struct err *err)
{
	struct emulation *e = xcalloc(1, sizeof(*e));

	e->caps = how->spec->caps;
	e->how = *how;
	e->shared = shared;
	if (view_enter(&e->view, how->init, err) < 0) {
		free(e);
		return -1;
	}
	notify_loop_handle(loop, handle, e); /* until we end */
	return 0;
}
