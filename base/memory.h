/*
 * What a process that now only waits holds of memory.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <poll.h>
#include <sys/epoll.h>

/* After so long a process counts as one that waits: those that go on sooner are spared the work. */
#define MEMORY_SETTLED_MS 500

/*
 * poll(2), for who may wait for long: when nothing has happened for MEMORY_SETTLED_MS it lets go of
 * what the way here took, the stack below the caller, free blocks of the heap, and the pages of
 * programs and libraries, which are read again where they are used.
 */
int memory_poll(struct pollfd *polls, nfds_t n, int timeout_ms);
/* The same of epoll_wait(2), without an end. */
int memory_epoll_wait(int epoll, struct epoll_event *events, int max);

#endif
