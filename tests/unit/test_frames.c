/*
 * Frames of the container, before libslirp sees them: which it may see, and which are answers to
 * datagrams of published ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/datagram.h"
#include "net/fragment.h"
#include "net/frame.h"
#include "net/network.h"
#include "net/udp.h"
#include "tests/unit/test.h"

static struct network_config defaults(void)
{
	struct network_config c;

	network_config_init(&c);
	return c;
}

static bool admits_ip4(const char *destination)
{
	uint8_t frame[ETH_HLEN + sizeof(struct iphdr)] = { [12] = 0x08, [ETH_HLEN] = 0x45 };

	inet_pton(AF_INET, destination, frame + ETH_HLEN + offsetof(struct iphdr, daddr));
	return frame_admissible(frame, sizeof(frame), false);
}

static bool admits_ip6(const char *destination)
{
	uint8_t frame[ETH_HLEN + 40] = { [12] = 0x86, [13] = 0xdd, [ETH_HLEN] = 0x60 };

	inet_pton(AF_INET6, destination, frame + ETH_HLEN + 24);
	return frame_admissible(frame, sizeof(frame), false);
}

TEST(frames_to_the_outside_and_to_the_gateway_are_admitted)
{
	CHECK(admits_ip4("10.0.2.2"));
	CHECK(admits_ip4("192.0.2.1"));
	CHECK(admits_ip4("255.255.255.255"));
	CHECK(admits_ip6("fd00::2"));
	CHECK(admits_ip6("2001:db8::1"));
	CHECK(admits_ip6("ff02::1:ff00:2"));
}

TEST(frames_to_the_loopback_are_dropped_however_it_is_spelt)
{
	CHECK(!admits_ip4("127.0.0.1"));
	CHECK(!admits_ip4("127.255.255.254"));
	CHECK(!admits_ip4("0.0.0.0"));
	CHECK(!admits_ip4("0.1.2.3"));
	CHECK(!admits_ip6("::1"));
	CHECK(!admits_ip6("::"));
	CHECK(!admits_ip6("::127.0.0.1"));
	CHECK(!admits_ip6("::ffff:127.0.0.1"));
	CHECK(!admits_ip6("::ffff:192.0.2.1"));
}

TEST(frames_to_the_links_of_the_host_are_dropped_unless_it_is_asked_for)
{
	uint8_t frame[ETH_HLEN + sizeof(struct iphdr)] = { [12] = 0x08, [ETH_HLEN] = 0x45 };

	inet_pton(AF_INET, "169.254.169.254", frame + ETH_HLEN + offsetof(struct iphdr, daddr));
	CHECK(!frame_admissible(frame, sizeof(frame), false));
	CHECK(frame_admissible(frame, sizeof(frame), true));
	CHECK(admits_ip4("169.253.0.1") && admits_ip4("170.254.0.1"));
	CHECK(!admits_ip6("fe80::1") && !admits_ip6("febf::1"));
	CHECK(admits_ip6("fec0::1"));
}

TEST(neighbours_are_asked_for_by_link_local_addresses)
{
	uint8_t frame[ETH_HLEN + 40] = { [12] = 0x86, [13] = 0xdd, [ETH_HLEN] = 0x60,
					 [ETH_HLEN + 6] = IPPROTO_ICMPV6 };

	inet_pton(AF_INET6, "fe80::2", frame + ETH_HLEN + 24);
	CHECK(frame_admissible(frame, sizeof(frame), false));
}

TEST(frames_that_are_cut_off_or_too_long_are_dropped)
{
	static uint8_t frame[FRAME_MAX + 1] = { [12] = 0x08, [ETH_HLEN] = 0x45, [ETH_HLEN + 16] = 10 };

	for (size_t len = 0; len < ETH_HLEN + sizeof(struct iphdr); len++)
		CHECK(!frame_admissible(frame, len, false));
	CHECK(frame_admissible(frame, ETH_HLEN + sizeof(struct iphdr), false));
	CHECK(frame_admissible(frame, FRAME_MAX, false));
	CHECK(!frame_admissible(frame, FRAME_MAX + 1, false));
}

TEST(frames_of_other_protocols_are_dropped)
{
	uint8_t frame[64] = { [12] = 0x08, [13] = 0x06 };

	CHECK(frame_admissible(frame, sizeof(frame), false)); /* ARP */
	frame[12] = 0x88;
	frame[13] = 0xf8; /* NC-SI */
	CHECK(!frame_admissible(frame, sizeof(frame), false));
	frame[12] = 0x86;
	frame[13] = 0xdd; /* IPv6 that says it is version 0 */
	CHECK(!frame_admissible(frame, sizeof(frame), false));
}

