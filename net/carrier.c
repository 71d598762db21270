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
#include "base/proc.h"
#include "base/str.h"
#include "net/frame.h"
#include "net/network.h"

/* What libslirp asks for when it has nothing to wait for. */
#define SLIRP_IDLE_MS 1000
/* Frames that are read between two polls: enough to spare polls, and few enough to be fair. */
#define FRAMES_A_TURN 64
/* How often an interface that is down is looked for. */
#define DOWN_MS	      1000
#define NEVER	      INT64_MAX

struct timer {
	struct timer *next;
	SlirpTimerId id;
	void *opaque;
	int64_t due_ms;
};

enum {
	POLL_CONTROL,
	POLL_FRAMES,
	POLL_SLIRP, /* and all that follow */
};

struct carrier {
	Slirp *slirp;
	int frames;
	bool down, gone; /* the interface */
	struct pollfd *polls;
	size_t n_polls, max_polls;
	struct timer *timers;
	uint8_t frame[FRAME_MAX + 1]; /* one more, to tell a frame that is too long */
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

static ssize_t send_packet(const void *frame, size_t len, void *opaque)
{
	struct carrier *c = opaque;
	ssize_t n;

	do
		n = write(c->frames, frame, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		note_failure(c);
	return (ssize_t)len;
}

static void receive_packets(struct carrier *c)
{
	for (int i = 0; i < FRAMES_A_TURN && !c->gone; i++) {
		ssize_t n = read(c->frames, c->frame, sizeof(c->frame));

		if (n < 0) {
			note_failure(c);
			return;
		}
		c->down = false;
		if (frame_admissible(c->frame, (size_t)n))
			slirp_input(c->slirp, c->frame, (int)n);
	}
}

static int64_t clock_get_ns(void *opaque)
{
	(void)opaque;
	return now_monotonic();
}

static void *timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
	struct carrier *c = opaque;
	struct timer *t = xmalloc(sizeof(*t));

	*t = (struct timer){
		.next = c->timers,
		.id = id,
		.opaque = timer_opaque,
		.due_ms = NEVER,
	};
	c->timers = t;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct carrier *c = opaque;

	for (struct timer **t = &c->timers; *t; t = &(*t)->next)
		if (*t == timer) {
			*t = (*t)->next;
			break;
		}
	free(timer);
}

static void timer_mod(void *timer, int64_t due_ms, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->due_ms = due_ms;
}

static void run_timers(struct carrier *c)
{
	int64_t now = now_ms();

	for (struct timer *t = c->timers, *next; t; t = next) {
		next = t->next;
		if (t->due_ms > now)
			continue;
		t->due_ms = NEVER; /* unless its handler sets it again */
		slirp_handle_timer(c->slirp, t->id, t->opaque);
	}
}

/* How long poll may sleep, in its own terms: -1 is for ever. */
static int poll_timeout(const struct carrier *c, uint32_t slirp_ms)
{
	int64_t sleep = slirp_ms < SLIRP_IDLE_MS ? slirp_ms : NEVER, now = now_ms();

	if (c->down && sleep > DOWN_MS)
		sleep = DOWN_MS;
	for (const struct timer *t = c->timers; t; t = t->next)
		if (t->due_ms != NEVER && t->due_ms - now < sleep)
			sleep = t->due_ms > now ? t->due_ms - now : 0;
	if (sleep == NEVER)
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

int carrier_new(int control, int frames, struct carrier **ret, struct err *err)
{
	struct carrier *c = xcalloc(1, sizeof(*c));
	SlirpConfig config = {
		.version = 4, /* libslirp 4.7 */
		.in_enabled = true,
		.in6_enabled = true,
		.vprefix_len = 64,
		.if_mtu = NETWORK_MTU,
		.if_mru = NETWORK_MTU,
		.disable_host_loopback = true,
		.disable_dhcp = true, /* the address is static: what is not served can't be attacked */
	};

	inet_pton(AF_INET, "10.0.2.0", &config.vnetwork);
	inet_pton(AF_INET, "255.255.255.0", &config.vnetmask);
	inet_pton(AF_INET, NETWORK_GATEWAY, &config.vhost);
	inet_pton(AF_INET, "10.0.2.15", &config.vdhcp_start);
	inet_pton(AF_INET, NETWORK_DNS, &config.vnameserver);
	inet_pton(AF_INET6, "fd00::", &config.vprefix_addr6);
	inet_pton(AF_INET6, NETWORK_GATEWAY6, &config.vhost6);
	inet_pton(AF_INET6, NETWORK_DNS6, &config.vnameserver6);

	c->frames = frames;
	c->slirp = slirp_new(&config, &callbacks, c);
	if (!c->slirp) {
		free(c);
		return err_set(err, ERR_UNSUPPORTED, "libslirp %s refuses its configuration",
			       slirp_version_string());
	}
	/* The first two stay; slirp's own follow them, other ones each time. */
	add_poll(control, SLIRP_POLL_IN, c);
	add_poll(frames, SLIRP_POLL_IN, c);
	*ret = c;
	return 0;
}

/* The other end says nothing yet, but closing it says to end (ECONNRESET: it left ours unread). */
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
		int n;

		c->n_polls = POLL_SLIRP;
		slirp_pollfds_fill(c->slirp, &slirp_ms, add_poll, c);
		n = poll(c->polls, c->n_polls, poll_timeout(c, slirp_ms));
		if (n < 0 && errno != EINTR)
			return;
		slirp_pollfds_poll(c->slirp, n < 0, get_revents, c);
		run_timers(c);
		if (n < 0)
			continue;
		if (c->polls[POLL_FRAMES].revents)
			receive_packets(c);
		if (c->down)
			look_for_interface(c);
		if (released(c))
			return;
	}
}

void carrier_free(struct carrier *c)
{
	slirp_cleanup(c->slirp);
	free(c->polls);
	free(c);
}
