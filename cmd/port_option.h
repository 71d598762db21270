/*
 * "-p [ADDRESS:][PORT]:PORT[/PROTOCOL]", "--expose PORT[/PROTOCOL]" and -P, into a list of ports.
 */
#ifndef CMD_PORT_OPTION_H
#define CMD_PORT_OPTION_H

#include "base/str.h"
#include "cmd/ports.h"

/*
 * Where -p names no address, it means this one. docker means every address of the machine, and with
 * that everybody who can reach it.
 */
#define PORT_ADDRESS_DEFAULT "127.0.0.1"

/*
 * One -p: "8080:80", "80" (a free port of the host's), "127.0.0.1:8000-8002:80-82/udp",
 * "8000-8010:80" (the first of these that is free), "[::1]:8080:80". ERR_USAGE in docker's words.
 */
int port_option_publish(struct port_list *list, const char *text, struct err *err);
/* One --expose, or EXPOSE of an image: "80", "80-82/udp". */
int port_option_expose(struct port_list *list, const char *text, struct err *err);

/*
 * All that a command line and an image say. all: -P. What an image says and nobody can make sense
 * of is passed over.
 */
int port_options(const struct strv *publish, const struct strv *expose,
		 const struct strv *image_exposed, bool all, struct port_list *ret,
		 struct err *err);

#endif
