/*
 * The confinement of tiffin-net. Afterwards the process reaches the host's network, by IPv4 and
 * IPv6 sockets, and the descriptors that it was given; no file but its own /etc/resolv.conf, no
 * process, no privilege. It is all or nothing: an error means that the process must end.
 */
#ifndef NET_CONFINE_H
#define NET_CONFINE_H

#include <stdbool.h>

#include "base/err.h"

struct confinement {
	int last;     /* the highest descriptor to keep; 0-2 are turned to /dev/null */
	bool accepts; /* connections to published ports */
	int *dns;     /* becomes the descriptor that writes the file of the name servers */
};

/* For good. */
int confine(const struct confinement *c, struct err *err);

/* The last stage (net/confine_calls.c): calls but those that the carrier makes end the process. */
int filter_system_calls(bool accepts, struct err *err);

#endif
