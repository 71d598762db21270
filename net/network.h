/*
 * The container's network, as the rest of tiffin sees it: an interface in the container's network
 * namespace, and the process that carries its frames (tiffin-net, on libslirp).
 *
 * The child makes the interface and hands over one descriptor, from which Ethernet frames are read
 * and to which they are written, one a call: a tap device, or, where /dev/net/tun can't be opened,
 * a packet socket on the far end of a veth pair. The parent starts tiffin-net with it. Frames wait
 * in the kernel until tiffin-net reads them, so the container need not wait for it.
 *
 * Addresses are slirp's, unless a struct network_config says otherwise: the container is
 * 10.0.2.100/24 and fd00::100/64, the gateway 10.0.2.2 and fd00::2, DNS 10.0.2.3 and fd00::3. MTU
 * 65520.
 */
#ifndef NET_NETWORK_H
#define NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "net/config.h"

#define NETWORK_ADDRESS6 "fd00::100"
#define NETWORK_GATEWAY6 "fd00::2"
#define NETWORK_DNS6	 "fd00::3"

#define NETWORK_TEXT_MAX 64 /* an address as text, with a port and brackets around it */

/* A port of the host that leads to one of the container: "published". */
struct network_port {
	uint16_t container;
	uint16_t host, host_last; /* the first of these that is free; host 0: any that is free */
	bool udp;
	/* Of the host, numeric. One of IPv6 leads to the container's IPv6 address. */
	char address[NETWORK_TEXT_MAX];
	int sock; /* -1, until it is bound */
	/*
	 * Of TCP: once it is bound, other sockets of ours may listen there as well
	 * (net/fast_publish.c).
	 */
	bool shared;
	bool held; /* some do already */
};

/* Of the host, as bind(2) takes it. False: there is none in it. */
bool network_port_address(const struct network_port *p, struct sockaddr_storage *ret);
bool network_address_valid(const char *address);
/* "[::1]", but "127.0.0.1": as an address stands in front of a port. Returns ret. */
const char *network_bracket(const char *address, char ret[NETWORK_TEXT_MAX]);
/*
 * Client, before the container exists: binds and listens; host is the port that it got, and sock
 * the caller's. ERR_BUSY: the port is taken; ERR_DENIED: it is one of root's. Both with a hint.
 */
int network_bind(struct network_port *p, struct err *err);
/* Client, before any of them: makes room for so many descriptors. */
int network_room_for(size_t n_ports, struct err *err);

/* Client: the address by which a container reaches this machine. False: there is none. */
bool network_host_address(char ret[NETWORK_TEXT_MAX]);

/* Child, in its own network namespace, with CAP_NET_ADMIN there: loopback up. */
int network_loopback_up(struct err *err);
/*
 * Child, in its own network namespace, with CAP_NET_ADMIN and CAP_NET_RAW there, while the host's
 * /dev is still visible: the interface with addresses and routes. The descriptor is the caller's.
 */
int network_interface_up(const struct network_config *config, int *ret_frames, struct err *err);
/*
 * Parent, in the host's network namespace: starts tiffin-net on the frames and the bound ports,
 * with the words of a struct network_config. It ends when its control descriptor is closed (the
 * parent's death closes it too), or the interface is deleted. The caller reaps *ret_pid and owns
 * *ret_control; frames and the ports' sockets stay the caller's, and are best closed: whoever holds
 * the former, tiffin-net too, keeps the container's network namespace alive, and whoever holds the
 * latter the ports.
 */
int network_start(int frames, const struct strv *config, const struct network_port *ports,
		  size_t n_ports, pid_t *ret_pid, int *ret_control, struct err *err);
/* Parent: ends it. The ports are free when this returns; the process is the caller's to reap. */
void network_stop(int control, pid_t pid);
/*
 * Parent, if it wants to know at all: waits until tiffin-net carries frames. The error is what
 * tiffin-net had to say where it could not start, such as that it could not confine itself.
 */
int network_await(int control, struct err *err);

#endif
