/*
 * The network, up to libslirp: which frames it may see, the interface in both its forms, and the
 * confinement of the process around it. Everything that changes namespaces or gives up rights runs
 * in a child, as an ordinary user would.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "net/carrier.h"
#include "net/confine.h"
#include "net/datagram.h"
#include "net/frame.h"
#include "net/netlink.h"
#include "net/network.h"
#include "net/udp.h"
#include "tests/unit/test.h"

/* Runs body in a child; its failed checks become ours. A signal that ends it is 128+n. */
static int in_child(void (*body)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		body();
		fflush(stdout);
		_exit(test_bad);
	}
	return proc_reap(pid);
}

/* ---- frames ---- */

static bool admits_ip4(const char *destination)
{
	uint8_t frame[ETH_HLEN + sizeof(struct iphdr)] = { [12] = 0x08, [ETH_HLEN] = 0x45 };

	inet_pton(AF_INET, destination, frame + ETH_HLEN + offsetof(struct iphdr, daddr));
	return frame_admissible(frame, sizeof(frame));
}

static bool admits_ip6(const char *destination)
{
	uint8_t frame[ETH_HLEN + 40] = { [12] = 0x86, [13] = 0xdd, [ETH_HLEN] = 0x60 };

	inet_pton(AF_INET6, destination, frame + ETH_HLEN + 24);
	return frame_admissible(frame, sizeof(frame));
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

TEST(frames_that_are_cut_off_or_too_long_are_dropped)
{
	static uint8_t frame[FRAME_MAX + 1] = { [12] = 0x08, [ETH_HLEN] = 0x45, [ETH_HLEN + 16] = 10 };

	for (size_t len = 0; len < ETH_HLEN + sizeof(struct iphdr); len++)
		CHECK(!frame_admissible(frame, len));
	CHECK(frame_admissible(frame, ETH_HLEN + sizeof(struct iphdr)));
	CHECK(frame_admissible(frame, FRAME_MAX));
	CHECK(!frame_admissible(frame, FRAME_MAX + 1));
}

TEST(frames_of_other_protocols_are_dropped)
{
	uint8_t frame[64] = { [12] = 0x08, [13] = 0x06 };

	CHECK(frame_admissible(frame, sizeof(frame))); /* ARP */
	frame[12] = 0x88;
	frame[13] = 0xf8; /* NC-SI */
	CHECK(!frame_admissible(frame, sizeof(frame)));
	frame[12] = 0x86;
	frame[13] = 0xdd; /* IPv6 that says it is version 0 */
	CHECK(!frame_admissible(frame, sizeof(frame)));
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
	struct datagrams *d = datagrams_new();
	int outlet = udp_socket(family, -1), peer = udp_socket(family, outlet);
	size_t at = udp_payload_offset(family), addresses = ETH_HLEN + (family == AF_INET ? 12 : 8), n;
	char got[16] = "", gateway[INET6_ADDRSTRLEN] = "";

	datagrams_add(d, outlet, 53);
	CHECK(datagrams_to_frame(d, outlet, frame) == 0); /* nothing yet */
	CHECK(send(peer, "hello", 5, 0) == 5);
	n = datagrams_to_frame(d, outlet, frame);
	CHECK(n == at + 5 && memcmp(frame + at, "hello", 5) == 0);
	inet_ntop(family, frame + addresses, gateway, sizeof(gateway));
	CHECK_STR(gateway, family == AF_INET ? NETWORK_GATEWAY : NETWORK_GATEWAY6);
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
	struct datagrams *d = datagrams_new();
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
	struct datagrams *d = datagrams_new();
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

/* ---- the interface ---- */

static int write_file(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* Namespaces as a container has them, with root mapped to the caller. */
static int enter_namespaces(void)
{
	char uid_map[40], gid_map[40];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    write_file("/proc/self/setgroups", "deny") < 0 ||
	    write_file("/proc/self/uid_map", uid_map) < 0)
		return -1;
	return write_file("/proc/self/gid_map", gid_map);
}

static const char *no_namespaces(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(enter_namespaces() < 0);
	status = proc_reap(pid);
	return status == 0 ? NULL : "user and network namespaces can't be created";
}

static const char *no_tun(void)
{
	CLEAN(clean_fd) int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	return fd >= 0 ? NULL : "/dev/net/tun can't be opened";
}

/* The veth pair is what there is without /dev/net/tun: an empty directory hides it. */
static int hide_tun(void)
{
	if (access("/dev/net", F_OK) < 0)
		return 0;
	return mount("tmpfs", "/dev/net", "tmpfs", 0, NULL);
}

static bool has_address(int family, const char *want)
{
	struct ifaddrs *list, *i;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (i = list; i; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN] = "";

		if (!i->ifa_addr || i->ifa_addr->sa_family != family ||
		    strcmp(i->ifa_name, NETWORK_INTERFACE) != 0)
			continue;
		if (family == AF_INET)
			inet_ntop(family, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text,
				  sizeof(text));
		else
			inet_ntop(family, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, text,
				  sizeof(text));
		found |= strcmp(text, want) == 0;
	}
	freeifaddrs(list);
	return found;
}

/* How many addresses of a family an interface has. */
static int count_addresses(int family, const char *name)
{
	struct ifaddrs *list, *i;
	int n = 0;

	if (getifaddrs(&list) < 0)
		return -1;
	for (i = list; i; i = i->ifa_next)
		n += i->ifa_addr && i->ifa_addr->sa_family == family && !strcmp(i->ifa_name, name);
	freeifaddrs(list);
	return n;
}

/* That a packet to `to` would leave from `from`: the kernel looks up its routes in connect(2). */
static bool routes_from(int family, const char *to, const char *from)
{
	CLEAN(clean_fd) int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&in : (void *)&in6;
	void *bytes = family == AF_INET ? (void *)&in.sin_addr : (void *)&in6.sin6_addr;
	socklen_t len = family == AF_INET ? sizeof(in) : sizeof(in6);
	char text[INET6_ADDRSTRLEN];

	inet_pton(family, to, bytes);
	return fd >= 0 && connect(fd, address, len) == 0 && getsockname(fd, address, &len) == 0 &&
	       inet_ntop(family, bytes, text, sizeof(text)) && strcmp(text, from) == 0;
}

static int interface_value(unsigned long what)
{
	CLEAN(clean_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = link_request(NETWORK_INTERFACE);

	if (fd < 0 || ioctl(fd, what, &request) < 0)
		return -1;
	return what == SIOCGIFFLAGS ? request.ifr_flags : request.ifr_mtu;
}

/* One frame, or 0 bytes after two seconds. */
static size_t read_frame(int frames, uint8_t *frame, size_t size)
{
	struct pollfd p = { .fd = frames, .events = POLLIN };
	ssize_t n = poll(&p, 1, 2000) == 1 ? read(frames, frame, size) : 0;

	return n > 0 ? (size_t)n : 0;
}

/* Skips what the kernel says of its own accord (multicast, neighbour discovery). */
static size_t read_frame_of(int frames, uint16_t type, uint8_t *frame, size_t size)
{
	for (int i = 0; i < 20; i++) {
		size_t n = read_frame(frames, frame, size);

		if (n >= ETH_HLEN && (frame[12] << 8 | frame[13]) == type)
			return n;
		if (n == 0)
			break;
	}
	return 0;
}

static const uint8_t gateway_mac[ETH_ALEN] = { 0x52, 0x55, 10, 0, 2, 2 };

/* An ARP packet for Ethernet and IPv4, RFC 826. */
struct arp_frame {
	struct ethhdr eth;
	struct arphdr arp;
	uint8_t sender_mac[ETH_ALEN], sender_ip[4], target_mac[ETH_ALEN], target_ip[4];
} __attribute__((packed));

/* Plays the gateway: waits until somebody asks who it is, and answers. */
static void answer_arp(int frames)
{
	struct arp_frame request, reply;
	uint8_t frame[2048];
	size_t n = read_frame_of(frames, ETH_P_ARP, frame, sizeof(frame));

	CHECK(n >= sizeof(request));
	if (n < sizeof(request))
		return;
	memcpy(&request, frame, sizeof(request));
	reply = request;
	memcpy(reply.eth.h_dest, request.eth.h_source, ETH_ALEN);
	memcpy(reply.eth.h_source, gateway_mac, ETH_ALEN);
	reply.arp.ar_op = htons(ARPOP_REPLY);
	memcpy(reply.sender_mac, gateway_mac, ETH_ALEN);
	memcpy(reply.sender_ip, request.target_ip, 4);
	memcpy(reply.target_mac, request.sender_mac, ETH_ALEN);
	memcpy(reply.target_ip, request.sender_ip, 4);
	CHECK(write(frames, &reply, sizeof(reply)) == (ssize_t)sizeof(reply));
}

/* RFC 1071, over 16-bit words in network byte order. */
static uint32_t sum(const uint8_t *data, size_t len, uint32_t start)
{
	for (size_t i = 0; i < len; i++)
		start += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

static void check_udp_frame(const uint8_t *frame, size_t len, size_t payload)
{
	struct iphdr ip;
	const uint8_t *udp = frame + ETH_HLEN + sizeof(ip);
	size_t udp_len = sizeof(struct udphdr) + payload;

	CHECK(len == ETH_HLEN + sizeof(ip) + udp_len);
	if (len != ETH_HLEN + sizeof(ip) + udp_len)
		return;
	memcpy(&ip, frame + ETH_HLEN, sizeof(ip));
	CHECK(memcmp(frame, gateway_mac, ETH_ALEN) == 0);
	CHECK(ip.protocol == IPPROTO_UDP);
	CHECK(sum(frame + ETH_HLEN, sizeof(ip), 0) == 0xffff);
	/* The pseudo-header: addresses, protocol, length. */
	CHECK(sum(udp, udp_len, sum(frame + ETH_HLEN + 12, 8, IPPROTO_UDP + (uint32_t)udp_len)) ==
	      0xffff);
}

static void send_datagrams(int frames)
{
	static const size_t sizes[] = { 1, 1400, 40000, NETWORK_MTU - 28 };
	static uint8_t frame[FRAME_MAX + 1], payload[NETWORK_MTU];
	CLEAN(clean_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	inet_pton(AF_INET, NETWORK_GATEWAY, &to.sin_addr);
	memset(payload, 0x5a, sizeof(payload));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CHECK(sendto(fd, payload, sizes[i], 0, (struct sockaddr *)&to, sizeof(to)) ==
		      (ssize_t)sizes[i]);
		if (i == 0)
			answer_arp(frames);
		check_udp_frame(frame, read_frame_of(frames, ETH_P_IP, frame, sizeof(frame)),
				sizes[i]);
	}
}

/* A frame with an EtherType for local experiments (IEEE 802) must not come back to its writer. */
static void check_no_echo(int frames)
{
	uint8_t frame[64] = { [0] = 0xff, [12] = 0x88, [13] = 0xb5 };
	struct pollfd p = { .fd = frames, .events = POLLIN };

	CHECK(write(frames, frame, sizeof(frame)) == (ssize_t)sizeof(frame));
	while (poll(&p, 1, 50) == 1 && read(frames, frame, sizeof(frame)) > 0)
		CHECK(frame[12] != 0x88 || frame[13] != 0xb5);
}

static void check_interface(void)
{
	CLEAN(clean_fd) int frames = -1;
	struct err err = { .text = "" };

	CHECK(network_loopback_up(&err) == 0);
	CHECK_STR(err.text, "");
	CHECK(network_interface_up(&frames, &err) == 0);
	CHECK_STR(err.text, "");
	CHECK(fcntl(frames, F_GETFD) == FD_CLOEXEC);
	CHECK(interface_value(SIOCGIFMTU) == NETWORK_MTU);
	CHECK(interface_value(SIOCGIFFLAGS) & IFF_UP);
	CHECK(has_address(AF_INET, NETWORK_ADDRESS));
	CHECK(routes_from(AF_INET, "127.0.0.1", "127.0.0.1"));
	CHECK(routes_from(AF_INET, "192.0.2.1", NETWORK_ADDRESS));
	if (access("/proc/sys/net/ipv6/conf/" NETWORK_INTERFACE, F_OK) == 0) {
		CHECK(has_address(AF_INET6, NETWORK_ADDRESS6));
		CHECK(routes_from(AF_INET6, "2001:db8::1", NETWORK_ADDRESS6));
	}
	CHECK(count_addresses(AF_INET, NETWORK_INTERFACE "-far") == 0);
	CHECK(count_addresses(AF_INET6, NETWORK_INTERFACE "-far") == 0);
	send_datagrams(frames);
	check_no_echo(frames);
}

static void tap_body(void)
{
	CHECK(enter_namespaces() == 0);
	check_interface();
	CHECK(if_nametoindex(NETWORK_INTERFACE "-far") == 0);
}

static void veth_body(void)
{
	CHECK(enter_namespaces() == 0);
	CHECK(hide_tun() == 0);
	check_interface();
	CHECK(if_nametoindex(NETWORK_INTERFACE "-far") != 0);
}

TEST(a_tap_device_has_addresses_and_routes_and_whole_frames)
{
	CHECK(in_child(tap_body) == 0);
}

TEST(a_veth_pair_stands_in_where_tun_cannot_be_opened)
{
	CHECK(in_child(veth_body) == 0);
}

static void taken_body(void)
{
	CLEAN(clean_fd) int first = -1;
	int second = -1;
	struct err err;

	CHECK(enter_namespaces() == 0);
	CHECK(hide_tun() == 0);
	CHECK(network_interface_up(&first, NULL) == 0);
	CHECK(network_interface_up(&second, &err) < 0);
	CHECK(second == -1);
	CHECK_STR(err.text, "cannot open '/dev/net/tun': No such file or directory, and: "
			    "cannot make a veth pair: File exists");
}

TEST(an_interface_that_exists_is_an_error_that_says_so)
{
	CHECK(in_child(taken_body) == 0);
}

/* ---- netlink ---- */

static void add_link_request(struct netlink_batch *b, int index, const char *what,
			     enum netlink_need need)
{
	struct ifinfomsg link = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	netlink_request(b, RTM_SETLINK, 0, what, need);
	netlink_header(b, &link, sizeof(link));
}

static void netlink_body(void)
{
	CLEAN(clean_fd) int nl = -1;
	struct netlink_batch required = { .len = 0 }, optional = { .len = 0 };
	struct err err = { .text = "" };

	CHECK(enter_namespaces() == 0);
	CHECK(netlink_open(&nl, &err) == 0);
	add_link_request(&optional, 1, "bring up the loopback", NETLINK_REQUIRED);
	add_link_request(&optional, 999, "touch nothing", NETLINK_OPTIONAL);
	CHECK(netlink_commit(nl, &optional, &err) == 0);
	CHECK_STR(err.text, "");

	add_link_request(&required, 998, "go first", NETLINK_REQUIRED);
	add_link_request(&required, 999, "go second", NETLINK_REQUIRED);
	add_link_request(&required, 1, "bring up the loopback", NETLINK_REQUIRED);
	CHECK(netlink_commit(nl, &required, &err) < 0);
	CHECK_STR(err.text, "cannot go first: No such device");
	/* Nothing of an earlier batch is left in the socket to be taken for an answer. */
	CHECK(netlink_commit(nl, &optional, NULL) == 0);
}

TEST(netlink_reports_the_first_required_request_that_failed)
{
	CHECK(in_child(netlink_body) == 0);
}

/* ---- tiffin-net's start ---- */

TEST(a_helper_that_is_missing_is_an_error_of_the_start)
{
	struct err err = { .text = "" };
	int control = -1;
	pid_t pid = 0;

	CHECK(network_start(STDIN_FILENO, NULL, 0, &pid, &control, &err) < 0);
	CHECK(strstr(err.text, "cannot start the network: cannot execute '") == err.text);
	CHECK(strstr(err.text, "/libexec/tiffin/tiffin-net': No such file or directory"));
	CHECK(err.kind == ERR_NOT_FOUND);
	CHECK(control == -1);
}

TEST(await_tells_readiness_from_an_error_and_from_an_early_end)
{
	const struct err ready = { .kind = ERR_NONE };
	struct err said, err = { .text = "" };
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	err_set(&said, ERR_DENIED, "cannot confine tiffin-net");
	CHECK(send(pair[1], &ready, sizeof(ready), 0) == (ssize_t)sizeof(ready));
	CHECK(send(pair[1], &said, sizeof(said), 0) == (ssize_t)sizeof(said));
	close(pair[1]);

	CHECK(network_await(pair[0], &err) == 0);
	CHECK(network_await(pair[0], &err) < 0);
	CHECK_STR(err.text, "cannot start the network: cannot confine tiffin-net");
	CHECK(err.kind == ERR_DENIED);
	CHECK(network_await(pair[0], &err) < 0);
	CHECK_STR(err.text, "tiffin-net ended before the network was up");
	close(pair[0]);
}

/* ---- confinement ---- */

/* Standard output becomes /dev/null: what CHECK prints goes to a descriptor that is kept. */
static void keep_output(void)
{
	if (dup2(STDOUT_FILENO, CARRIER_CONTROL) >= 0)
		stdout = fdopen(CARRIER_CONTROL, "w");
}

static int confined(void)
{
	struct err err = { .text = "" };
	/* One that is kept, as tiffin-net keeps its frames, and one that must not survive. */
	int kept = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int leaked = fcntl(kept, F_DUPFD_CLOEXEC, 77);
	int done;

	keep_output();
	CHECK(dup2(kept, CARRIER_FRAMES) == CARRIER_FRAMES);
	done = confine(&(struct confinement){ .last = CARRIER_FRAMES }, &err);
	CHECK_STR(err.text, "");
	CHECK(fcntl(CARRIER_FRAMES, F_GETFD) >= 0);
	CHECK(fcntl(leaked, F_GETFD) < 0);
	return done;
}

static void confined_body(void)
{
	char byte;
	int fd;

	CHECK(confined() == 0);
	CHECK(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/proc/self/status", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/new", O_RDWR | O_CREAT, 0600) < 0 && errno == EACCES);
	CHECK(open("/etc/resolv.conf", O_RDWR) < 0 && errno == EACCES);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT);
	CHECK(socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK(fd >= 0);
	CHECK(read(STDIN_FILENO, &byte, 1) == 0);
}

TEST(confinement_leaves_sockets_and_no_files)
{
	CHECK(in_child(confined_body) == 0);
}

static void fork_body(void)
{
	CHECK(confined() == 0);
	fork();
}

static void execute_body(void)
{
	char *argv[] = { (char *)"true", NULL };

	CHECK(confined() == 0);
	execv("/bin/true", argv);
}

static void undo_body(void)
{
	CHECK(confined() == 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

TEST(confinement_kills_what_forks_executes_or_undoes_it)
{
#ifndef __SANITIZE_ADDRESS__
	CHECK(in_child(fork_body) == 128 + SIGSYS);
#else
	(void)fork_body;
#endif
	CHECK(in_child(execute_body) == 128 + SIGSYS);
	CHECK(in_child(undo_body) == 128 + SIGSYS);
}

static void chroot_body(void)
{
	struct err err = { .text = "" };

	/* In a chroot(2) the kernel makes no user namespace. */
	CHECK(enter_namespaces() == 0);
	CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0);
	CHECK(mkdir("/mnt/dev", 0755) == 0);
	CHECK(mount("/dev", "/mnt/dev", NULL, MS_BIND | MS_REC, NULL) == 0);
	CHECK(chroot("/mnt") == 0);
	keep_output();
	CHECK(confine(&(struct confinement){ .last = CARRIER_FRAMES }, &err) < 0);
	CHECK_STR(err.text, "cannot confine tiffin-net: cannot enter namespaces: cannot create user, "
			    "mount, IPC and UTS namespaces: Operation not permitted");
}

TEST(confinement_that_is_not_possible_is_an_error)
{
	CHECK(in_child(chroot_body) == 0);
}

/* On the other end of the socket: renames a new file over the old one when told to, and says so. */
static _Noreturn void rename_when_told(int sock)
{
	char byte;

	if (read(sock, &byte, 1) == 1 && rename("/run/net/new", "/run/net/resolv.conf") == 0)
		(void)!write(sock, "", 1);
	_exit(0);
}

static int make_file(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

static bool resolv_conf_is(const char *want)
{
	CLEAN(clean_fd) int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	char got[64] = "";

	return fd >= 0 && read(fd, got, sizeof(got) - 1) > 0 && strcmp(got, want) == 0;
}

static void renamed_body(void)
{
	struct err err = { .text = "" };
	int pair[2];
	char byte;

	CHECK(enter_namespaces() == 0);
	CHECK(mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0 && mkdir("/run/net", 0755) == 0);
	CHECK(mount("tmpfs", "/etc", "tmpfs", 0, NULL) == 0);
	CHECK(symlink("../run/net/resolv.conf", "/etc/resolv.conf") == 0);
	CHECK(make_file("/run/net/resolv.conf", "old\n") == 0 && make_file("/run/net/new", "new\n") == 0);
	CHECK(make_file("/run/secret", "secret\n") == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	if (fork() == 0) {
		close(pair[0]); /* or the end of the other would go unnoticed */
		rename_when_told(pair[1]);
	}
	close(pair[1]);
	CHECK(dup2(pair[0], CARRIER_PORTS) == CARRIER_PORTS);
	keep_output();
	CHECK(confine(&(struct confinement){ .last = CARRIER_PORTS }, &err) == 0);
	CHECK(resolv_conf_is("old\n"));
	CHECK(write(CARRIER_PORTS, "", 1) == 1 && read(CARRIER_PORTS, &byte, 1) == 1);
	CHECK(resolv_conf_is("new\n"));
	CHECK(open("/run/secret", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/run/resolv.conf", O_RDWR) < 0 && errno == EACCES);
}

TEST(a_resolv_conf_below_run_is_followed_when_it_is_renamed)
{
	CHECK(in_child(renamed_body) == 0);
}

#define RUN_UNLESS(reason, name)                                                                  \
	do {                                                                                      \
		const char *reason_ = (reason);                                                   \
		if (reason_)                                                                      \
			printf("ok - %s # skip %s\n", #name, reason_);                            \
		else                                                                              \
			RUN(name);                                                                \
	} while (0)

int main(void)
{
	const char *ns = no_namespaces(), *tun = ns ? ns : no_tun();

	RUN(frames_to_the_outside_and_to_the_gateway_are_admitted);
	RUN(frames_to_the_loopback_are_dropped_however_it_is_spelt);
	RUN(frames_that_are_cut_off_or_too_long_are_dropped);
	RUN(frames_of_other_protocols_are_dropped);
	RUN(a_datagram_becomes_a_frame_and_its_answer_a_datagram);
	RUN(datagrams_that_answer_nobody_are_left_to_slirp);
	RUN(datagrams_of_many_peers_are_kept_apart_and_the_oldest_forgotten);
	RUN_UNLESS(tun, a_tap_device_has_addresses_and_routes_and_whole_frames);
	RUN_UNLESS(ns, a_veth_pair_stands_in_where_tun_cannot_be_opened);
	RUN_UNLESS(ns, an_interface_that_exists_is_an_error_that_says_so);
	RUN_UNLESS(ns, netlink_reports_the_first_required_request_that_failed);
	RUN(a_helper_that_is_missing_is_an_error_of_the_start);
	RUN(await_tells_readiness_from_an_error_and_from_an_early_end);
	RUN_UNLESS(ns, confinement_leaves_sockets_and_no_files);
	RUN_UNLESS(ns, a_resolv_conf_below_run_is_followed_when_it_is_renamed);
	RUN_UNLESS(ns, confinement_kills_what_forks_executes_or_undoes_it);
	RUN_UNLESS(ns, confinement_that_is_not_possible_is_an_error);
	return test_summary();
}
