/*
 * Theory of operation
 *
 * A tap device needs /dev/net/tun, which is often missing where containers are most wanted: inside
 * another container, or on a machine whose administrator closed it. A veth pair needs nothing but
 * CAP_NET_ADMIN over the network namespace, which the creator of one has. So both ends are made in
 * the container's own namespace:
 *
 *	container's sockets ── tap0 ═══ tap0-far ── packet socket ── tiffin-net
 *
 * and the packet socket on the far end reads and writes whole Ethernet frames, one a call, exactly
 * as a tap device would. Some things have to be seen to:
 *
 * - The far end must have no life of its own. It has no address, makes none (IPv6's automatic
 *   link-local address), answers no ARP, and what arrives is for slirp's MAC address, not for its
 *   own, so the kernel's IP layer drops it.
 * - A veth pair passes frames whose checksum and segmentation were left to the "hardware", because
 *   the receiver is trusted to be the same kernel. slirp isn't: tap0 computes checksums itself, and
 *   without checksum offload the kernel drops all segmentation offloads with it.
 * - The kernel activates the queue of the end that was brought up first in the background, up to a
 *   second later, and until then drops what is sent there. The near end comes second, so that it
 *   works at once; the packet socket on the far end goes round the queue.
 * - A socket's receive buffer is counted in bytes of memory: the default holds three large frames.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/link.h"
#include "net/netlink.h"

#define FAR_END	       NETWORK_INTERFACE "-far"
#define RECEIVE_BUFFER (4 << 20)

/* One queue each way: the default, one a processor, takes longer to make than all the rest. */
static void add_end(struct netlink_batch *b, const char *name)
{
	netlink_attr_str(b, IFLA_IFNAME, name);
	netlink_attr_u32(b, IFLA_MTU, NETWORK_MTU);
	netlink_attr_u32(b, IFLA_NUM_TX_QUEUES, 1);
	netlink_attr_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

static int make_pair(int nl, struct err *err)
{
	const uint8_t no_addresses = IN6_ADDR_GEN_MODE_NONE;
	struct netlink_batch b = { .len = 0 };
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	size_t info, data, peer, families, inet6;

	netlink_request(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "make a veth pair",
			NETLINK_REQUIRED);
	netlink_header(&b, &link, sizeof(link));
	add_end(&b, NETWORK_INTERFACE);
	info = netlink_nest(&b, IFLA_LINKINFO);
	netlink_attr_str(&b, IFLA_INFO_KIND, "veth");
	data = netlink_nest(&b, IFLA_INFO_DATA);
	peer = netlink_nest(&b, VETH_INFO_PEER);
	netlink_header(&b, &link, sizeof(link));
	add_end(&b, FAR_END);
	netlink_nest_end(&b, peer);
	netlink_nest_end(&b, data);
	netlink_nest_end(&b, info);

	/* Before it is up: that is when the link-local address would be made. */
	netlink_request(&b, RTM_SETLINK, 0, "keep IPv6 off the far end", NETLINK_OPTIONAL);
	netlink_header(&b, &link, sizeof(link));
	netlink_attr_str(&b, IFLA_IFNAME, FAR_END);
	families = netlink_nest(&b, IFLA_AF_SPEC);
	inet6 = netlink_nest(&b, AF_INET6);
	netlink_attr(&b, IFLA_INET6_ADDR_GEN_MODE, &no_addresses, sizeof(no_addresses));
	netlink_nest_end(&b, inet6);
	netlink_nest_end(&b, families);

	link.ifi_flags = link.ifi_change = IFF_UP | IFF_NOARP;
	netlink_request(&b, RTM_SETLINK, 0, "bring up the far end", NETLINK_REQUIRED);
	netlink_header(&b, &link, sizeof(link));
	netlink_attr_str(&b, IFLA_IFNAME, FAR_END);
	return netlink_commit(nl, &b, err);
}

static int compute_checksums(int nl, struct err *err)
{
	struct ethtool_value off = { .cmd = ETHTOOL_STXCSUM, .data = 0 };
	struct ifreq request = link_request(NETWORK_INTERFACE);

	request.ifr_data = (char *)&off;
	if (ioctl(nl, SIOCETHTOOL, &request) < 0)
		return err_sys(err, "cannot turn off checksum offload of '%s'", NETWORK_INTERFACE);
	return 0;
}

static int open_far_end(int nl, int *ret_frames, struct err *err)
{
	/* Protocol 0: before it is bound to one interface it must hear nothing. */
	CLEAN(clean_fd) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ifreq request = link_request(FAR_END);
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int size = RECEIVE_BUFFER, on = 1;

	if (fd < 0)
		return err_sys(err, "cannot open a packet socket");
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0)
		return err_sys(err, "cannot make a packet socket ignore its own frames");
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0)
		return err_sys(err, "cannot make a packet socket bypass the queue");
	/* The kernel cuts it to net.core.rmem_max: going beyond needs privilege over the host. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		return err_sys(err, "cannot enlarge a receive buffer");
	if (ioctl(nl, SIOCGIFINDEX, &request) < 0)
		return err_sys(err, "cannot find the interface '%s'", FAR_END);
	address.sll_ifindex = request.ifr_ifindex;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(err, "cannot bind a packet socket to '%s'", FAR_END);
	*ret_frames = fd_take(&fd);
	return 0;
}

int link_veth(int nl, int *ret_frames, struct err *err)
{
	if (make_pair(nl, err) < 0 || compute_checksums(nl, err) < 0)
		return -1;
	return open_far_end(nl, ret_frames, err);
}
