/*
 * --network fast: which addresses a container's connection may go to past the tap.
 */
#ifndef NET_FAST_ADDRESS_H
#define NET_FAST_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

union fast_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage room;
};

enum fast_way {
	FAST_INSIDE,	/* the container's own socket: its own addresses, and all that the tap refuses */
	FAST_FORBIDDEN, /* that as well: the host's loopback, link-local, groups, no address at all */
	FAST_OUTWARD,	/* a socket of the host's */
};

#define FAST_INTERFACES_MAX 64

/* The networks of a container's interfaces. */
struct fast_interfaces {
	struct {
		struct in_addr address, mask;
	} v4[FAST_INTERFACES_MAX];
	struct {
		struct in6_addr address;
		unsigned int prefix;
	} v6[FAST_INTERFACES_MAX];
	size_t n4, n6;
};

/* False: no address of these families, or cut off. v4-mapped ones become IPv4, in ret alone. */
bool fast_address_plain(const union fast_address *a, socklen_t len, union fast_address *ret);
/* Never past the tap; a plain one. */
bool fast_address_kept(const union fast_address *a);
bool fast_address_any(const union fast_address *a);
/* Of a copy of what the container says, of these many bytes. */
enum fast_way fast_decide(const union fast_address *a, socklen_t len, const struct fast_interfaces *of);

/*
 * sock: any one of the container's network namespace; of: a process in it. 0, or -1: can't be told, or
 * there are too many.
 */
int fast_interfaces_read(int sock, pid_t of, bool v6, struct fast_interfaces *ret);

#endif
