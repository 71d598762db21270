/*
 * Theory of operation
 *
 * This runs while the container's command waits for it, so it is made of few system calls: a link
 * (a tap device, or the veth pair that stands in for it), and one batch of netlink requests that
 * gives it everything else. Nothing needs names resolved, files parsed or another process.
 *
 * All addresses are static, and known to slirp by the same struct network_config. slirp also
 * advertises itself as an IPv6 router; the interface does not listen, or it would gain a second
 * address and a second default route, and published ports and policies would hold for the first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/network.h"

struct ifreq link_request(const char *name)
{
	struct ifreq request = { .ifr_flags = 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return request;
}

int network_loopback_up(struct err *err)
{
	CLEAN(clean_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = link_request("lo");

	request.ifr_flags = IFF_UP;
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return err_sys(err, "cannot bring up the loopback interface");
	return 0;
}

/* Before the link is up, or it would already ask for routers. No IPv6, no file, no harm. */
static void ignore_routers(void)
{
	CLEAN(clean_fd) int fd = open("/proc/sys/net/ipv6/conf/" NETWORK_INTERFACE "/accept_ra",
				      O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) < 0)
		return; /* a second address is a nuisance, not a failure */
}

static void add_link_up(struct netlink_batch *b, int index, uint32_t mtu)
{
	struct ifinfomsg link = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};

	netlink_request(b, RTM_SETLINK, 0, "bring up the interface", NETLINK_REQUIRED);
	netlink_header(b, &link, sizeof(link));
	netlink_attr_u32(b, IFLA_MTU, mtu);
	netlink_attr_u32(b, IFLA_TXQLEN, NETWORK_QUEUE);
}

static size_t length_of(uint8_t family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

/* ip: a struct in_addr or in6_addr. */
static void add_address(struct netlink_batch *b, int index, uint8_t family, const void *ip,
			uint8_t prefix, const char *what, enum netlink_need need)
{
	struct ifaddrmsg address = {
		.ifa_family = family,
		.ifa_prefixlen = prefix,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (unsigned int)index,
		/* No neighbour could have it, and duplicate detection would take a second. */
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
	};

	netlink_request(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, what, need);
	netlink_header(b, &address, sizeof(address));
	netlink_attr(b, IFA_LOCAL, ip, length_of(family));
	netlink_attr(b, IFA_ADDRESS, ip, length_of(family));
	if (family == AF_INET) {
		struct in_addr broadcast;

		memcpy(&broadcast, ip, sizeof(broadcast));
		broadcast.s_addr |= htonl(UINT32_MAX >> prefix);
		netlink_attr(b, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	}
}

static void add_default_route(struct netlink_batch *b, int index, uint8_t family,
			      const void *gateway, const char *what, enum netlink_need need)
{
	struct rtmsg route = {
		.rtm_family = family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};

	netlink_request(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, what, need);
	netlink_header(b, &route, sizeof(route));
	netlink_attr(b, RTA_GATEWAY, gateway, length_of(family));
	netlink_attr_u32(b, RTA_OIF, (uint32_t)index);
}

static int configure(int nl, const struct network_config *c, struct err *err)
{
	struct netlink_batch b = { .len = 0 };
	struct ifreq request = link_request(NETWORK_INTERFACE);

	if (ioctl(nl, SIOCGIFINDEX, &request) < 0)
		return err_sys(err, "cannot find the interface '%s'", NETWORK_INTERFACE);
	add_link_up(&b, request.ifr_ifindex, c->mtu);
	add_address(&b, request.ifr_ifindex, AF_INET, &c->address, c->prefix, "set the address",
		    NETLINK_REQUIRED);
	add_default_route(&b, request.ifr_ifindex, AF_INET, &c->gateway, "set the default route",
			  NETLINK_REQUIRED);
	if (c->ipv6) {
		add_address(&b, request.ifr_ifindex, AF_INET6, &c->address6, 64,
			    "set the IPv6 address", NETLINK_OPTIONAL);
		add_default_route(&b, request.ifr_ifindex, AF_INET6, &c->gateway6,
				  "set the IPv6 default route", NETLINK_OPTIONAL);
	}
	return netlink_commit(nl, &b, err);
}

int network_interface_up(const struct network_config *c, int *ret_frames, struct err *err)
{
	CLEAN(clean_fd) int nl = -1;
	CLEAN(clean_fd) int frames = -1;
	struct err why = { .kind = ERR_NONE };

	if (netlink_open(&nl, err) < 0)
		return -1;
	if (link_tap(&frames, &why) < 0) {
		/* EPERM may as well be the ioctl's: a seccomp filter or an LSM of an outer
		 * container, which can object to tun and not to veth. */
		if (why.kind != ERR_DENIED && why.kind != ERR_NOT_FOUND) {
			if (err)
				*err = why;
			return -1;
		}
		if (link_veth(nl, &frames, err) < 0)
			return err_wrap(err, "%s, and", why.text);
	}
	ignore_routers();
	if (configure(nl, c, err) < 0)
		return -1;
	*ret_frames = fd_take(&frames);
	return 0;
}
