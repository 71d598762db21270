/*
 * What fragments of IPv6 (RFC 8200, section 4.5) have of their own; net/fragment.h puts those of
 * both versions together. slirp knows nothing of them.
 */
#ifndef NET_FRAGMENT6_H
#define NET_FRAGMENT6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A fragment, of either version: of which packet, and which part of it. Filled with zeros first: it
 * is compared.
 */
struct fragment_key {
	uint32_t version, id;
	uint8_t from[16], to[16];
	uint32_t protocol;
};

struct fragment_piece {
	struct fragment_key of;
	size_t header; /* of IP, without what makes a fragment of it */
	const uint8_t *payload; /* in the frame */
	size_t offset, len;
	bool more;
};

/* Of a frame that frame_admissible() admits. */
bool fragment6_is(const uint8_t *frame);
/* False: no fragment that could be part of a datagram of UDP. Others nobody has use for. */
bool fragment6_parse(const uint8_t *frame, size_t len, struct fragment_piece *ret);
/*
 * The frame begins with the first fragment's header, and has all of the payload: makes its header
 * the whole's.
 */
void fragment6_finish(uint8_t *frame, size_t len);
/* As fragments_cut(), of a frame of IPv6 that is larger than the MTU, which is 68 at least. */
void fragment6_cut(const uint8_t *frame, size_t len, size_t mtu, uint32_t id,
		   void (*give)(const uint8_t *frame, size_t len, void *arg), void *arg);

#endif
