/*
 * Theory of operation
 *
 * One thread, one poll(2). libslirp keeps no descriptors of its own: before each poll it is asked
 * what to wait for (slirp_pollfds_fill), and afterwards it is told what happened
 * (slirp_pollfds_poll). Frames from the container go in by slirp_input(); frames for it come out by
 * the send_packet callback, from within either call.
 *
 * Two things about its clock decide the order of the loop. libslirp reads the clock in
 * slirp_pollfds_poll() only, so that comes first after a sleep: a frame that went in before it
 * would open a socket that has already expired. And it never asks to sleep for more than a second,
 * though with no connection it has nothing to do then; that longest sleep is taken to mean for
 * ever, so that the tiffin-net of an idle container does not wake at all.
 *
 * A published TCP port is a listening socket of slirp's, which asks for two looks a second as long
 * as there is one. So where nothing else has happened for longer than any of its timers takes, that
 * counts as nothing to do as well. UDP is not slirp's business: see net/datagram.c.
 *
 * A frame that can't be delivered is dropped, as by any interface: TCP sends it again. The only
 * errors that end the carrier are those that say that the interface no longer exists.
 */
#include "net/carrier.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libslirp.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/proc.h"
#include "base/str.h"
#include "net/ahead.h"
#include "net/datagram.h"
#include "net/dns.h"
#include "net/fragment.h"
#include "net/frame.h"
#include "net/network.h"
#include "net/timer.h"
#include "net/udp.h"

/* What libslirp asks for when it has nothing to wait for. */
#define SLIRP_IDLE_MS 1000
/* Frames that are read between two polls: enough to spare polls, and few enough to be fair. */
#define FRAMES_A_TURN 64
/* How often an interface that is down is looked for. */
#define DOWN_MS	      1000
/* How long what is known of the name servers counts. */
#define DNS_MS	      1000
/* Longer than any timer of slirp's that needs no descriptor: 75 s (TCPTV_KEEP_INIT). */
#define LINGER_MS     120000

enum {
	POLL_CONTROL,
	POLL_FRAMES,
	POLL_PORTS, /* of UDP; and behind them slirp's own, other ones each time */
};

struct carrier {
	Slirp *slirp;
	struct network_config config;
	int frames;
	bool down, gone; /* the interface */
	struct pollfd *polls;
	size_t n_polls, max_polls;
	size_t n_lent;	    /* polls that stay: those in front of slirp's */
	size_t n_listeners; /* slirp's, which are always there */
	int64_t busy_ms;    /* when there was last a connection or a frame */
	struct fragments *fragments; /* NULL: there were none */
	uint16_t cut;	    /* frames that were cut: the identification of the last one */
	struct datagrams *datagrams; /* NULL: no published port of UDP */
	struct timer *timers;
	int dns;	/* -1: nobody follows the name servers */
	int64_t dns_ms; /* when they were asked for */
	struct ahead ahead;
	uint8_t *frame; /* FRAME_MAX bytes, for datagrams from published ports */
};

static int64_t now_ms(void)
{
	return now_monotonic() / 1000000;
}

/*
 * A tap device that was deleted says EBADFD. A packet socket says ENETDOWN once, for a deleted
 * interface as for one that is only down.
 */
static void note_failure(struct carrier *c)
{
	switch (errno) {
	case EAGAIN:
	case EINTR:
	case EIO: /* a tap device that is down */
	case EMSGSIZE:
	case ENOBUFS:
	case ENOMEM:
	case EINVAL:
		return;
	case ENETDOWN:
		c->down = true;
		return;
	default:
		c->gone = true;
	}
}

/*
 * A packet socket forgets the index of a deleted interface, but a moment after it said ENETDOWN,
 * and then it says no more. So while the interface is down, it is looked for from time to time.
 */