/* ---- published ports of UDP ---- */

/* A socket of the loopback; with a peer, connected to that one's. */
static int udp_socket(int family, int peer)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(address);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	in6.sin6_addr = in6addr_loopback;
	if (family == AF_INET)
		CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	else
		CHECK(bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0);
	if (peer >= 0)
		CHECK(getsockname(peer, (struct sockaddr *)&address, &len) == 0 &&
		      connect(fd, (struct sockaddr *)&address, len) == 0);
	return fd;
}

/* The frame that answers a frame, as a container's kernel would make it. */
static size_t answer_to(const uint8_t *frame, const char *text, uint8_t *ret)
{
	static const uint8_t mac[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };
	struct udp_datagram g = { .family = frame[12] == 0x08 ? AF_INET : AF_INET6 };
	size_t ip = ETH_HLEN, size = g.family == AF_INET ? 4 : 16, at = g.family == AF_INET ? 12 : 8;
	const uint8_t *udp = frame + udp_payload_offset(g.family) - sizeof(struct udphdr);

	memcpy(g.to.address, frame + ip + at, size);
	memcpy(g.from.address, frame + ip + at + size, size);
	g.to.port = (uint16_t)(udp[0] << 8 | udp[1]);
	g.from.port = (uint16_t)(udp[2] << 8 | udp[3]);
	g.len = strlen(text);
	memcpy(ret + udp_payload_offset(g.family), text, g.len);
	return udp_put_headers(&g, mac, ret);
}

