/* --network fast: what goes outward, and the sockets that take others' places. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/fast_address.h"
#include "net/fast_socket.h"
#include "net/fast_table.h"
#include "net/network.h"
#include "test.h"

static const char *const names[] = {
	[FAST_INSIDE] = "inside", [FAST_FORBIDDEN] = "forbidden", [FAST_OUTWARD] = "outward",
};

static socklen_t address(const char *text, uint16_t port, union fast_address *ret)
{
	*ret = (union fast_address){ .room = { 0 } };
	if (inet_pton(AF_INET, text, &ret->in.sin_addr) == 1) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons(port);
		return sizeof(ret->in);
	}
	inet_pton(AF_INET6, text, &ret->in6.sin6_addr);
	ret->in6.sin6_family = AF_INET6;
	ret->in6.sin6_port = htons(port);
	return sizeof(ret->in6);
}

static struct fast_interfaces usual(void)
{
	struct fast_interfaces i = { .n4 = 2, .n6 = 2 };

	inet_pton(AF_INET, "127.0.0.1", &i.v4[0].address);
	inet_pton(AF_INET, "255.0.0.0", &i.v4[0].mask);
	inet_pton(AF_INET, "10.0.2.100", &i.v4[1].address);
	inet_pton(AF_INET, "255.255.255.0", &i.v4[1].mask);
	inet_pton(AF_INET6, "::1", &i.v6[0].address);
	i.v6[0].prefix = 128;
	inet_pton(AF_INET6, "fd00::100", &i.v6[1].address);
	i.v6[1].prefix = 64;
	return i;
}

TEST(what_is_not_the_containers_and_no_loopback_goes_outward)
{
	static const struct {
		const char *text;
		enum fast_way way;
	} cases[] = {
		{ "192.0.2.1", FAST_OUTWARD },	   { "8.8.8.8", FAST_OUTWARD },
		{ "10.0.3.1", FAST_OUTWARD },	   { "172.17.0.1", FAST_OUTWARD },
		{ "126.255.255.255", FAST_OUTWARD }, { "128.0.0.0", FAST_OUTWARD },
		{ "1.0.0.0", FAST_OUTWARD },	   { "223.255.255.255", FAST_OUTWARD },
		{ "169.253.0.1", FAST_OUTWARD },   { "169.255.0.1", FAST_OUTWARD },
		{ "::ffff:192.0.2.1", FAST_OUTWARD }, { "2001:db8::1", FAST_OUTWARD },
		{ "fd00:0:0:1::2", FAST_OUTWARD }, { "fe00::1", FAST_OUTWARD },
		{ "10.0.2.2", FAST_INSIDE },	   { "10.0.2.3", FAST_INSIDE },
		{ "10.0.2.100", FAST_INSIDE },	   { "::ffff:10.0.2.2", FAST_INSIDE },
		{ "fd00::2", FAST_INSIDE },	   { "fd00::ffff:1:2", FAST_INSIDE },
		{ "127.0.0.1", FAST_FORBIDDEN },   { "127.255.255.254", FAST_FORBIDDEN },
		{ "0.0.0.0", FAST_FORBIDDEN },	   { "0.1.2.3", FAST_FORBIDDEN },
		{ "169.254.169.254", FAST_FORBIDDEN }, { "224.0.0.1", FAST_FORBIDDEN },
		{ "239.255.255.255", FAST_FORBIDDEN }, { "240.0.0.1", FAST_FORBIDDEN },
		{ "255.255.255.255", FAST_FORBIDDEN }, { "::ffff:127.0.0.1", FAST_FORBIDDEN },
		{ "::ffff:0.0.0.0", FAST_FORBIDDEN }, { "::ffff:169.254.169.254", FAST_FORBIDDEN },
		{ "::", FAST_FORBIDDEN },	   { "::1", FAST_FORBIDDEN },
		{ "::127.0.0.1", FAST_FORBIDDEN }, { "fe80::1", FAST_FORBIDDEN },
		{ "febf::1", FAST_FORBIDDEN },	   { "fec0::1", FAST_FORBIDDEN },
		{ "ff02::1", FAST_FORBIDDEN },
	};
	const struct fast_interfaces of = usual();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		union fast_address a;
		socklen_t len = address(cases[i].text, 80, &a);

		printf("# %s\n", cases[i].text);
		CHECK_STR(names[fast_decide(&a, len, &of)], names[cases[i].way]);
	}
}

TEST(what_is_no_whole_address_stays_inside)
{
	const struct fast_interfaces of = usual();
	union fast_address a;
	socklen_t len = address("192.0.2.1", 80, &a);

	CHECK(fast_decide(&a, len - 1, &of) == FAST_INSIDE);
	CHECK(fast_decide(&a, sizeof(a), &of) == FAST_OUTWARD);
	address("192.0.2.1", 0, &a);
	CHECK(fast_decide(&a, len, &of) == FAST_INSIDE);
	a.any.sa_family = AF_UNIX;
	CHECK(fast_decide(&a, len, &of) == FAST_INSIDE);
	len = address("2001:db8::1", 80, &a);
	CHECK(fast_decide(&a, len - 1, &of) == FAST_INSIDE);
	a.in6.sin6_scope_id = 1;
	CHECK(fast_decide(&a, len, &of) == FAST_FORBIDDEN);
}

TEST(who_has_no_address_goes_nowhere)
{
	struct fast_interfaces of = usual();
	union fast_address a;
	socklen_t len = address("192.0.2.1", 80, &a);

	of.n4 = of.n6 = 1;
	CHECK(fast_decide(&a, len, &of) == FAST_INSIDE);
	len = address("2001:db8::1", 80, &a);
	CHECK(fast_decide(&a, len, &of) == FAST_INSIDE);
}

TEST(sockets_are_told_apart_by_their_namespace)
{
	struct fast_socket here;
	CLEAN(clean_fd) int sock = fast_socket_new(AF_INET);
	CLEAN(clean_fd) int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CLEAN(clean_fd) int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fast_socket_look(sock, &here) == 0);
	CHECK(here.namespace != 0 && here.namespace == fast_socket_namespace(datagrams));
	CHECK(here.state == TCP_CLOSE && here.family == AF_INET && (here.flags & O_NONBLOCK));
	CHECK(fast_socket_look(datagrams, &here) < 0);
	CHECK(fast_socket_look(local, &here) < 0);
	CHECK(fast_socket_look(-1, &here) < 0);
}

TEST(only_what_was_set_is_carried)
{
	CLEAN(clean_fd) int from = fast_socket_new(AF_INET);
	CLEAN(clean_fd) int to = fast_socket_new(AF_INET);
	int on = 1, value = 0, locked = -1;
	socklen_t len = sizeof(value);

	setsockopt(from, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	value = 33;
	setsockopt(from, IPPROTO_TCP, TCP_KEEPCNT, &value, sizeof(value));
	fast_socket_carry(from, to, NULL);
	CHECK(getsockopt(to, SOL_SOCKET, SO_KEEPALIVE, &value, &len) == 0 && value == 1);
	CHECK(getsockopt(to, IPPROTO_TCP, TCP_KEEPCNT, &value, &len) == 0 && value == 33);
	CHECK(getsockopt(to, SOL_SOCKET, 72 /* SO_BUF_LOCK */, &locked, &len) < 0 || locked == 0);
	value = 30000;
	setsockopt(from, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value));
	fast_socket_carry(from, to, NULL);
	CHECK(getsockopt(to, SOL_SOCKET, SO_SNDBUF, &value, &len) == 0 && value == 60000);
}

