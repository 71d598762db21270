/*
 * Which of the container's frames slirp may see. Bytes of strangers: nothing about them is trusted.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/link.h"

/* The largest frame that is no error: a whole packet and its Ethernet header. */
#define FRAME_MAX (ETH_HLEN + NETWORK_MTU)

/*
 * True for an ARP frame, and for an IPv4 or IPv6 frame whose destination is not the host itself
 * under another name, nor, without link_local, on one of the host's links only. False means that it
 * is dropped, as routers drop martians. That a packet is well-formed beyond its addresses is for
 * slirp to see.
 */
bool frame_admissible(const uint8_t *frame, size_t len, bool link_local);

#endif
