/*
 * Steps that say which system calls the process may make, and which of them are answered by
 * somebody else than the kernel: the seccomp profile, and the supervisor's filter
 * (runtime/supervisor.h).
 *
 * Without no_new_privs a filter takes CAP_SYS_ADMIN, which we lose when we become the user: for
 * that each of the two has an early step.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/child.h"
#include "runtime/seccomp.h"
#include "runtime/sync.h"

int forbid_new_privileges(struct child *c, struct err *err)
{
	if (c->spec->new_privileges)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "no_new_privs");
	return 0;
}

int install_seccomp_early(struct child *c, struct err *err)
{
	return c->spec->seccomp && c->spec->new_privileges ?
		       seccomp_install(c->spec->seccomp_filter, err) : 0;
}

int install_seccomp(struct child *c, struct err *err)
{
	return c->spec->seccomp && !c->spec->new_privileges ?
		       seccomp_install(c->spec->seccomp_filter, err) : 0;
}

/*
 * The parent has to hear even that it can't be, as in a container of a container: what depends on
 * it has to do without.
 */
static int supervise_calls(struct child *c, struct err *err)
{
	const struct supervision *s = c->launch->supervision;
	CLEAN(clean_fd) int listener = -1;
	struct err why = { 0 };

	if (!s)
		return 0;
	if (notify_install(s->calls, s->n_calls, &listener, &why) < 0 &&
	    (s->required || why.kind != ERR_UNSUPPORTED)) {
		*err = why;
		return -1;
	}
	c->supervised = listener >= 0;
	if (sync_send(c->sync, SYNC_CALLS, listener, err) < 0)
		return -1;
	/* To the supervisor of who has our namespaces: here is somebody with a root of its own. */
	if (c->launch->donors && emulates_users(c))
		syscall(SYS_chroot, "/");
	return 0;
}

int supervise_early(struct child *c, struct err *err)
{
	return c->spec->new_privileges ? supervise_calls(c, err) : 0;
}

int supervise_late(struct child *c, struct err *err)
{
	return c->spec->new_privileges ? 0 : supervise_calls(c, err);
}
