/*
 * Frames from a container: one after another into the carrier as tiffin-net runs it, with a published port
 * of UDP and one of TCP, in a network namespace with nothing but a loopback. What it does is: our own frame
 * and datagram code, and libslirp, which is Debian's and not instrumented: there, what crashes is found, and
 * heap errors that AddressSanitizer sees in malloc, free and the string functions.
 *
 * Input: each frame is its length (two bytes, the first the higher) and its bytes; a length of more than is
 * left means the rest. Bit 15 means that it is a payload: it gets the headers of a datagram to the gateway.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <net/if.h>

#include "base/cleanup.h"
#include "net/carrier.h"
#include "net/datagram.h"
#include "net/frame.h"
#include "net/udp.h"
#include "tests/fuzz/fuzz.h"

#define FRAMES_MAX 64

/* Without a route, nothing leaves: what slirp opens sockets for fails, or ends at the loopback. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct ifreq lo = { .ifr_flags = IFF_UP };
	int fd;

	(void)argc;
	(void)argv;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		fprintf(stderr, "no user namespace: frames are not tried\n");
		exit(0);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(lo.ifr_name, sizeof(lo.ifr_name), "lo");
	MUST(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0);
	close(fd);
	return 0;
}

static int bound(int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	MUST(type == SOCK_DGRAM || listen(fd, 8) == 0);
	return fd;
}

/* A datagram to the gateway's port 9, from the container's 9. */
static size_t as_datagram(const uint8_t *payload, size_t len, uint8_t *frame)
{
	const uint16_t type = htons(ETH_P_IP);
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };
	struct udphdr udp = { .source = htons(9), .dest = htons(9) };
	size_t at = ETH_HLEN;

	memset(frame, 0x52, ETH_HLEN);
	memcpy(frame + 12, &type, sizeof(type));
	ip.tot_len = htons((uint16_t)(sizeof(ip) + sizeof(udp) + len));
	udp.len = htons((uint16_t)(sizeof(udp) + len));
	inet_pton(AF_INET, "10.0.2.100", &ip.saddr);
	inet_pton(AF_INET, "10.0.2.2", &ip.daddr);
	memcpy(frame + at, &ip, sizeof(ip));
	memcpy(frame + at + sizeof(ip), &udp, sizeof(udp));
	memcpy(frame + at + sizeof(ip) + sizeof(udp), payload, len);
	return at + sizeof(ip) + sizeof(udp) + len;
}

/* What is admitted goes to no loopback, however it is spelt: the rule of net/frame.c, said again. */
static void check_admissible(const uint8_t *frame, size_t len)
{
	struct udp_datagram g;
	uint32_t to;

	if (!frame_admissible(frame, len, false))
		return;
	MUST(len >= ETH_HLEN && len <= FRAME_MAX);
	if (frame[12] == 0x08 && frame[13] == 0) {
		MUST(len >= ETH_HLEN + sizeof(struct iphdr));
		memcpy(&to, frame + ETH_HLEN + 16, sizeof(to));
		MUST(ntohl(to) >> 24 != 127 && to != 0 && ntohl(to) >> 16 != 0xa9fe);
	}
	if (udp_parse(frame, len, &g))
		MUST(g.payload >= frame && g.payload + g.len <= frame + len);
}

/* The interface's other end: whatever comes out is taken. */
static void drain(int frames)
{
	static uint8_t out[FRAME_MAX + 1];

	while (recv(frames, out, sizeof(out), MSG_DONTWAIT) > 0)
		;
}

static size_t give(int frames, const uint8_t *data, size_t size)
{
	static uint8_t frame[FRAME_MAX + 1];
	size_t n = (size_t)(data[0] & 0x7f) << 8 | data[1], len;
	bool payload = data[0] & 0x80;

	if (n > size - 2)
		n = size - 2;
	if (payload) {
		len = as_datagram(data + 2, n, frame);
	} else {
		len = n;
		memcpy(frame, data + 2, n);
	}
	check_admissible(frame, len);
	/* Nothing at all would be the end of a stream; an interface has no such frame. */
	if (len)
		(void)!send(frames, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	drain(frames);
	return 2 + n;
}

/* carrier_run() is asked to end from the outset: it takes a turn of up to 64 frames, and returns. */
static void carry(int control, int frames, int far, const uint8_t *data, size_t size)
{
	struct network_config config;
	struct carrier *c = NULL;
	struct err err;

	network_config_init(&config);
	config.host_loopback = false;
	MUST(carrier_new(&config, control, frames, &c, &err) == 0);
	MUST(carrier_publish(c, bound(SOCK_STREAM), 80, &err) == 0);
	MUST(carrier_publish(c, bound(SOCK_DGRAM), 53, &err) == 0);
	for (size_t at = 0, n = 0; size - at > 2 && n < FRAMES_MAX; n++)
		at += give(far, data + at, size - at);
	carrier_run(c);
	drain(far);
	carrier_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int control[2], frames[2], large = 4 << 20;

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0);
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, frames) == 0);
	setsockopt(frames[1], SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
	/* Closed: the control socket says to end. */
	close(control[1]);
	carry(control[0], frames[0], frames[1], data, size);
	close(control[0]);
	close(frames[0]);
	close(frames[1]);
	return 0;
}