static uint16_t folded_sum(const uint8_t *data, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void datagrams_round_trip(int family)
{
	static uint8_t frame[FRAME_MAX], answer[FRAME_MAX];
	struct network_config config = defaults();
	struct datagrams *d = datagrams_new(&config);
	int outlet = udp_socket(family, -1), peer = udp_socket(family, outlet);
	size_t at = udp_payload_offset(family), addresses = ETH_HLEN + (family == AF_INET ? 12 : 8), n;
	char got[16] = "", gateway[INET6_ADDRSTRLEN] = "";

	datagrams_add(d, outlet, 53);
	CHECK(datagrams_to_frame(d, outlet, frame) == 0); /* nothing yet */
	CHECK(send(peer, "hello", 5, 0) == 5);
	n = datagrams_to_frame(d, outlet, frame);
	CHECK(n == at + 5 && memcmp(frame + at, "hello", 5) == 0);
	inet_ntop(family, frame + addresses, gateway, sizeof(gateway));
	CHECK_STR(gateway, family == AF_INET ? "10.0.2.2" : NETWORK_GATEWAY6);
	/* Addresses, ports, length and payload, with the pseudo-header's protocol and length. */
	CHECK(folded_sum(frame + addresses, n - addresses, IPPROTO_UDP + 13) == 0xffff);
	if (family == AF_INET)
		CHECK(folded_sum(frame + ETH_HLEN, sizeof(struct iphdr), 0) == 0xffff);
	n = answer_to(frame, "world!", answer);
	CHECK(datagrams_from_frame(d, answer, n));
	CHECK(recv(peer, got, sizeof(got), 0) == 6 && strcmp(got, "world!") == 0);
	/* Where it learnt the container's address from. */
	CHECK(send(peer, "", 0, 0) == 0 && datagrams_to_frame(d, outlet, frame) == at);
	CHECK(memcmp(frame, answer + ETH_ALEN, ETH_ALEN) == 0);
	close(peer);
	datagrams_free(d);
}

TEST(a_datagram_becomes_a_frame_and_its_answer_a_datagram)
{
	datagrams_round_trip(AF_INET);
	datagrams_round_trip(AF_INET6);
}

TEST(datagrams_that_answer_nobody_are_left_to_slirp)
{
	static uint8_t frame[FRAME_MAX], answer[FRAME_MAX];
	struct network_config config = defaults();
	struct datagrams *d = datagrams_new(&config);
	int outlet = udp_socket(AF_INET, -1), peer = udp_socket(AF_INET, outlet);
	size_t at = udp_payload_offset(AF_INET), n;
	char byte;

	datagrams_add(d, outlet, 53);
	CHECK(send(peer, "hello", 5, 0) == 5);
	CHECK(datagrams_to_frame(d, outlet, frame) == at + 5);
	n = answer_to(frame, "x", answer);
	answer[at - 8]++; /* from another port of the container's */
	CHECK(!datagrams_from_frame(d, answer, n));
	n = answer_to(frame, "x", answer);
	answer[at - 5]++; /* to another port */
	CHECK(!datagrams_from_frame(d, answer, n));
	n = answer_to(frame, "x", answer);
	answer[ETH_HLEN + 19]++; /* to another address */
	CHECK(!datagrams_from_frame(d, answer, n));
	n = answer_to(frame, "x", answer);
	answer[ETH_HLEN + 6] = 0x20; /* a fragment */
	CHECK(!datagrams_from_frame(d, answer, n));
	n = answer_to(frame, "x", answer);
	for (size_t len = 0; len < n; len++)
		CHECK(!datagrams_from_frame(d, answer, len));
	CHECK(recv(peer, &byte, 1, MSG_DONTWAIT) < 0);
	close(peer);
	datagrams_free(d);
}

TEST(datagrams_of_many_peers_are_kept_apart_and_the_oldest_forgotten)
{
	enum { PEERS = 600 };
	static uint8_t frames[PEERS][64], answer[64];
	static uint8_t frame[FRAME_MAX];
	struct network_config config = defaults();
	struct datagrams *d = datagrams_new(&config);
	int outlet = udp_socket(AF_INET, -1), peers[PEERS];
	char byte;

	datagrams_add(d, outlet, 53);
	for (int i = 0; i < PEERS; i++) {
		peers[i] = udp_socket(AF_INET, outlet);
		CHECK(send(peers[i], "?", 1, 0) == 1);
		CHECK(datagrams_to_frame(d, outlet, frame) == udp_payload_offset(AF_INET) + 1);
		memcpy(frames[i], frame, sizeof(frames[i]));
	}
	CHECK(!datagrams_from_frame(d, answer, answer_to(frames[0], "!", answer)));
	for (int i = PEERS - 100; i < PEERS; i++) {
		CHECK(datagrams_from_frame(d, answer, answer_to(frames[i], "!", answer)));
		CHECK(recv(peers[i], &byte, 1, MSG_DONTWAIT) == 1);
		CHECK(recv(peers[i], &byte, 1, MSG_DONTWAIT) < 0);
	}
	for (int i = 0; i < PEERS; i++)
		close(peers[i]);
	datagrams_free(d);
}

/* ---- fragments ---- */

enum { MORE = 0x2000 };

/* A fragment of datagram id, of n bytes `fill` at an offset, in units of 8. */
static size_t fragment(uint8_t *frame, uint16_t id, unsigned int field, uint8_t fill, size_t n)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .id = htons(id),
			    .frag_off = htons((uint16_t)field),
			    .tot_len = htons((uint16_t)(sizeof(ip) + n)) };

	memset(frame, 0, ETH_HLEN);
	frame[12] = 0x08;
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	memset(frame + ETH_HLEN + sizeof(ip), fill, n);
	return ETH_HLEN + sizeof(ip) + n;
}

