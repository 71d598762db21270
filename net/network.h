/*
 * The container's network, as the rest of tiffin sees it: an interface in the container's network
 * namespace, and the process that carries its frames (tiffin-net, on libslirp).
 *
 * The child makes the interface and hands over one descriptor, from which Ethernet frames are read
 * and to which they are written, one a call: a tap device, or, where /dev/net/tun can't be opened,
 * a packet socket on the far end of a veth pair. The parent starts tiffin-net with it. Frames wait
 * in the kernel until tiffin-net reads them, so the container need not wait for it.
 *
 * Addresses are slirp's: the container is 10.0.2.100/24 and fd00::100/64, the gateway 10.0.2.2 and
 * fd00::2, DNS 10.0.2.3 and fd00::3. MTU 65520.
 */
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define NETWORK_ADDRESS "10.0.2.100"
#define NETWORK_GATEWAY "10.0.2.2"
#define NETWORK_DNS	"10.0.2.3"

#define NETWORK_ADDRESS6 "fd00::100"
#define NETWORK_GATEWAY6 "fd00::2"
#define NETWORK_DNS6	 "fd00::3"

/* Child, in its own network namespace, with CAP_NET_ADMIN there: loopback up. */
int network_loopback_up(struct err *err);
/*
 * Child, in its own network namespace, with CAP_NET_ADMIN and CAP_NET_RAW there, while the host's
 * /dev is still visible: the interface with addresses and routes. The descriptor is the caller's.
 */
int network_interface_up(int *ret_frames, struct err *err);
/*
 * Parent, in the host's network namespace: starts tiffin-net on the frames. It ends when its
 * control descriptor is closed (the parent's death closes it too), or the interface is deleted. The
 * caller reaps *ret_pid and owns *ret_control; frames stays the caller's, and is best closed:
 * whoever holds it, tiffin-net too, keeps the container's network namespace alive.
 */
int network_start(int frames, pid_t *ret_pid, int *ret_control, struct err *err);
/*
 * Parent, if it wants to know at all: waits until tiffin-net carries frames. The error is what
 * tiffin-net had to say where it could not start, such as that it could not confine itself.
 */
int network_await(int control, struct err *err);

#endif
