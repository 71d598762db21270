/*
 * Theory of operation
 *
 * libslirp takes from a socket of the host all that it has room for, 160 KB, and gives the
 * container a window of 64 KB of it at a time (it does not scale windows, RFC 7323). So the
 * container would wait until two windows and a half are copied, and then this process until they
 * are worked off. Given one at a time, it reads the next while the container works off the last: a
 * seventh more comes in where they run on different processors, by an eighth less work, since what
 * is copied is still in the cache.
 *
 * libslirp has no setting for that, but it is a shared library: what it calls, the loader looks for
 * in the program first. Hence this is linked with tiffin-net and is in no archive.
 */
#include <stddef.h>
#include <sys/socket.h>

#define WINDOW 65536

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	return recvfrom(fd, buf, n < WINDOW ? n : WINDOW, flags, NULL, NULL);
}
