/*
 * --network fast: a socket in a process's table of descriptors: under which numbers it is there, and
 * which epoll instances wait for it. epoll(7) forgets a socket when another takes its place, and so
 * has to be told of the other.
 *
 * All is read of /proc, and bounded: of descriptors the first thousand, of what is found so many.
 */
#ifndef NET_FAST_TABLE_H
#define NET_FAST_TABLE_H

#include <time.h>

#include "base/notify.h"

/* ioctl(2) of a pidfd that says whose parent is whose, since Linux 6.13; before, /proc does. */
#define FAST_PIDFD_INFO_SIZE 64
#define FAST_PIDFD_GET_INFO  _IOWR(0xff, 11, char[FAST_PIDFD_INFO_SIZE])

#define FAST_NUMBERS_MAX 16
#define FAST_EPOLLS_MAX	 32

struct fast_place {
	struct {
		int number;
		bool cloexec;
	} v[FAST_NUMBERS_MAX];
	size_t n;
	struct {
		int epoll;  /* its number there */
		int number; /* by which it knows the socket */
		uint32_t events;
		uint64_t data;
	} waits[FAST_EPOLLS_MAX];
	size_t n_waits;
	bool spent; /* one of them has told of it, and does not again (EPOLLONESHOT): none can be made that does not */
};

/*
 * It takes microseconds to look at a descriptor: milliseconds, where there are a thousand. Beyond a twentieth of
 * our time, the container's own socket is quicker.
 */
#define FAST_LOOKED_AT_MAX 1024
#define FAST_LOOKED_AT_FEW 128
#define FAST_LOOKS	   20000 /* a second, at those of processes with more than few */

struct fast_looks {
	time_t second; /* of any clock that goes forward, */
	size_t n;      /* in which so many were looked at */
};

/* How many descriptors a process has. */
size_t fast_place_count(pid_t of);
/* Shall all of so many be looked at, in this second? */
bool fast_place_may_look(struct fast_looks *l, size_t n, time_t second);
/* number: one at which it is. 0; -1: there is more of it than can be told of, or the process is gone. */
int fast_place_find(pid_t of, int number, uint64_t inode, struct fast_place *ret);
/* Has the parent or a child of this process it, too, under this number? */
bool fast_place_shared(pid_t of, int number, uint64_t inode);
/*
 * Puts a socket of ours, lent, wherever that was, before the call is answered. -1: not even at number,
 * and so nowhere.
 */
int fast_place_put(const struct notification *n, int number, const struct fast_place *p, int sock);
/* The epoll instances wait for the one that was there no more, though somebody keeps it. */
void fast_place_leave(const struct notification *n, const struct fast_place *p, int sock);

#endif