static void look_for_interface(struct carrier *c)
{
	struct sockaddr_ll address = { .sll_ifindex = 0 };
	socklen_t len = sizeof(address);

	c->gone = getsockname(c->frames, (struct sockaddr *)&address, &len) < 0 ||
		  address.sll_ifindex <= 0;
}

static void give_frame(const uint8_t *frame, size_t len, void *arg)
{
	struct carrier *c = arg;
	ssize_t n;

	do
		n = write(c->frames, frame, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		note_failure(c);
}

/* slirp cuts what is too large itself, but for datagrams of IPv6. */
static ssize_t send_packet(const void *frame, size_t len, void *opaque)
{
	struct carrier *c = opaque;

	if (len > ETH_HLEN + c->config.mtu)
		fragments_cut(frame, len, c->config.mtu, ++c->cut, give_frame, c);
	else
		give_frame(frame, len, c);
	return (ssize_t)len;
}

/* Before slirp sees that a name is looked up: it sends the question to the servers that it finds. */
static void see_to_dns(struct carrier *c, const uint8_t *frame, size_t len)
{
	const struct network_config *net = &c->config;
	struct udp_datagram g;

	if (c->dns < 0 || now_ms() - c->dns_ms < DNS_MS || !udp_parse(frame, len, &g) || g.to.port != 53)
		return;
	if (g.family == AF_INET ? memcmp(g.to.address, &net->dns, sizeof(net->dns)) != 0 :
				  memcmp(g.to.address, &net->dns6, sizeof(net->dns6)) != 0)
		return;
	dns_follow(c->polls[POLL_CONTROL].fd, c->dns);
	c->dns_ms = now_ms();
}

static void take_packet(struct carrier *c, const uint8_t *frame, size_t len)
{
	if (!frame_admissible(frame, len, c->config.host_loopback))
		return;
	frame = fragments_join(&c->fragments, frame, &len);
	if (!frame || (c->datagrams && datagrams_from_frame(c->datagrams, frame, len)))
		return;
	see_to_dns(c, frame, len);
	slirp_input(c->slirp, frame, (int)len);
}

/* After each frame those that came meanwhile are read, or they may find no room. */
static void receive_packets(struct carrier *c)
{
	int left = FRAMES_A_TURN;
	const uint8_t *frame;
	size_t len;

	do {
		size_t before = c->ahead.n;
		int more = ahead_read(&c->ahead, c->frames, &left);

		if (c->ahead.n > before)
			c->down = false;
		if (more < 0)
			note_failure(c);
		frame = ahead_next(&c->ahead, &len);
		if (frame)
			take_packet(c, frame, len);
	} while (c->ahead.n && !c->gone);
}

static void receive_datagrams(struct carrier *c, int sock)
{
	for (int i = 0; i < FRAMES_A_TURN; i++) {
		size_t n = datagrams_to_frame(c->datagrams, sock, c->frame);

		if (n == 0)
			return;
		fragments_cut(c->frame, n, c->config.mtu, ++c->cut, give_frame, c);
	}
}

static int64_t clock_get_ns(void *opaque)
{
	(void)opaque;
	return now_monotonic();
}

static void *timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
	return timer_add(&((struct carrier *)opaque)->timers, (int)id, timer_opaque);
}

static void timer_free(void *timer, void *opaque)
{
	timer_remove(&((struct carrier *)opaque)->timers, timer);
}

static void timer_mod(void *timer, int64_t due_ms, void *opaque)
{
	(void)opaque;
	timer_set(timer, due_ms);
}

static void run_timers(struct carrier *c)
{
	void *opaque;
	int id;

	for (int64_t now = now_ms(); timer_take_due(c->timers, now, &id, &opaque);)
		slirp_handle_timer(c->slirp, (SlirpTimerId)id, opaque);
}

