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
 * Link-local addresses (169.254.0.0/16, fe80::/10) are those of the host's own links, where clouds
 * keep what tells a machine its secrets. No router would forward them either (RFC 3927 section 7).
 *
 * What is not ARP or IP is dropped as well: slirp would parse some of it (NC-SI), for nobody.
 */
#include "net/frame.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

static bool admit_ip4(const uint8_t *packet, size_t len, bool link_local)
{
	struct iphdr header;
	uint8_t to[4];

	if (len < sizeof(header))
		return false;
	memcpy(&header, packet, sizeof(header));
	memcpy(to, &header.daddr, sizeof(to));
	return header.version == 4 && to[0] != 127 && to[0] != 0 &&
	       (link_local || to[0] != 169 || to[1] != 254);
}

static bool admit_ip6(const uint8_t *packet, size_t len, bool link_local)
{
	static const uint8_t zeros[12], mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ip6_hdr header;
	bool local;

	if (len < sizeof(header))
		return false;
	memcpy(&header, packet, sizeof(header));
	/* Neighbours are asked for the gateway by such addresses, too: slirp alone answers. */
	local = header.ip6_dst.s6_addr[0] == 0xfe && (header.ip6_dst.s6_addr[1] & 0xc0) == 0x80 &&
		header.ip6_nxt != IPPROTO_ICMPV6;
	/* ::/96 holds the unspecified address, the loopback, and the IPv4-compatible ones. */
	return header.ip6_vfc >> 4 == 6 && (link_local || !local) &&
	       memcmp(&header.ip6_dst, zeros, sizeof(zeros)) != 0 &&
	       memcmp(&header.ip6_dst, mapped, sizeof(mapped)) != 0;
}

bool frame_admissible(const uint8_t *frame, size_t len, bool link_local)
{
	if (len < ETH_HLEN || len > FRAME_MAX)
		return false;
	switch (frame[12] << 8 | frame[13]) {
	case ETH_P_ARP:
		return true;
	case ETH_P_IP:
		return admit_ip4(frame + ETH_HLEN, len - ETH_HLEN, link_local);
	case ETH_P_IPV6:
		return admit_ip6(frame + ETH_HLEN, len - ETH_HLEN, link_local);
	default:
		return false;
	}
}
