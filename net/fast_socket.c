#include "net/fast_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

#define SNDBUF_LOCKED 1
#define RCVBUF_LOCKED 2

uint64_t fast_socket_namespace(int sock)
{
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	return getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

static int get_int(int sock, int level, int name)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(sock, level, name, &value, &len) < 0 ? -1 : value;
}

uint64_t fast_socket_inode(int sock)
{
	struct stat st;

	return fstat(sock, &st) < 0 ? 0 : st.st_ino;
}

int fast_socket_state(int sock)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ? -1 : info.tcpi_state;
}

int fast_socket_look(int sock, struct fast_socket *ret)
{
	ret->family = get_int(sock, SOL_SOCKET, SO_DOMAIN);
	ret->protocol = get_int(sock, SOL_SOCKET, SO_PROTOCOL);
	if ((ret->family != AF_INET && ret->family != AF_INET6) ||
	    (ret->protocol != IPPROTO_TCP && ret->protocol != IPPROTO_MPTCP))
		return -1;
	ret->state = fast_socket_state(sock);
	ret->inode = fast_socket_inode(sock);
	if (ret->state < 0 || !ret->inode)
		return -1;
	ret->namespace = fast_socket_namespace(sock);
	ret->flags = fcntl(sock, F_GETFL);
	return ret->namespace && ret->flags >= 0 ? 0 : -1;
}

bool fast_socket_movable(int sock, const struct fast_socket *is)
{
	struct pollfd p = { .fd = sock, .events = POLLRDHUP };
	char interface[64];
	socklen_t n_filter = 0, len = sizeof(interface);

	/* After a connect(2) that has failed, or a shutdown(2), the next one is not its first. */
	if (is->flags & O_ASYNC || (poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP))
		return false;
	/* Its length counts instructions. */
	if (getsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, NULL, &n_filter) == 0 && n_filter > 0)
		return false;
	return getsockopt(sock, SOL_SOCKET, SO_BINDTODEVICE, interface, &len) < 0 || len == 0;
}

/* --- What programs set --- */

static const struct {
	int level, name;
} carried[] = {
	{ SOL_SOCKET, SO_KEEPALIVE },	 { SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_LINGER },	 { SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_RCVLOWAT },	 { SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_SNDTIMEO },	 { SOL_SOCKET, SO_PRIORITY },
	{ SOL_SOCKET, SO_TIMESTAMP },	 { SOL_SOCKET, SO_ZEROCOPY },
	{ SOL_SOCKET, SO_INCOMING_CPU }, { SOL_SOCKET, SO_MAX_PACING_RATE },
	{ IPPROTO_TCP, TCP_NODELAY },	 { IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_CORK },	 { IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },	 { IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_SYNCNT },	 { IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP }, { IPPROTO_TCP, TCP_QUICKACK },
	{ IPPROTO_TCP, TCP_CONGESTION }, { IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT }, { IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS },
	{ IPPROTO_IP, IP_TOS },		 { IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_MTU_DISCOVER }, { IPPROTO_IP, IP_RECVTOS },
	{ IPPROTO_IP, IP_RECVERR },	 { IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT },
	{ IPPROTO_IPV6, IPV6_V6ONLY },	 { IPPROTO_IPV6, IPV6_TCLASS },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS }, { IPPROTO_IPV6, IPV6_MTU_DISCOVER },
	{ IPPROTO_IPV6, IPV6_RECVERR },	 { IPPROTO_IPV6, IPV6_ADDR_PREFERENCES },
};

_Static_assert(ARRAY_SIZE(carried) == FAST_CARRIED, "as many as there is room for");

static void read_one(int sock, size_t i, struct fast_option *ret)
{
	ret->len = sizeof(ret->value);
	if (getsockopt(sock, carried[i].level, carried[i].name, ret->value, &ret->len) < 0)
		ret->len = 0;
}

void fast_socket_read(int sock, struct fast_set *ret)
{
	*ret = (struct fast_set){ .has_all = true };
	for (size_t i = 0; i < FAST_CARRIED; i++)
		read_one(sock, i, &ret->v[i]);
}

