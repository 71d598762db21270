/*
 * The host's name servers, as tiffin-net follows them. It has no way to the host's files; so it
 * asks the container's monitor, by the control socket, when a name is looked up and it has not
 * asked for a second, and writes what it is told into the one file that it has, where libslirp
 * reads it.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"

#define DNS_FILE "/etc/resolv.conf"
/* Of a longer one the lines in front: servers beyond the third are nobody's (MAXNS of resolv.h). */
#define DNS_TEXT_MAX 4096

/* The host's file now: its length, 0 where there is none. */
size_t dns_read(char ret[DNS_TEXT_MAX]);
/* Puts that into the file behind a descriptor; after an error the servers stay what they were. */
void dns_write(int fd, const char *text, size_t len);

/* tiffin-net: asks, and waits a moment for the answer, which goes into the file behind fd. */
void dns_follow(int control, int fd);

/* The monitor: which file it has told of last. Zero-initialise. */
struct dns_told {
	struct stat file;
};

/*
 * The monitor, when control can be read: takes one message. False: tiffin-net has ended, or is
 * about to; err says why, where it did.
 */
bool dns_answer(int control, struct dns_told *told, struct err *err);

#endif
