#include "net/udp.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

/* RFC 1071, over bytes in network order; the sum so far is not folded yet. */
static uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	if (len % 2)
		sum += (uint32_t)data[len - 1] << 8;
	return sum;
}

static uint16_t checksum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

uint16_t ip_checksum(const void *data, size_t len)
{
	return checksum_end(checksum_add(0, data, len));
}

static size_t ip_header_len(int family)
{
	return family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
}

size_t udp_payload_offset(int family)
{
	return ETH_HLEN + ip_header_len(family) + sizeof(struct udphdr);
}

static void put_ip_header(const struct udp_datagram *g, uint8_t *at, size_t udp_len)
{
	struct iphdr v4 = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(sizeof(v4) + udp_len)), .frag_off = htons(IP_DF),
	};
	struct ip6_hdr v6 = {
		.ip6_flow = htonl(6u << 28), .ip6_plen = htons((uint16_t)udp_len),
		.ip6_nxt = IPPROTO_UDP, .ip6_hlim = 64,
	};

	if (g->family == AF_INET) {
		memcpy(&v4.saddr, g->from.address, sizeof(v4.saddr));
		memcpy(&v4.daddr, g->to.address, sizeof(v4.daddr));
		memcpy(at, &v4, sizeof(v4));
		v4.check = checksum_end(checksum_add(0, at, sizeof(v4)));
		memcpy(at, &v4, sizeof(v4));
	} else {
		memcpy(&v6.ip6_src, g->from.address, sizeof(v6.ip6_src));
		memcpy(&v6.ip6_dst, g->to.address, sizeof(v6.ip6_dst));
		memcpy(at, &v6, sizeof(v6));
	}
}

size_t udp_put_headers(const struct udp_datagram *g, const uint8_t guest[ETH_ALEN], uint8_t *frame)
{
	/* slirp's own for 10.0.2.2, which it answers ARP and neighbour discovery with. */
	static const uint8_t gateway[ETH_ALEN] = { 0x52, 0x55, 10, 0, 2, 2 };
	const uint16_t type = htons(g->family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	uint8_t *ip = frame + ETH_HLEN, *udp = ip + ip_header_len(g->family);
	size_t udp_len = sizeof(struct udphdr) + g->len;
	struct udphdr header = {
		.source = htons(g->from.port), .dest = htons(g->to.port),
		.len = htons((uint16_t)udp_len),
	};
	uint32_t sum = IPPROTO_UDP + (uint32_t)udp_len; /* pseudo-header: RFC 768, RFC 8200 8.1 */

	memcpy(frame, guest, ETH_ALEN);
	memcpy(frame + ETH_ALEN, gateway, ETH_ALEN);
	memcpy(frame + 2 * ETH_ALEN, &type, sizeof(type));
	put_ip_header(g, ip, udp_len);
	memcpy(udp, &header, sizeof(header));
	sum = checksum_add(sum, g->from.address, sizeof(g->from.address));
	sum = checksum_add(sum, g->to.address, sizeof(g->to.address));
	header.check = checksum_end(checksum_add(sum, udp, udp_len));
	if (header.check == 0)
		header.check = 0xffff; /* 0 means that there is none */
	memcpy(udp, &header, sizeof(header));
	return udp_payload_offset(g->family) + g->len;
}

static bool parse_ip4(const uint8_t *ip, size_t len, struct udp_datagram *ret,
		      const uint8_t **ret_udp, size_t *ret_len)
{
	struct iphdr h;
	size_t total, header;

	if (len < sizeof(h))
		return false;
	memcpy(&h, ip, sizeof(h));
	total = ntohs(h.tot_len);
	header = 4u * h.ihl;
	if (h.version != 4 || h.protocol != IPPROTO_UDP || (ntohs(h.frag_off) & ~IP_DF) ||
	    header < sizeof(h) || total > len || total < header)
		return false;
	memcpy(ret->to.address, &h.daddr, sizeof(h.daddr));
	*ret_udp = ip + header;
	*ret_len = total - header;
	return true;
}

/* Extension headers are left to slirp: but for fragments (net/fragment6.h) UDP has none. */
static bool parse_ip6(const uint8_t *ip, size_t len, struct udp_datagram *ret,
		      const uint8_t **ret_udp, size_t *ret_len)
{
	struct ip6_hdr h;

	if (len < sizeof(h))
		return false;
	memcpy(&h, ip, sizeof(h));
	if (h.ip6_vfc >> 4 != 6 || h.ip6_nxt != IPPROTO_UDP || ntohs(h.ip6_plen) > len - sizeof(h))
		return false;
	memcpy(ret->to.address, &h.ip6_dst, sizeof(h.ip6_dst));
	*ret_udp = ip + sizeof(h);
	*ret_len = ntohs(h.ip6_plen);
	return true;
}

bool udp_parse(const uint8_t *frame, size_t len, struct udp_datagram *ret)
{
	struct udp_datagram g = { .family = AF_UNSPEC };
	const uint8_t *udp = NULL;
	struct udphdr header;
	size_t n = 0;

	if (len < ETH_HLEN)
		return false;
	switch (frame[12] << 8 | frame[13]) {
	case ETH_P_IP:
		g.family = AF_INET;
		if (!parse_ip4(frame + ETH_HLEN, len - ETH_HLEN, &g, &udp, &n))
			return false;
		break;
	case ETH_P_IPV6:
		g.family = AF_INET6;
		if (!parse_ip6(frame + ETH_HLEN, len - ETH_HLEN, &g, &udp, &n))
			return false;
		break;
	default:
		return false;
	}
	if (n < sizeof(header))
		return false;
	memcpy(&header, udp, sizeof(header));
	if (ntohs(header.len) < sizeof(header) || ntohs(header.len) > n)
		return false;
	g.from.port = ntohs(header.source);
	g.to.port = ntohs(header.dest);
	g.payload = udp + sizeof(header);
	g.len = ntohs(header.len) - sizeof(header);
	*ret = g;
	return true;
}