static bool same_option(const struct fast_option *a, const struct fast_option *b)
{
	return a->len == b->len && memcmp(a->value, b->value, a->len) == 0;
}

static const int buffers[] = { SO_SNDBUF, SO_RCVBUF };

void fast_socket_differs(int sock, const struct fast_set *fresh, struct fast_set *ret)
{
	int locked = get_int(sock, SOL_SOCKET, SO_BUF_LOCK);

	*ret = (struct fast_set){ .has_all = false };
	for (size_t i = 0; i < FAST_CARRIED; i++) {
		/* None of this family's. */
		if (!fresh->v[i].len)
			continue;
		read_one(sock, i, &ret->v[i]);
		if (same_option(&ret->v[i], &fresh->v[i]))
			ret->v[i].len = 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++)
		if (locked > 0 && (locked & (i ? RCVBUF_LOCKED : SNDBUF_LOCKED)))
			ret->buffers[i] = get_int(sock, SOL_SOCKET, buffers[i]);
}

void fast_socket_set(int sock, const struct fast_set *set)
{
	for (size_t i = 0; i < FAST_CARRIED; i++)
		if (set->v[i].len)
			setsockopt(sock, carried[i].level, carried[i].name, set->v[i].value, set->v[i].len);
	for (size_t i = 0; i < ARRAY_SIZE(buffers); i++) {
		/* The kernel doubles what it is given. */
		int half = set->buffers[i] / 2;

		if (half > 0)
			setsockopt(sock, SOL_SOCKET, buffers[i], &half, sizeof(half));
	}
}

void fast_socket_carry(int from, int to, const struct fast_set *fresh)
{
	struct fast_set own, set;

	if (!fresh || !fresh->has_all) {
		fast_socket_read(to, &own);
		fresh = &own;
	}
	fast_socket_differs(from, fresh, &set);
	fast_socket_set(to, &set);
}

/* --- Whose packets it takes --- */

#define TCP_SYN_BIT 0x02
#define TCP_ACK_BIT 0x10

struct code {
	struct sock_filter v[24];
	unsigned short n;
};

static void load(struct code *c, uint16_t size, uint32_t at)
{
	c->v[c->n++] = (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, at);
}

/* Drops the packet where what was loaded is not this. */
static void demand(struct code *c, uint32_t value)
{
	c->v[c->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
	c->v[c->n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
}

static void demand_version(struct code *c, uint32_t version)
{
	load(c, BPF_B, (uint32_t)SKF_NET_OFF);
	c->v[c->n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4);
	demand(c, version);
}

/* The filter of a TCP socket sees packets from the TCP header on; SKF_NET_OFF is the IP header. */
static void demand_source(struct code *c, const union fast_address *peer)
{
	uint32_t word[4];
	size_t n = 4, at = 8;

	if (peer->any.sa_family == AF_INET) {
		memcpy(word, &peer->in.sin_addr, sizeof(peer->in.sin_addr));
		n = 1;
		at = offsetof(struct iphdr, saddr);
	} else {
		memcpy(word, &peer->in6.sin6_addr, sizeof(word));
	}
	for (size_t i = 0; i < n; i++) {
		load(c, BPF_W, (uint32_t)SKF_NET_OFF + (uint32_t)(at + 4 * i));
		demand(c, ntohl(word[i]));
	}
	load(c, BPF_H, 0);
	demand(c, ntohs(peer->any.sa_family == AF_INET ? peer->in.sin_port : peer->in6.sin6_port));
}

int fast_socket_pin(int sock, const union fast_address *peer)
{
	struct code c = { .n = 0 };
	struct sock_fprog program = { .filter = c.v };
	int on = 1;

	demand_version(&c, peer->any.sa_family == AF_INET ? 4 : 6);
	demand_source(&c, peer);
	/* Nor is it to listen: SYN alone. */
	load(&c, BPF_B, 13);
	c.v[c.n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_SYN_BIT | TCP_ACK_BIT);
	c.v[c.n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_SYN_BIT, 0, 1);
	c.v[c.n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	c.v[c.n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	program.len = c.n;
	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
			       setsockopt(sock, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0 ?
		       -1 : 0;
}

int fast_socket_new(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}
