/*
 * The container's interface, in both its forms, and the netlink requests that make it. All of it in
 * namespaces of its own, as an ordinary user.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/frame.h"
#include "net/netlink.h"
#include "net/network.h"
#include "tests/unit/net_scene.h"

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

/* One frame, or 0 bytes where none comes. */
static size_t read_frame(int frames, uint8_t *frame, size_t size)
{
	struct pollfd p = { .fd = frames, .events = POLLIN };
	ssize_t n = poll(&p, 1, 30000) == 1 ? read(frames, frame, size) : 0;

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

	inet_pton(AF_INET, "10.0.2.2", &to.sin_addr);
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
	struct network_config config;
	struct err err = { .text = "" };

	network_config_init(&config);
	CHECK(network_loopback_up(&err) == 0);
	CHECK_STR(err.text, "");
	CHECK(network_interface_up(&config, &frames, &err) == 0);
	CHECK_STR(err.text, "");
	CHECK(fcntl(frames, F_GETFD) == FD_CLOEXEC);
	CHECK(interface_value(SIOCGIFMTU) == NETWORK_MTU);
	CHECK(interface_value(SIOCGIFFLAGS) & IFF_UP);
	CHECK(has_address(AF_INET, "10.0.2.100"));
	CHECK(routes_from(AF_INET, "127.0.0.1", "127.0.0.1"));
	CHECK(routes_from(AF_INET, "192.0.2.1", "10.0.2.100"));
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

static void configured_body(void)
{
	CLEAN(clean_fd) int frames = -1;
	struct network_config config;

	network_config_init(&config);
	CHECK(network_config_set(&config, "cidr=172.20.0.0/16", NULL) == 0);
	CHECK(network_config_set(&config, "mtu=1400", NULL) == 0);
	CHECK(network_config_set(&config, "enable_ipv6=false", NULL) == 0);
	CHECK(enter_namespaces() == 0);
	CHECK(network_interface_up(&config, &frames, NULL) == 0);
	CHECK(interface_value(SIOCGIFMTU) == 1400);
	CHECK(has_address(AF_INET, "172.20.0.100"));
	CHECK(routes_from(AF_INET, "192.0.2.1", "172.20.0.100"));
	CHECK(!has_address(AF_INET6, NETWORK_ADDRESS6));
}

TEST(an_interface_has_what_its_configuration_says)
{
	CHECK(in_child(configured_body) == 0);
}

static void taken_body(void)
{
	CLEAN(clean_fd) int first = -1;
	int second = -1;
	struct network_config config;
	struct err err;

	network_config_init(&config);
	CHECK(enter_namespaces() == 0);
	CHECK(hide_tun() == 0);
	CHECK(network_interface_up(&config, &first, NULL) == 0);
	CHECK(network_interface_up(&config, &second, &err) < 0);
	CHECK(second == -1);
	CHECK_STR(err.text, "cannot open '/dev/net/tun': No such file or directory, and: "
			    "cannot make a veth pair: File exists");
}

TEST(an_interface_that_exists_is_an_error_that_says_so)
{
	CHECK(in_child(taken_body) == 0);
}

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

int main(void)
{
	const char *ns = no_namespaces(), *tun = ns ? ns : no_tun();

	RUN_UNLESS(tun, a_tap_device_has_addresses_and_routes_and_whole_frames);
	RUN_UNLESS(ns, a_veth_pair_stands_in_where_tun_cannot_be_opened);
	RUN_UNLESS(ns, an_interface_has_what_its_configuration_says);
	RUN_UNLESS(ns, an_interface_that_exists_is_an_error_that_says_so);
	RUN_UNLESS(ns, netlink_reports_the_first_required_request_that_failed);
	return test_summary();
}
