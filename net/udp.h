/*
 * UDP datagrams as Ethernet frames: headers put in front of a payload, and read off a frame. A
 * frame of the container's is the bytes of a stranger: nothing about it is trusted.
 */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of either family: an IPv4 address fills the first four bytes, and the rest is 0. */
struct endpoint {
	uint8_t address[16];
	uint16_t port;
};

struct udp_datagram {
	int family;
	struct endpoint from, to;
	const uint8_t *payload; /* in the frame */
	size_t len;
};

/* RFC 1071, in network byte order, of bytes in which the checksum is 0. */
uint16_t ip_checksum(const void *data, size_t len);

/* Where in a frame the payload stands. */
size_t udp_payload_offset(int family);

/*
 * The payload (g->len bytes) is where it belongs in the frame: puts the headers in front of it,
 * from slirp's gateway to the container's interface, and returns the frame's length.
 */
size_t udp_put_headers(const struct udp_datagram *g, const uint8_t guest[ETH_ALEN], uint8_t *frame);

/*
 * False: no whole, unfragmented UDP datagram. The sender's address is left out: the container may
 * give it as it likes.
 */
bool udp_parse(const uint8_t *frame, size_t len, struct udp_datagram *ret);

#endif