TEST(what_a_fresh_socket_has_can_be_known_before)
{
	CLEAN(clean_fd) int from = fast_socket_new(AF_INET6);
	CLEAN(clean_fd) int to = fast_socket_new(AF_INET6);
	struct fast_set fresh;
	int value = 33, found = 0;
	socklen_t len = sizeof(found);

	fast_socket_read(to, &fresh);
	setsockopt(from, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value, sizeof(value));
	setsockopt(from, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
	/* As one where it is not the same by itself. */
	setsockopt(to, IPPROTO_TCP, TCP_KEEPCNT, &value, sizeof(value));
	fast_socket_carry(from, to, &fresh);
	CHECK(getsockopt(to, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &found, &len) == 0 && found == 33);
	CHECK(getsockopt(to, IPPROTO_TCP, TCP_KEEPCNT, &found, &len) == 0 && found == 33);
	fast_socket_carry(from, to, NULL);
	CHECK(getsockopt(to, IPPROTO_TCP, TCP_KEEPCNT, &found, &len) == 0 && found != 33);
}

TEST(numbers_and_epoll_instances_are_found)
{
	CLEAN(clean_fd) int sock = fast_socket_new(AF_INET);
	CLEAN(clean_fd) int twin = fcntl(sock, F_DUPFD, 100);
	CLEAN(clean_fd) int other = fast_socket_new(AF_INET);
	CLEAN(clean_fd) int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = 0x1122334455667788 };
	struct fast_socket is = { .inode = 0 };
	struct fast_place place = { .n = 0 };

	epoll_ctl(epoll, EPOLL_CTL_ADD, other, &e);
	epoll_ctl(epoll, EPOLL_CTL_ADD, twin, &e);
	CHECK(chdir("/proc") == 0 && fast_socket_look(sock, &is) == 0);
	CHECK(fast_place_find(getpid(), sock, is.inode, &place) == 0);
	CHECK(place.n == 2 && place.v[0].number == sock && place.v[0].cloexec);
	CHECK(place.v[1].number == twin && !place.v[1].cloexec);
	CHECK(place.n_waits == 1 && place.waits[0].epoll == epoll && place.waits[0].number == twin);
	CHECK((place.waits[0].events & (EPOLLIN | EPOLLET)) == (EPOLLIN | EPOLLET));
	CHECK(place.waits[0].data == 0x1122334455667788);
}

