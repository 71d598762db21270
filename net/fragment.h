/*
 * Fragments of IPv4 (RFC 791, section 3.2), and of UDP over IPv6 (net/fragment6.h), put together
 * before slirp sees them.
 *
 * Those of IPv4 slirp would put together itself, and has done it wrong more than once
 * (CVE-2019-14378, CVE-2020-1983; 4.7.0 writes to an address out of the packet when the first
 * fragment that it sees is not the first of its datagram); of those of IPv6 it knows nothing. Here
 * only what comes in order and without gaps or overlaps becomes a packet: the container's kernel
 * sends it so. All else is dropped.
 */
#ifndef NET_FRAGMENT_H
#define NET_FRAGMENT_H

#include <stddef.h>
#include <stdint.h>

struct fragments;

/* *f is made when there is the first fragment; NULL until then. */
void fragments_free(struct fragments *f);

/*
 * The frame itself where it is no fragment; a whole packet, in *f until the next call, where this
 * was its last one; NULL: there is nothing for slirp. *len is the frame's length, and what is
 * returned has. The frame is one that frame_admissible() admits.
 */
const uint8_t *fragments_join(struct fragments **f, const uint8_t *frame, size_t *len);

/*
 * The other way: gives the frame, with a header that this put together, in pieces that an
 * interface of this MTU takes. Other frames, and those that fit, are given as they are.
 */
void fragments_cut(const uint8_t *frame, size_t len, size_t mtu, uint16_t id,
		   void (*give)(const uint8_t *frame, size_t len, void *arg), void *arg);

#endif
