/*
 * How a container's own network is to be: what --network slirp:OPTION=VALUE,… says. The words are
 * slirp4netns's, as podman takes them; they go to tiffin-net as they are, which reads them here,
 * too.
 */
#ifndef NET_CONFIG_H
#define NET_CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The largest that slirp takes (IF_MTU_MAX): each frame costs the same few system calls. */
#define NETWORK_MTU 65520

struct network_config {
	struct in_addr network, mask; /* cidr= */
	uint8_t prefix;
	struct in_addr gateway, dns, address; /* the second, third and hundredth of the network */
	struct in6_addr network6;	      /* of 64 bits */
	struct in6_addr gateway6, dns6, address6;
	uint32_t mtu;
	bool ipv6;	    /* enable_ipv6= */
	bool host_loopback; /* allow_host_loopback=: the gateway's address is host's 127.0.0.1 */
	/* outbound_addr=, outbound_addr6=: what connections come from; of family AF_UNSPEC: any. */
	struct sockaddr_in outbound;
	struct sockaddr_in6 outbound6;
};

void network_config_init(struct network_config *ret);
/* One "key=value". ERR_USAGE; ERR_UNSUPPORTED: known to others, and not done here. */
int network_config_set(struct network_config *c, const char *word, struct err *err);

/* As text, in one of ret. */
const char *network_text(const struct in_addr *address, char ret[INET_ADDRSTRLEN]);
const char *network_text6(const struct in6_addr *address, char ret[INET6_ADDRSTRLEN]);

#endif
