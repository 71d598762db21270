#include "net/fragment6.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define HEADERS (ETH_HLEN + sizeof(struct ip6_hdr))

static struct ip6_hdr header_of(const uint8_t *frame)
{
	struct ip6_hdr ip;

	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	return ip;
}

bool fragment6_is(const uint8_t *frame)
{
	return (frame[12] << 8 | frame[13]) == ETH_P_IPV6 &&
	       header_of(frame).ip6_nxt == IPPROTO_FRAGMENT;
}

bool fragment6_parse(const uint8_t *frame, size_t len, struct fragment_piece *ret)
{
	const struct ip6_hdr ip = header_of(frame);
	struct fragment_piece p = { .of = { .version = 6 }, .header = sizeof(ip) };
	size_t total = ntohs(ip.ip6_plen);
	struct ip6_frag extension;

	if (total <= sizeof(extension) || total > len - HEADERS)
		return false;
	memcpy(&extension, frame + HEADERS, sizeof(extension));
	if (extension.ip6f_nxt != IPPROTO_UDP)
		return false;
	p.of.id = extension.ip6f_ident;
	p.of.protocol = extension.ip6f_nxt;
	memcpy(p.of.from, &ip.ip6_src, sizeof(p.of.from));
	memcpy(p.of.to, &ip.ip6_dst, sizeof(p.of.to));
	p.payload = frame + HEADERS + sizeof(extension);
	p.len = total - sizeof(extension);
	p.offset = ntohs(extension.ip6f_offlg & IP6F_OFF_MASK);
	p.more = extension.ip6f_offlg & IP6F_MORE_FRAG;
	if (p.more && p.len % 8)
		return false;
	*ret = p;
	return true;
}

void fragment6_finish(uint8_t *frame, size_t len)
{
	struct ip6_hdr ip = header_of(frame);

	ip.ip6_plen = htons((uint16_t)(len - HEADERS));
	ip.ip6_nxt = IPPROTO_UDP;
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
}

void fragment6_cut(const uint8_t *frame, size_t len, size_t mtu, uint32_t id,
		   void (*give)(const uint8_t *frame, size_t len, void *arg), void *arg)
{
	const size_t behind = HEADERS + sizeof(struct ip6_frag);
	const size_t step = (mtu - (behind - ETH_HLEN)) / 8 * 8;
	CLEAN(clean_free) uint8_t *piece = xmalloc(behind + step);
	struct ip6_hdr ip = header_of(frame);
	struct ip6_frag extension = { .ip6f_nxt = ip.ip6_nxt, .ip6f_ident = htonl(id) };

	memcpy(piece, frame, ETH_HLEN);
	ip.ip6_nxt = IPPROTO_FRAGMENT;
	for (size_t at = 0; HEADERS + at < len; at += step) {
		size_t n = len - HEADERS - at < step ? len - HEADERS - at : step;
		bool more = HEADERS + at + n < len;

		ip.ip6_plen = htons((uint16_t)(sizeof(extension) + n));
		extension.ip6f_offlg = htons((uint16_t)at) | (more ? IP6F_MORE_FRAG : 0);
		memcpy(piece + ETH_HLEN, &ip, sizeof(ip));
		memcpy(piece + HEADERS, &extension, sizeof(extension));
		memcpy(piece + behind, frame + HEADERS + at, n);
		give(piece, behind + n, arg);
	}
}
