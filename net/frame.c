/*
 * Theory of operation
 *
 * slirp opens a socket on the host to wherever a packet is addressed to. It keeps the host's
 * loopback out of reach by refusing its own gateway address, which would stand for the loopback,
 * but it passes on a packet that says 127.0.0.1 outright, and connect(2) takes many spellings of
 * that: 127.0.0.0/8, 0.0.0.0, ::, ::1, and IPv4 addresses written as IPv6. A container's kernel
 * sends no such packets to a gateway, but a raw socket in the container does. They are dropped
 * here, in front of slirp; none has an honest use on a wire (RFC 6890, RFC 4291 section 2.5).
 *
 * What is not ARP or IP is dropped as well: slirp would parse some of it (NC-SI), for nobody.
 */
#include "net/frame.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

static bool admit_ip4(const uint8_t *packet, size_t len)
{
	struct iphdr header;
	uint8_t network;

	if (len < sizeof(header))
		return false;
	memcpy(&header, packet, sizeof(header));
	memcpy(&network, &header.daddr, 1);
	return header.version == 4 && network != 127 && network != 0;
}

static bool admit_ip6(const uint8_t *packet, size_t len)
{
	static const uint8_t zeros[12], mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ip6_hdr header;

	if (len < sizeof(header))
		return false;
	memcpy(&header, packet, sizeof(header));
	/* ::/96 holds the unspecified address, the loopback, and the IPv4-compatible ones. */
	return header.ip6_vfc >> 4 == 6 && memcmp(&header.ip6_dst, zeros, sizeof(zeros)) != 0 &&
	       memcmp(&header.ip6_dst, mapped, sizeof(mapped)) != 0;
}

bool frame_admissible(const uint8_t *frame, size_t len)
{
	if (len < ETH_HLEN || len > FRAME_MAX)
		return false;
	switch (frame[12] << 8 | frame[13]) {
	case ETH_P_ARP:
		return true;
	case ETH_P_IP:
		return admit_ip4(frame + ETH_HLEN, len - ETH_HLEN);
	case ETH_P_IPV6:
		return admit_ip6(frame + ETH_HLEN, len - ETH_HLEN);
	default:
		return false;
	}
}