TEST(only_so_many_descriptors_are_looked_at_in_a_second)
{
	struct fast_looks l = { .n = 0 };
	size_t times = 0;

	while (times < FAST_LOOKS && fast_place_may_look(&l, 1000, 1))
		times++;
	CHECK(times == FAST_LOOKS / 1000);
	CHECK(fast_place_may_look(&l, FAST_LOOKED_AT_FEW, 1));
	CHECK(!fast_place_may_look(&l, FAST_LOOKED_AT_FEW + 1, 1));
	CHECK(fast_place_may_look(&l, 1000, 2));
	CHECK(fast_place_may_look(&l, FAST_LOOKED_AT_MAX, 2));
	CHECK(!fast_place_may_look(&l, FAST_LOOKED_AT_MAX + 1, 2));
}

TEST(descriptors_are_counted)
{
	CLEAN(clean_fd) int one = -1;
	size_t before;

	CHECK(chdir("/proc") == 0);
	before = fast_place_count(getpid());
	one = fcntl(0, F_DUPFD_CLOEXEC, 0);
	CHECK(before > 0 && fast_place_count(getpid()) == before + 1);
}

/* --- One peer alone: where the kernel lets us, as in a network namespace of our own --- */

static int listening(const char *text, union fast_address *ret, socklen_t *ret_len)
{
	int sock = fast_socket_new(AF_INET);

	*ret_len = address(text, 0, ret);
	if (bind(sock, &ret->any, *ret_len) < 0 || listen(sock, 5) < 0 ||
	    getsockname(sock, &ret->any, ret_len) < 0)
		return -1;
	return sock;
}

static bool connects(int sock, const union fast_address *to, socklen_t len, int within_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLOUT };
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)!connect(sock, &none, sizeof(none));
	(void)!connect(sock, &to->any, len);
	return poll(&p, 1, within_ms) == 1 && !(p.revents & (POLLERR | POLLHUP));
}

static int reach_one(void)
{
	union fast_address good, bad;
	socklen_t len = 0, other = 0;
	int sock = fast_socket_new(AF_INET), off = 0;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 77;
	close(sock);
	sock = fast_socket_new(AF_INET);
	if (network_loopback_up(NULL) < 0 || listening("127.0.0.1", &good, &len) < 0 ||
	    listening("127.0.0.2", &bad, &other) < 0)
		return 1;
	if (!connects(sock, &bad, other, 60000))
		return 2;
	if (fast_socket_pin(sock, &good) < 0)
		return 3;
	if (!connects(sock, &good, len, 60000))
		return 4;
	if (connects(sock, &bad, other, 300))
		return 5;
	/* For good. */
	if (setsockopt(sock, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof(off)) == 0 || errno != EPERM)
		return 6;
	return 0;
}

TEST(a_pinned_socket_reaches_one_peer)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(reach_one());
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		printf("# skipped: no network namespace for us\n");
	else
		CHECK(WEXITSTATUS(status) == 0);
}

int main(void)
{
	RUN(what_is_not_the_containers_and_no_loopback_goes_outward);
	RUN(what_is_no_whole_address_stays_inside);
	RUN(who_has_no_address_goes_nowhere);
	RUN(sockets_are_told_apart_by_their_namespace);
	RUN(only_what_was_set_is_carried);
	RUN(what_a_fresh_socket_has_can_be_known_before);
	RUN(numbers_and_epoll_instances_are_found);
	RUN(only_so_many_descriptors_are_looked_at_in_a_second);
	RUN(descriptors_are_counted);
	RUN(a_pinned_socket_reaches_one_peer);
	return test_summary();
}
