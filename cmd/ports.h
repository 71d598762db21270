/*
 * The ports of a container: those that are published, and those that are only said to be of
 * interest (EXPOSE, --expose), which have no address. As a list, in a record, as text, and bound.
 *
 * Ownership: a list owns the sockets of its ports, once they are bound.
 */
#ifndef CMD_PORTS_H
#define CMD_PORTS_H

#include <jansson.h>

#include "net/network.h"

/* Zero-initialise. */
struct port_list {
	struct network_port *v;
	size_t n;
};

static inline bool port_published(const struct network_port *p)
{
	return p->address[0] != '\0';
}

void port_list_add(struct port_list *l, struct network_port port);
/* Closes the sockets, and has the ports as they are. */
void port_list_close(struct port_list *l);
void port_list_done(struct port_list *l);

/* For records. What is not of the right form is passed over. */
json_t *port_list_to_json(const struct port_list *l);
void port_list_from_json(const json_t *array, struct port_list *ret);

/* Is any of them published? */
bool port_list_is_published(const struct port_list *l);

/* By the container's port, then address, host's port and protocol. */
void port_list_sort(struct port_list *l);
/*
 * As docker's ps: "127.0.0.1:80-82->80-82/tcp, 443/tcp, 127.0.0.1:8080->90/tcp". The caller frees.
 */
char *port_list_describe(const struct port_list *l);

/* Binds those that are published: all of them, or none and the error of the first. */
int port_list_bind(struct port_list *l, struct err *err);

#endif
