#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/guard.h"
#include "runtime/emulate_parts.h"

#define NOBODY 65534

/* The number that a process has in the namespace that it was made in. */
static pid_t number_inside(const struct view *v, pid_t pid)
{
	char name[32], line[256];
	CLEAN(clean_file) FILE *f = NULL;
	const char *last;

	/* The working directory is /proc. */
	(void)v;
	snprintf(name, sizeof(name), "%d/status", (int)pid);
	f = fopen(name, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		last = strrchr(line, '\t');
		return last ? (pid_t)strtol(last + 1, NULL, 10) : 0;
	}
	return 0;
}

/*
 * SO_PEERCRED of unix(7). The kernel remembers who the peer was when the connection was made; all
 * that we have is who it is now. One that has ended is nobody.
 */
static void peer_of(const struct emulation *e, const struct ucred *peer, struct ucred *ret)
{
	struct credentials c;

	*ret = (struct ucred){ .uid = NOBODY, .gid = NOBODY };
	if (peer->pid <= 0 || emulate_load(e, peer->pid, &c) < 0)
		return;
	ret->pid = number_inside(&e->view, peer->pid);
	ret->uid = c.uid.effective;
	ret->gid = c.gid.effective;
}

void emulate_getsockopt(struct emulation *e, const struct notification *n)
{
	CLEAN(guard_close) int sock = notify_get_fd(n, (int)n->data.args[0]);
	struct ucred kernel, peer;
	socklen_t len = sizeof(kernel);
	int room;

	/* Whose user is none of the container's is the kernel's to say. */
	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &kernel, &len) < 0 ||
	    kernel.uid != 0) {
		notify_continue(n);
		return;
	}
	peer_of(e, &kernel, &peer);
	if (notify_read(n, n->data.args[4], &room, sizeof(room)) < 0) {
		notify_fail(n, EFAULT);
		return;
	}
	if (room < 0) {
		notify_fail(n, EINVAL);
		return;
	}
	if ((size_t)room > sizeof(peer))
		room = sizeof(peer);
	if (notify_write(n, n->data.args[3], &peer, (size_t)room) < 0 ||
	    notify_write(n, n->data.args[4], &room, sizeof(room)) < 0)
		notify_fail(n, EFAULT);
	else
		notify_return(n, 0);
}
