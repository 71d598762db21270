/*
 * A connection has from its listener what is set there, as by the kernel. To ask for all that, each time,
 * takes as long as all the rest; programs set it before they accept, so that it is asked for once a second.
 */
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/fast_parts.h"

#define LISTENERS 8

struct fast_listener {
	uint64_t inode;
	time_t asked;
	struct fast_set set;
};

void fast_listener_carry(struct fast *f, const struct fast_subject *listener, int to)
{
	struct fast_listener *l;
	struct timespec now;

	if (!f->tuned)
		f->tuned = xcalloc(LISTENERS, sizeof(*f->tuned));
	l = &f->tuned[listener->is.inode % LISTENERS];
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (l->inode != listener->is.inode || l->asked != now.tv_sec) {
		l->inode = listener->is.inode;
		l->asked = now.tv_sec;
		fast_socket_differs(listener->sock, &f->fresh[listener->is.family == AF_INET6], &l->set);
	}
	fast_socket_set(to, &l->set);
}
