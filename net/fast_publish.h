/*
 * --network fast: published ports of TCP. Inside net/ only; net/fast_publish.c says how they work.
 */
#ifndef NET_FAST_PUBLISH_H
#define NET_FAST_PUBLISH_H

#include "net/fast_parts.h"

struct fast_visit;

/* One more listens on the port: of the container's, in its namespace. */
void fast_port_open(struct fast *f, struct fast_port *p);
/* A supervisor begins: those that were open are again. */
void fast_ports_open_again(struct fast *f);

/* Who has come to the container's listener from this address of the container's own; NULL: nobody of ours. */
struct fast_visit *fast_visit_find(struct fast *f, const union fast_address *from);
/* Its connection, the caller's from now on, and who it is from; the visit is over. */
int fast_visit_end(struct fast_visit *v, union fast_address *ret_from);

/* As the container is to see who is at the other end: no loopback of the host's. Plain ones. */
void fast_visitor_shown(const struct fast *f, union fast_address *a);

#endif
