/*
 * The confinement of tiffin-net. Afterwards the process reaches the host's network, by IPv4 and
 * IPv6 sockets, and the descriptors that it was given; no file but /etc/resolv.conf, no process, no
 * privilege. It is all or nothing: an error means that the process must end.
 */
#ifndef NET_CONFINE_H
#define NET_CONFINE_H

#include "base/err.h"

/* Keeps the descriptors up to last, with 0-2 turned to /dev/null; for good. */
int confine(int last, struct err *err);

/* The last stage (net/filter.c): system calls but those that the carrier makes end the process. */
int filter_system_calls(struct err *err);

#endif
