/*
 * The carrier of a container's frames: user-mode TCP/IP (libslirp) between the descriptor of an
 * interface and sockets of the host. It is all of tiffin-net but its confinement.
 */
#ifndef NET_CARRIER_H
#define NET_CARRIER_H

#include <stdint.h>

#include "base/err.h"
#include "net/config.h"

/* The descriptors that network_start() gives to tiffin-net, besides 0-2. */
enum {
	CARRIER_CONTROL = 3,
	CARRIER_FRAMES = 4,
	CARRIER_PORTS = 5, /* and on: the bound sockets of the published ports */
};

struct carrier;

/* Before confinement: it reads /dev/urandom. It owns neither of the descriptors. */
int carrier_new(const struct network_config *net, int control, int frames, struct carrier **ret, struct err *err);
/*
 * Before confinement, too: what arrives at a bound socket of the host goes to this port of the
 * container. It owns the socket; that of TCP becomes slirp's and gets another number, not beyond the
 * one that follows the highest in use.
 */
int carrier_publish(struct carrier *c, int sock, uint16_t port, struct err *err);
/* A descriptor that writes the file of the name servers: it is kept up to date from now on. */
void carrier_follow_dns(struct carrier *c, int dns);
/* Returns when the control descriptor's other end is closed, or the interface is gone. */
void carrier_run(struct carrier *c);
void carrier_free(struct carrier *c);

#endif
