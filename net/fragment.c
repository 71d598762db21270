#include "net/fragment.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/fragment6.h"
#include "net/udp.h"

/* Datagrams in the making at the same time: of several sockets, whose fragments mix. */
#define DATAGRAMS_MAX 4

struct datagram {
	uint64_t used; /* 0: free */
	struct fragment_key key;
	size_t header;
	size_t len; /* of the frame so far */
	uint8_t frame[ETH_HLEN + IP_MAXPACKET];
};

struct fragments {
	uint64_t clock;
	struct datagram *v[DATAGRAMS_MAX];
};

void fragments_free(struct fragments *f)
{
	for (size_t i = 0; f && i < DATAGRAMS_MAX; i++)
		free(f->v[i]);
	free(f);
}

static struct iphdr header_of(const uint8_t *frame)
{
	struct iphdr ip;

	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	return ip;
}

/* False: no fragment that could be part of anything. */
static bool parse4(const uint8_t *frame, size_t len, struct fragment_piece *ret)
{
	const struct iphdr ip = header_of(frame);
	struct fragment_piece p = { .of = { .version = 4, .id = ip.id, .protocol = ip.protocol } };
	unsigned int field = ntohs(ip.frag_off);
	size_t total = ntohs(ip.tot_len);

	p.header = 4u * ip.ihl;
	if (p.header < sizeof(ip) || total <= p.header || total > len - ETH_HLEN || (field & IP_RF))
		return false;
	memcpy(p.of.from, &ip.saddr, sizeof(ip.saddr));
	memcpy(p.of.to, &ip.daddr, sizeof(ip.daddr));
	p.payload = frame + ETH_HLEN + p.header;
	p.offset = (field & IP_OFFMASK) * 8u;
	p.len = total - p.header;
	p.more = field & IP_MF;
	if (p.more && p.len % 8)
		return false;
	*ret = p;
	return true;
}

/* What of this packet there is so far; NULL: nothing. */
static struct datagram *find(const struct fragments *f, const struct fragment_key *key)
{
	for (size_t i = 0; i < DATAGRAMS_MAX; i++)
		if (f->v[i] && f->v[i]->used && memcmp(&f->v[i]->key, key, sizeof(*key)) == 0)
			return f->v[i];
	return NULL;
}

/* A free one, or that which has waited longest. */
static struct datagram *make_room(struct fragments *f)
{
	struct datagram **oldest = &f->v[0];

	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		if (!f->v[i]) {
			/* Not cleared: it takes memory as it is used. */
			f->v[i] = xmalloc(sizeof(*f->v[i]));
			return f->v[i];
		}
		if (f->v[i]->used < (*oldest)->used)
			oldest = &f->v[i];
	}
	return *oldest;
}

static void finish4(struct datagram *d)
{
	struct iphdr ip = header_of(d->frame);

	ip.tot_len = htons((uint16_t)(d->len - ETH_HLEN));
	ip.frag_off = 0;
	ip.check = 0;
	memcpy(d->frame + ETH_HLEN, &ip, sizeof(ip));
	ip.check = ip_checksum(d->frame + ETH_HLEN, 4u * ip.ihl);
	memcpy(d->frame + ETH_HLEN, &ip, sizeof(ip));
}

/* The header of the first fragment becomes that of the whole. */
static const uint8_t *finish(struct datagram *d, size_t *len)
{
	if (d->key.version == 4)
		finish4(d);
	else
		fragment6_finish(d->frame, d->len);
	d->used = 0;
	*len = d->len;
	return d->frame;
}

static const uint8_t *join(struct fragments *f, const uint8_t *frame,
			   const struct fragment_piece *p, size_t *len)
{
	struct datagram *d = find(f, &p->of);

	if (p->offset == 0) {
		d = d ? d : make_room(f);
		d->key = p->of;
		d->header = p->header;
		d->len = ETH_HLEN + p->header;
		memcpy(d->frame, frame, d->len);
	} else if (!d) {
		return NULL;
	}
	/* Its own header may be a shorter one: options need not be repeated. */
	if (d->len != ETH_HLEN + d->header + p->offset || d->len + p->len > sizeof(d->frame)) {
		d->used = 0;
		return NULL;
	}
	memcpy(d->frame + d->len, p->payload, p->len);
	d->len += p->len;
	d->used = ++f->clock;
	return p->more ? NULL : finish(d, len);
}

static bool is_fragment4(const uint8_t *frame)
{
	return (frame[12] << 8 | frame[13]) == ETH_P_IP &&
	       (ntohs(header_of(frame).frag_off) & ~IP_DF);
}

const uint8_t *fragments_join(struct fragments **f, const uint8_t *frame, size_t *len)
{
	struct fragment_piece p;
	bool v6 = fragment6_is(frame);

	if (!v6 && !is_fragment4(frame))
		return frame;
	if (v6 ? !fragment6_parse(frame, *len, &p) : !parse4(frame, *len, &p))
		return NULL;
	if (!*f)
		*f = xcalloc(1, sizeof(**f));
	return join(*f, frame, &p, len);
}

void fragments_cut(const uint8_t *frame, size_t len, size_t mtu, uint16_t id,
		   void (*give)(const uint8_t *frame, size_t len, void *arg), void *arg)
{
	const size_t headers = ETH_HLEN + sizeof(struct iphdr);
	const bool v6 = (frame[12] << 8 | frame[13]) == ETH_P_IPV6;
	const size_t step = (mtu - sizeof(struct iphdr)) / 8 * 8;
	CLEAN(clean_free) uint8_t *piece = NULL;
	struct iphdr ip;

	if (len <= ETH_HLEN + mtu || (!v6 && (frame[12] << 8 | frame[13]) != ETH_P_IP)) {
		give(frame, len, arg);
		return;
	}
	if (v6) {
		fragment6_cut(frame, len, mtu, id, give, arg);
		return;
	}
	piece = xmalloc(headers + step);
	memcpy(piece, frame, headers);
	ip = header_of(frame);
	ip.id = htons(id);
	for (size_t at = 0; headers + at < len; at += step) {
		size_t n = len - headers - at < step ? len - headers - at : step;
		bool more = headers + at + n < len;

		ip.frag_off = htons((uint16_t)(at / 8 | (more ? IP_MF : 0)));
		ip.tot_len = htons((uint16_t)(sizeof(ip) + n));
		ip.check = 0;
		ip.check = ip_checksum(&ip, sizeof(ip));
		memcpy(piece + ETH_HLEN, &ip, sizeof(ip));
		memcpy(piece + headers, frame + headers + at, n);
		give(piece, headers + n, arg);
	}
}
