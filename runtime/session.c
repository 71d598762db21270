/*
 * Theory of operation
 *
 * A process can't write the maps of its own namespace: newuidmap(1) wants somebody outside of it.
 * So a child is forked first, which waits until its parent is in the new namespace, has the maps
 * written, and ends. The process itself is then what executes the command: its signals, its exit
 * status and its place in the terminal's job control need nobody to carry them.
 */
#include "runtime/session.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "runtime/sync.h"
#include "runtime/userns.h"

#define VARIABLE "TIFFIN_UNSHARE"

/* "user:[4026531837]": namespaces(7). */
static bool read_namespace(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/ns/user", ret, size - 1);

	ret[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

bool session_is_here(void)
{
	const char *said = getenv(VARIABLE);
	char here[64];

	return said && read_namespace(here, sizeof(here)) && streq(said, here);
}

/* The child, which stays outside. */
static _Noreturn void write_maps(const struct id_map *map, int sock)
{
	struct err why = { 0 };

	if (sync_expect(sock, SYNC_ID_MAPS, NULL, NULL, &why) < 0 ||
	    id_map_write(map, getppid(), &why) < 0)
		sync_fail(sock, 125, &why);
	else
		sync_send(sock, SYNC_ID_MAPS, -1, NULL);
	_exit(0);
}

static int enter_namespaces(int sock, struct err *err)
{
	char here[64];

	if (unshare(CLONE_NEWUSER) < 0)
		return namespaces_refused(err);
	if (sync_send(sock, SYNC_ID_MAPS, -1, err) < 0 ||
	    sync_expect(sock, SYNC_ID_MAPS, NULL, NULL, err) < 0)
		return -1;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err, "cannot become root of a user namespace");
	/*
	 * What is mounted on the host from now on is seen here; what is mounted here is not seen
	 * there.
	 */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(err, "cannot make a mount namespace");
	if (!read_namespace(here, sizeof(here)) || setenv(VARIABLE, here, 1) < 0)
		return err_sys(err, "cannot tell our own user namespace");
	return 0;
}

int session_enter(const struct id_map *map, struct err *err)
{
	CLEAN(clean_fd) int sock = -1;
	const pid_t pid = sync_fork(&sock, err);
	int result;

	if (pid < 0)
		return -1;
	if (pid == 0)
		write_maps(map, sock);
	result = enter_namespaces(sock, err);
	/* Where we failed it sees that we hung up. */
	close(fd_take(&sock));
	proc_reap(pid);
	return result;
}
