/*
 * Theory of operation
 *
 * libslirp forwards UDP too, but its answers to the host's loopback fail wherever the loopback is
 * out of the container's reach, as it is here: it can't tell an answer from a question. So this
 * remembers who asked. A flow is a peer that has sent a datagram to a published port, with the
 * address and port that the container saw; the container's own datagrams are answers only where
 * they go to such a peer from that port, and all others are slirp's as before.
 *
 * The container sees the peer's own address where it can answer to it. An address that means
 * something else in the container (a loopback, one on its own link) is replaced by the gateway's,
 * so that nothing from outside comes as 127.0.0.1; the port is the peer's own, or the next one
 * where two peers would look the same.
 *
 * There is room for a fixed number of flows, and the one longest unused makes way: a flow needs no
 * timer, and a flood of peers no more memory.
 */
#include "net/datagram.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/network.h"
#include "net/udp.h"

#define FLOWS_MAX 512

struct outlet {
	int sock, family;
	uint16_t container;
};

struct flow {
	size_t outlet;
	struct endpoint real, seen; /* as the host sees it, as the container does */
	uint32_t scope;		    /* of a link-local address */
	uint64_t used;		    /* 0: free */
};

struct datagrams {
	const struct network_config *config;
	struct outlet *outlets;
	size_t n_outlets;
	uint64_t clock; /* counts datagrams */
	uint8_t guest[ETH_ALEN];
	struct flow flows[FLOWS_MAX];
};

struct datagrams *datagrams_new(const struct network_config *config)
{
	struct datagrams *d = xcalloc(1, sizeof(*d));

	d->config = config;
	/* Until its first frame tells. Kernels take a unicast packet out of a broadcast frame. */
	memset(d->guest, 0xff, sizeof(d->guest));
	return d;
}

void datagrams_free(struct datagrams *d)
{
	for (size_t i = 0; d && i < d->n_outlets; i++)
		close(d->outlets[i].sock);
	if (d)
		free(d->outlets);
	free(d);
}

void datagrams_add(struct datagrams *d, int sock, uint16_t container)
{
	struct outlet o = { .sock = sock, .family = AF_INET, .container = container };
	socklen_t len = sizeof(o.family);

	getsockopt(sock, SOL_SOCKET, SO_DOMAIN, &o.family, &len);
	d->outlets = xrealloc(d->outlets, (d->n_outlets + 1) * sizeof(*d->outlets));
	d->outlets[d->n_outlets++] = o;
}

/* --- Flows --- */

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* The flow whose peer the container sees there when it looks out of one of its ports. */
static struct flow *flow_seen(struct datagrams *d, int family, uint16_t container,
			      const struct endpoint *seen)
{
	for (struct flow *f = d->flows; f < d->flows + FLOWS_MAX; f++) {
		const struct outlet *o = &d->outlets[f->outlet];

		if (f->used && o->family == family && o->container == container &&
		    same_endpoint(&f->seen, seen))
			return f;
	}
	return NULL;
}

static struct flow *oldest_flow(struct datagrams *d)
{
	struct flow *oldest = d->flows;

	for (struct flow *f = d->flows; f < d->flows + FLOWS_MAX; f++)
		if (f->used < oldest->used)
			oldest = f;
	return oldest;
}

static bool has_prefix(const uint8_t *address, int family, const char *prefix, size_t bytes)
{
	uint8_t want[16];

	return inet_pton(family, prefix, want) == 1 && memcmp(address, want, bytes) == 0;
}

/* Would the container take the address for something else, or not answer to it by the gateway? */
static bool is_ambiguous(const struct network_config *c, const uint8_t *address, int family)
{
	struct in_addr v4;

	memcpy(&v4, address, sizeof(v4));
	if (family == AF_INET)
		return address[0] == 127 || address[0] == 0 ||
		       (v4.s_addr & c->mask.s_addr) == c->network.s_addr;
	return has_prefix(address, family, "::", 12) || has_prefix(address, family, "fe80::", 2) ||
	       memcmp(address, &c->network6, 8) == 0;
}

