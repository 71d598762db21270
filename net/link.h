/*
 * The two kinds of link that a container's interface can be: net/interface.c chooses, and gives the
 * result addresses and routes. Inside net/ only.
 *
 * Each makes NETWORK_INTERFACE in the current network namespace, down and without addresses, and
 * returns the descriptor of its frames, which is the caller's. nl is a netlink socket.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#include <net/if.h>
#include <stddef.h>

#include "base/err.h"
#include "net/config.h"

#define NETWORK_INTERFACE "tap0"
/*
 * Frames that wait for tiffin-net, which may still be starting. tun(4) drops what does not fit, and
 * no longer charges it to its sender: a thousand frames of 64 KiB is what a container can pin.
 */
#define NETWORK_QUEUE	  1000

/* A tap device. Where there is no /dev/net/tun for us, ERR_DENIED or ERR_NOT_FOUND. */
int link_tap(int *ret_frames, struct err *err);
/* A veth pair, whose far end a packet socket reads and writes. Needs CAP_NET_RAW as well. */
int link_veth(int nl, int *ret_frames, struct err *err);

/* A request to netdevice(7) about an interface of this name. */
struct ifreq link_request(const char *name);

#endif