static const uint8_t *join(struct fragments **f, uint16_t id, unsigned int field, uint8_t fill, size_t n,
			   size_t *ret_len)
{
	static uint8_t frame[FRAME_MAX];
	size_t len = fragment(frame, id, field, fill, n);
	const uint8_t *joined = fragments_join(f, frame, &len);

	*ret_len = len;
	return joined;
}

TEST(fragments_in_order_become_one_packet)
{
	struct fragments *f = NULL;
	const uint8_t *whole;
	struct iphdr ip;
	size_t len;

	CHECK(!join(&f, 7, MORE, 'a', 16, &len));
	CHECK(!join(&f, 8, MORE, 'x', 8, &len)); /* of another, in between */
	CHECK(!join(&f, 7, MORE | 2, 'b', 8, &len));
	whole = join(&f, 7, 3, 'c', 5, &len);
	CHECK(whole && len == ETH_HLEN + sizeof(ip) + 29);
	if (!whole)
		return;
	memcpy(&ip, whole + ETH_HLEN, sizeof(ip));
	CHECK(ip.frag_off == 0 && ntohs(ip.tot_len) == len - ETH_HLEN);
	CHECK(ip_checksum(whole + ETH_HLEN, sizeof(ip)) == 0);
	CHECK(memcmp(whole + ETH_HLEN + sizeof(ip), "aaaaaaaaaaaaaaaabbbbbbbbccccc", 29) == 0);
	CHECK((whole = join(&f, 8, 1, 'y', 1, &len)) && len == ETH_HLEN + sizeof(ip) + 9);
	/* It is done with: its end says nothing any more. */
	CHECK(!join(&f, 7, 3, 'c', 5, &len));
	fragments_free(f);
}

/* Puts together again what was cut; counts the pieces. */
struct mended {
	struct fragments *f;
	uint8_t whole[FRAME_MAX];
	size_t len, n, mtu;
	bool v6;
};

static void mend(const uint8_t *frame, size_t len, void *arg)
{
	struct mended *m = arg;
	const uint8_t *whole;

	CHECK(len <= ETH_HLEN + m->mtu && (m->v6 || ip_checksum(frame + ETH_HLEN, sizeof(struct iphdr)) == 0));
	m->n++;
	whole = fragments_join(&m->f, frame, &len);
	if (!whole)
		return;
	m->len = len;
	memcpy(m->whole, whole, len);
}

TEST(a_packet_that_is_too_large_is_cut_and_is_the_same_when_joined)
{
	static const size_t sizes[] = { 1, 1380, 1381, 9000, 60000 };
	static uint8_t frame[FRAME_MAX];
	static struct mended m;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t len = fragment(frame, 0, 0x4000, 'a', sizes[i]);
		struct iphdr ip;

		for (size_t k = ETH_HLEN + sizeof(ip); k < len; k++)
			frame[k] = (uint8_t)(k * 7 >> 3);
		memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
		ip.check = ip_checksum(&ip, sizeof(ip));
		memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
		m = (struct mended){ .mtu = 1400 };
		fragments_cut(frame, len, m.mtu, 9, mend, &m);
		CHECK(m.len == len && (m.n == 1) == (sizes[i] <= 1380));
		CHECK(memcmp(m.whole + ETH_HLEN + sizeof(ip), frame + ETH_HLEN + sizeof(ip), sizes[i]) == 0);
		fragments_free(m.f);
	}
}

/* ---- fragments of IPv6 ---- */

