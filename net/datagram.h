/*
 * Published UDP ports, inside tiffin-net: datagrams to sockets of the host become frames for the
 * container, and the frames that answer them become datagrams again.
 *
 * It owns the sockets. Errors of single datagrams are none: UDP loses them, and so may we.
 */
#ifndef NET_DATAGRAM_H
#define NET_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/config.h"
#include "net/frame.h"

struct datagrams;

/* The configuration is lent. */
struct datagrams *datagrams_new(const struct network_config *config);
void datagrams_free(struct datagrams *d);

/* A bound socket, which does not block, and the container's port that it leads to. */
void datagrams_add(struct datagrams *d, int sock, uint16_t container);

/* Reads one datagram from such a socket: the length of the frame that it became, or 0. */
size_t datagrams_to_frame(struct datagrams *d, int sock, uint8_t frame[FRAME_MAX]);

/* True: the container's frame was an answer to such a datagram, and has been sent. */
bool datagrams_from_frame(struct datagrams *d, const uint8_t *frame, size_t len);

#endif