static struct flow *flow_of_peer(struct datagrams *d, size_t outlet, const struct endpoint *peer,
				 uint32_t scope)
{
	const struct outlet *o = &d->outlets[outlet];
	struct endpoint seen = *peer;
	struct flow *f;

	for (f = d->flows; f < d->flows + FLOWS_MAX; f++)
		if (f->used && f->outlet == outlet && f->scope == scope &&
		    same_endpoint(&f->real, peer))
			return f;
	f = NULL;
	if (is_ambiguous(d->config, peer->address, o->family)) {
		memset(seen.address, 0, sizeof(seen.address));
		if (o->family == AF_INET)
			memcpy(seen.address, &d->config->gateway, sizeof(d->config->gateway));
		else
			memcpy(seen.address, &d->config->gateway6, sizeof(d->config->gateway6));
		while (seen.port == 0 || flow_seen(d, o->family, o->container, &seen))
			seen.port++;
	} else {
		f = flow_seen(d, o->family, o->container, &seen); /* by another of our sockets */
	}
	f = f ? f : oldest_flow(d);
	*f = (struct flow){ .outlet = outlet, .real = *peer, .seen = seen, .scope = scope };
	return f;
}

/* --- Sockets --- */

static struct endpoint endpoint_of(const struct sockaddr_storage *s, uint32_t *ret_scope)
{
	struct endpoint e = { .port = 0 };
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*ret_scope = 0;
	if (s->ss_family == AF_INET) {
		memcpy(&in, s, sizeof(in));
		memcpy(e.address, &in.sin_addr, sizeof(in.sin_addr));
		e.port = ntohs(in.sin_port);
	} else {
		memcpy(&in6, s, sizeof(in6));
		memcpy(e.address, &in6.sin6_addr, sizeof(in6.sin6_addr));
		e.port = ntohs(in6.sin6_port);
		*ret_scope = in6.sin6_scope_id;
	}
	return e;
}

static void send_to_peer(const struct datagrams *d, const struct flow *f, const uint8_t *payload,
			 size_t len)
{
	const struct outlet *o = &d->outlets[f->outlet];
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(f->real.port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(f->real.port),
				    .sin6_scope_id = f->scope };

	memcpy(&in.sin_addr, f->real.address, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, f->real.address, sizeof(in6.sin6_addr));
	if (o->family == AF_INET)
		sendto(o->sock, payload, len, MSG_DONTWAIT, (struct sockaddr *)&in, sizeof(in));
	else
		sendto(o->sock, payload, len, MSG_DONTWAIT, (struct sockaddr *)&in6, sizeof(in6));
}

/* --- Both ways --- */

size_t datagrams_to_frame(struct datagrams *d, int sock, uint8_t frame[FRAME_MAX])
{
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	socklen_t from_len = sizeof(from);
	struct udp_datagram g = { .family = AF_UNSPEC };
	struct endpoint peer;
	struct flow *f;
	size_t i = 0, at;
	uint32_t scope;
	ssize_t n;

	while (i < d->n_outlets && d->outlets[i].sock != sock)
		i++;
	if (i == d->n_outlets)
		return 0;
	g.family = d->outlets[i].family;
	at = udp_payload_offset(g.family);
	/* MSG_TRUNC: its whole length, so that one which does not fit is dropped and not cut. */
	n = recvfrom(sock, frame + at, FRAME_MAX - at, MSG_DONTWAIT | MSG_TRUNC,
		     (struct sockaddr *)&from, &from_len);
	if (n < 0 || (size_t)n > FRAME_MAX - at || from.ss_family != g.family)
		return 0;
	peer = endpoint_of(&from, &scope);
	f = flow_of_peer(d, i, &peer, scope);
	f->used = ++d->clock;
	g.from = f->seen;
	if (g.family == AF_INET)
		memcpy(g.to.address, &d->config->address, sizeof(d->config->address));
	else
		memcpy(g.to.address, &d->config->address6, sizeof(d->config->address6));
	g.to.port = d->outlets[i].container;
	g.len = (size_t)n;
	return udp_put_headers(&g, d->guest, frame);
}

bool datagrams_from_frame(struct datagrams *d, const uint8_t *frame, size_t len)
{
	struct udp_datagram g;
	struct flow *f;

	if (len >= ETH_HLEN)
		memcpy(d->guest, frame + ETH_ALEN, ETH_ALEN);
	if (!udp_parse(frame, len, &g))
		return false;
	f = flow_seen(d, g.family, g.from.port, &g.to);
	if (!f)
		return false;
	f->used = ++d->clock;
	send_to_peer(d, f, g.payload, g.len);
	return true;
}