static size_t fragment6(uint8_t *frame, uint32_t id, unsigned int field, uint8_t protocol, size_t n)
{
	struct ip6_frag extension = { .ip6f_nxt = protocol, .ip6f_offlg = htons((uint16_t)field),
				      .ip6f_ident = htonl(id) };
	struct ip6_hdr ip = { .ip6_nxt = IPPROTO_FRAGMENT, .ip6_plen = htons((uint16_t)(sizeof(extension) + n)) };

	ip.ip6_vfc = 6 << 4;
	memset(frame, 0, ETH_HLEN);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
	memcpy(frame + ETH_HLEN + sizeof(ip), &extension, sizeof(extension));
	memset(frame + ETH_HLEN + sizeof(ip) + sizeof(extension), (int)id, n);
	return ETH_HLEN + sizeof(ip) + sizeof(extension) + n;
}

static const uint8_t *join6(struct fragments **f, uint32_t id, unsigned int field, uint8_t protocol, size_t n,
			    size_t *ret_len)
{
	static uint8_t frame[FRAME_MAX + 64];
	size_t len = fragment6(frame, id, field, protocol, n);
	const uint8_t *joined = fragments_join(f, frame, &len);

	*ret_len = len;
	return joined;
}

TEST(a_datagram_of_ipv6_that_is_too_large_is_cut_and_is_the_same_when_joined)
{
	static const size_t sizes[] = { 9, 1360, 1361, 9000, 60000 };
	static uint8_t frame[FRAME_MAX];
	static struct mended m;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const size_t headers = ETH_HLEN + sizeof(struct ip6_hdr);
		struct ip6_hdr ip = { .ip6_nxt = IPPROTO_UDP, .ip6_plen = htons((uint16_t)sizes[i]) };
		size_t len = headers + sizes[i];

		ip.ip6_vfc = 6 << 4;
		memset(frame, 0, ETH_HLEN);
		frame[12] = 0x86;
		frame[13] = 0xdd;
		memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
		for (size_t k = headers; k < len; k++)
			frame[k] = (uint8_t)(k * 7 >> 3);
		m = (struct mended){ .mtu = 1400, .v6 = true };
		fragments_cut(frame, len, m.mtu, 9, mend, &m);
		CHECK(m.len == len && (m.n == 1) == (sizes[i] <= 1360));
		CHECK(memcmp(m.whole, frame, len) == 0);
		fragments_free(m.f);
	}
}

TEST(fragments_of_ipv6_that_make_no_datagram_are_dropped)
{
	enum { MORE6 = 1 };
	struct fragments *f = NULL;
	uint8_t frame[128];
	size_t len;

	CHECK(!join6(&f, 1, 8, IPPROTO_UDP, 24, &len));		   /* no beginning */
	CHECK(!join6(&f, 2, MORE6, IPPROTO_UDP, 8, &len));
	CHECK(!join6(&f, 2, 16, IPPROTO_UDP, 8, &len));		   /* a gap */
	CHECK(!join6(&f, 2, 8, IPPROTO_UDP, 8, &len));
	CHECK(!join6(&f, 3, MORE6, IPPROTO_UDP, 7, &len));	   /* not of eights */
	CHECK(!join6(&f, 4, 0, IPPROTO_TCP, 8, &len));		   /* of something else */
	CHECK(!join6(&f, 5, 0, IPPROTO_UDP, 0, &len));		   /* of nothing */
	CHECK(!join6(&f, 6, MORE6, IPPROTO_UDP, 65000, &len));	   /* beyond the largest packet */
	CHECK(!join6(&f, 6, 65000, IPPROTO_UDP, 600, &len));
	len = fragment6(frame, 7, 0, IPPROTO_UDP, 16) - 1;	   /* cut off */
	CHECK(!fragments_join(&f, frame, &len));
	CHECK(join6(&f, 8, 0, IPPROTO_UDP, 16, &len) && len == ETH_HLEN + sizeof(struct ip6_hdr) + 16);
	fragments_free(f);
}

