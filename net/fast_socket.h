/*
 * --network fast: sockets that take another one's place.
 *
 * A socket of the host's network namespace that the container holds takes packets of one peer alone: its
 * filter, locked, drops all others, and those that open connections. So whatever the container does to
 * it, and with whatever race, it reaches no other address by it, nor can anybody reach the container.
 */
#ifndef NET_FAST_SOCKET_H
#define NET_FAST_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "net/fast_address.h"

struct fast_socket {
	int family;
	uint64_t namespace; /* its cookie: socket(7), SO_NETNS_COOKIE */
	int state;	    /* TCP_CLOSE and so on */
	uint64_t inode;	    /* of which there is one a socket */
	int flags;	    /* open's */
};

/* What it is. -1: no TCP socket. */
int fast_socket_look(int sock, struct fast_socket *ret);
/* 0: there is none. */
uint64_t fast_socket_namespace(int sock);

/* Can another be what this one is? Not with a filter, an interface or signals of its own. */
bool fast_socket_movable(int sock, const struct fast_socket *is);
/* Gives one what was set on another of its kind. */
void fast_socket_carry(int from, int to);
/* From here on it takes packets of this address (plain) alone, for good. */
int fast_socket_pin(int sock, const union fast_address *peer);

/* A new one of the host's: non-blocking. */
int fast_socket_new(int family);

#endif