/* How long poll may sleep, in its own terms: -1 is for ever. */
static int poll_timeout(const struct carrier *c, uint32_t slirp_ms)
{
	int64_t now = now_ms(), due;
	bool quiet = c->n_listeners && now - c->busy_ms > LINGER_MS;
	int64_t sleep = slirp_ms < SLIRP_IDLE_MS && !quiet ? slirp_ms : TIMER_NEVER;

	if (c->down && sleep > DOWN_MS)
		sleep = DOWN_MS;
	due = timer_next_due(c->timers);
	if (due != TIMER_NEVER && due - now < sleep)
		sleep = due > now ? due - now : 0;
	if (sleep == TIMER_NEVER)
		return -1;
	return sleep < INT32_MAX ? (int)sleep : INT32_MAX;
}

static const struct {
	int slirp;
	short poll;
} events[] = {
	{ SLIRP_POLL_IN, POLLIN },   { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

static int add_poll(int fd, int wanted, void *opaque)
{
	struct carrier *c = opaque;
	struct pollfd p = { .fd = fd };

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (wanted & events[i].slirp)
			p.events |= events[i].poll;
	if (c->n_polls == c->max_polls) {
		c->max_polls = c->max_polls ? 2 * c->max_polls : 16;
		c->polls = xrealloc(c->polls, c->max_polls * sizeof(*c->polls));
	}
	c->polls[c->n_polls] = p;
	return (int)c->n_polls++;
}

static int get_revents(int index, void *opaque)
{
	const struct carrier *c = opaque;
	int happened = 0;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (c->polls[index].revents & events[i].poll)
			happened |= events[i].slirp;
	return happened;
}

static void guest_error(const char *message, void *opaque)
{
	/* What a container's packets are like is nobody's business, and its own to fill a log with. */
	(void)message;
	(void)opaque;
}

static void ignore_fd(int fd, void *opaque)
{
	/* For event loops that keep a set of descriptors. This one asks for it anew each turn. */
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	/* For event loops in other threads: here, libslirp is asked again before each poll. */
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_new_opaque = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = ignore_fd,
	.unregister_poll_fd = ignore_fd,
	.notify = notify,
};

int carrier_new(const struct network_config *net, int control, int frames, struct carrier **ret,
		struct err *err)
{
	struct carrier *c = xcalloc(1, sizeof(*c));
	SlirpConfig config = {
		.version = 4, /* libslirp 4.7 */
		.in_enabled = true,
		.vnetwork = net->network,
		.vnetmask = net->mask,
		.vhost = net->gateway,
		.vnameserver = net->dns,
		/* DHCP is off, but has to have a place in the network. */
		.vdhcp_start = { net->network.s_addr | htonl(15) },
		.in6_enabled = net->ipv6,
		.vprefix_addr6 = net->network6,
		.vprefix_len = 64,
		.vhost6 = net->gateway6,
		.vnameserver6 = net->dns6,
		.if_mtu = net->mtu,
		.if_mru = net->mtu,
		.disable_host_loopback = !net->host_loopback,
		/* libslirp keeps the pointers. */
		.outbound_addr = net->outbound.sin_family ? &c->config.outbound : NULL,
		.outbound_addr6 = net->outbound6.sin6_family ? &c->config.outbound6 : NULL,
		.disable_dhcp = true, /* the address is static: what is not served can't be attacked */
	};

	c->config = *net;
	c->dns = -1;
	c->frames = frames;
	c->frame = xmalloc(FRAME_MAX); /* not cleared: it takes memory as it is used */
	c->slirp = slirp_new(&config, &callbacks, c);
	if (!c->slirp) {
		free(c->frame);
		free(c);
		return err_set(err, ERR_UNSUPPORTED, "libslirp %s refuses its configuration",
			       slirp_version_string());
	}
	add_poll(control, SLIRP_POLL_IN, c);
	add_poll(frames, SLIRP_POLL_IN, c);
	c->n_lent = POLL_PORTS;
	*ret = c;
	return 0;
}

void carrier_follow_dns(struct carrier *c, int dns)
{
	c->dns = dns;
}

static int option_of(int sock, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(sock, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

/*
 * slirp forwards only what it has bound itself. So it binds any port, and its socket is replaced by
 * ours under its number, which is the lowest that is free.
 */
static int give_to_slirp(struct carrier *c, int sock, uint16_t port, struct err *err)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 from6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int number = dup(sock), done;

	if (number < 0 || close(number) < 0)
		return err_sys(err, "cannot duplicate a socket");
	inet_pton(AF_INET, "127.0.0.1", &from.sin_addr);
	inet_pton(AF_INET6, "::1", &from6.sin6_addr);
	to.sin_addr = c->config.address;
	to6.sin6_addr = c->config.address6;
	if (option_of(sock, SO_DOMAIN) == AF_INET)
		done = slirp_add_hostxfwd(c->slirp, (struct sockaddr *)&from, sizeof(from),
					  (struct sockaddr *)&to, sizeof(to), 0);
	else
		done = slirp_add_hostxfwd(c->slirp, (struct sockaddr *)&from6, sizeof(from6),
					  (struct sockaddr *)&to6, sizeof(to6), 0);
	if (done < 0)
		return err_sys(err, "cannot forward port %u", port);
	if (option_of(number, SO_ACCEPTCONN) != 1 || dup2(sock, number) < 0)
		return err_set(err, ERR_SYSTEM, "cannot forward port %u: slirp's socket is elsewhere",
			       port);
	close(sock);
	c->n_listeners++;
	return 0;
}

int carrier_publish(struct carrier *c, int sock, uint16_t port, struct err *err)
{
	int type = option_of(sock, SO_TYPE);

	if (type == SOCK_STREAM)
		return give_to_slirp(c, sock, port, err);
	if (type != SOCK_DGRAM)
		return err_set(err, ERR_SYSTEM, "cannot forward port %u: no socket for it", port);
	if (!c->datagrams)
		c->datagrams = datagrams_new(&c->config);
	datagrams_add(c->datagrams, sock, port);
	add_poll(sock, SLIRP_POLL_IN, c);
	c->n_lent = c->n_polls;
	return 0;
}

/*
 * Its end says to end (ECONNRESET: the other left ours unread). What it says else is an answer that
 * came too late.
 */
static bool released(const struct carrier *c)
{
	const struct pollfd *control = &c->polls[POLL_CONTROL];
	char message[64];
	ssize_t n;

	if (!control->revents)
		return false;
	n = read(control->fd, message, sizeof(message));
	return n == 0 || (n < 0 && errno != EINTR);
}

void carrier_run(struct carrier *c)
{
	while (!c->gone) {
		uint32_t slirp_ms = SLIRP_IDLE_MS;
		int n, timeout;

		c->n_polls = c->n_lent;
		slirp_pollfds_fill(c->slirp, &slirp_ms, add_poll, c);
		if (c->n_polls > c->n_lent + c->n_listeners)
			c->busy_ms = now_ms();
		timeout = poll_timeout(c, slirp_ms);
		if (timeout < 0 || timeout > MEMORY_SETTLED_MS)
			ahead_let_go(&c->ahead);
		n = memory_poll(c->polls, c->n_polls, timeout);
		if (n < 0 && errno != EINTR)
			return;
		slirp_pollfds_poll(c->slirp, n < 0, get_revents, c);
		run_timers(c);
		if (n < 0)
			continue;
		if (c->polls[POLL_FRAMES].revents) {
			c->busy_ms = now_ms();
			receive_packets(c);
		}
		for (size_t i = POLL_PORTS; i < c->n_lent; i++)
			if (c->polls[i].revents)
				receive_datagrams(c, c->polls[i].fd);
		if (c->down)
			look_for_interface(c);
		if (released(c))
			return;
	}
}

void carrier_free(struct carrier *c)
{
	slirp_cleanup(c->slirp);
	datagrams_free(c->datagrams);
	fragments_free(c->fragments);
	ahead_let_go(&c->ahead);
	free(c->polls);
	free(c->frame);
	free(c);
}