TEST(what_is_no_fragment_goes_by)
{
	struct fragments *f = NULL;
	uint8_t arp[42] = { [12] = 0x08, [13] = 0x06 };
	size_t len = sizeof(arp);

	CHECK(fragments_join(&f, arp, &len) == arp && len == sizeof(arp) && !f);
	CHECK(join(&f, 1, 0, 'a', 8, &len) && join(&f, 1, 0x4000, 'a', 8, &len) && !f);
}

TEST(fragments_with_gaps_overlaps_or_no_beginning_are_dropped)
{
	struct fragments *f = NULL;
	size_t len;

	CHECK(!join(&f, 1, 1, 'a', 24, &len));	       /* libslirp 4.7.0 crashed on this */
	CHECK(!join(&f, 2, MORE, 'a', 8, &len));
	CHECK(!join(&f, 2, 2, 'b', 8, &len));	       /* a gap: all of it is forgotten */
	CHECK(!join(&f, 2, 1, 'b', 8, &len));
	CHECK(!join(&f, 3, MORE, 'a', 16, &len));
	CHECK(!join(&f, 3, 1, 'b', 8, &len));	       /* an overlap */
	CHECK(!join(&f, 4, MORE, 'a', 7, &len));       /* not of eights */
	CHECK(!join(&f, 4, 1, 'a', 8, &len));
	CHECK(!join(&f, 5, 0x8000, 'a', 8, &len));     /* the bit that nobody has */
	CHECK(!join(&f, 6, MORE, 'a', 0, &len));       /* of nothing */
	CHECK(!join(&f, 7, 0x1fff, 'a', 64, &len));    /* beyond the largest packet */
	fragments_free(f);
}

TEST(a_packet_of_fragments_is_as_large_as_any_and_no_larger)
{
	struct fragments *f = NULL;
	size_t len;

	CHECK(!join(&f, 1, MORE, 'a', 65000, &len));
	CHECK(join(&f, 1, 65000 / 8, 'b', 515, &len) && len == ETH_HLEN + 65535);
	CHECK(!join(&f, 1, MORE, 'a', 65000, &len));
	CHECK(!join(&f, 1, 65000 / 8, 'b', 516, &len));
	fragments_free(f);
}

TEST(datagrams_that_are_never_finished_make_room)
{
	struct fragments *f = NULL;
	size_t len;

	for (uint16_t id = 1; id <= 100; id++)
		CHECK(!join(&f, id, MORE, 'a', 8, &len));
	CHECK(!join(&f, 1, 1, 'b', 8, &len));
	CHECK(join(&f, 100, 1, 'b', 8, &len));
	fragments_free(f);
}

int main(void)
{
	RUN(frames_to_the_outside_and_to_the_gateway_are_admitted);
	RUN(frames_to_the_loopback_are_dropped_however_it_is_spelt);
	RUN(frames_to_the_links_of_the_host_are_dropped_unless_it_is_asked_for);
	RUN(neighbours_are_asked_for_by_link_local_addresses);
	RUN(frames_that_are_cut_off_or_too_long_are_dropped);
	RUN(frames_of_other_protocols_are_dropped);
	RUN(a_datagram_becomes_a_frame_and_its_answer_a_datagram);
	RUN(datagrams_that_answer_nobody_are_left_to_slirp);
	RUN(datagrams_of_many_peers_are_kept_apart_and_the_oldest_forgotten);
	RUN(fragments_in_order_become_one_packet);
	RUN(a_packet_that_is_too_large_is_cut_and_is_the_same_when_joined);
	RUN(a_datagram_of_ipv6_that_is_too_large_is_cut_and_is_the_same_when_joined);
	RUN(fragments_of_ipv6_that_make_no_datagram_are_dropped);
	RUN(what_is_no_fragment_goes_by);
	RUN(fragments_with_gaps_overlaps_or_no_beginning_are_dropped);
	RUN(a_packet_of_fragments_is_as_large_as_any_and_no_larger);
	RUN(datagrams_that_are_never_finished_make_room);
	return test_summary();
}
