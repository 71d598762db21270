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
	int protocol;	    /* IPPROTO_TCP, or _MPTCP */
	uint64_t namespace; /* its cookie: socket(7), SO_NETNS_COOKIE */
	int state;	    /* TCP_CLOSE and so on */
	uint64_t inode;	    /* of which there is one a socket */
	int flags;	    /* open's */
};

#define FAST_CARRIED 38

/* What is set on a socket, as far as it is carried to another. */
struct fast_set {
	bool has_all;	/* it was read */
	int buffers[2]; /* SO_SNDBUF and SO_RCVBUF, where they are not the kernel's to tune */
	struct fast_option {
		socklen_t len; /* 0: it has no such option */
		char value[16];
	} v[FAST_CARRIED];
};

/* What it is. -1: no socket of TCP, be it of many paths. */
int fast_socket_look(int sock, struct fast_socket *ret);
/* The single parts; 0, of the state -1: there is none. */
uint64_t fast_socket_namespace(int sock);
uint64_t fast_socket_inode(int sock);
int fast_socket_state(int sock);

/* Can another be what this one, unconnected, is? Not with a past, nor with a filter, an interface or signals. */
bool fast_socket_movable(int sock, const struct fast_socket *is);
void fast_socket_read(int sock, struct fast_set *ret);
/*
 * Of what it has, what a new one has not, and the setting of that alone: an option that is set at all is
 * no longer the kernel's to tune.
 */
void fast_socket_differs(int sock, const struct fast_set *fresh, struct fast_set *ret);
void fast_socket_set(int sock, const struct fast_set *set);
/* Both: gives one what was set on another of its kind. fresh: what the former has, or NULL: that is found out. */
void fast_socket_carry(int from, int to, const struct fast_set *fresh);
/* From here on it takes packets of this address (plain) alone, for good. */
int fast_socket_pin(int sock, const union fast_address *peer);

/* A new one of the host's: non-blocking. */
int fast_socket_new(int family);

#endif
