/*
 * Theory of operation
 *
 * The sockets of published ports are made before there is a container, by whoever starts one, and
 * handed down to tiffin-net. So a port that can't be had is an error of the start, with nothing to
 * undo; a port chosen by the kernel is known at once; and tiffin-net, which reads the container's
 * bytes, never has to be trusted with binding.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/network.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t make_address(const struct network_port *p, uint16_t port, union address *ret)
{
	*ret = (union address){ .any = { .sa_family = AF_UNSPEC } };
	if (inet_pton(AF_INET, p->address, &ret->in.sin_addr) == 1) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons(port);
		return sizeof(ret->in);
	}
	if (inet_pton(AF_INET6, p->address, &ret->in6.sin6_addr) == 1) {
		ret->in6.sin6_family = AF_INET6;
		ret->in6.sin6_port = htons(port);
		return sizeof(ret->in6);
	}
	return 0;
}

const char *network_bracket(const char *address, char ret[NETWORK_TEXT_MAX])
{
	snprintf(ret, NETWORK_TEXT_MAX, strchr(address, ':') ? "[%s]" : "%s", address);
	return ret;
}

static int refuse(const struct network_port *p, uint16_t port, struct err *err)
{
	CLEAN(clean_free) char *where = NULL;
	char address[NETWORK_TEXT_MAX];
	int sys = errno;

	where = xasprintf("%s:%u/%s", network_bracket(p->address, address), port,
			  p->udp ? "udp" : "tcp");
	errno = sys;
	switch (sys) {
	case EADDRINUSE:
		err_set(err, ERR_BUSY,
			"cannot publish port %u: listen on %s: address already in use",
			port, where);
		return err_hint(err,
				"a process or container has that port; '-p %u' takes one that is "
				"free, and 'tiffin port' tells which",
				p->container);
	case EACCES:
		err_set(err, ERR_DENIED, "cannot publish privileged port %u: listen on %s: "
					 "permission denied",
			port, where);
		return err_hint(err,
				"take a port from 1024 on, or let users have the low ones: sudo "
				"sysctl net.ipv4.ip_unprivileged_port_start=%u",
				port);
	case EADDRNOTAVAIL:
		return err_set(err, ERR_USAGE,
			       "cannot publish port %u: listen on %s: no address of this machine's",
			       port, where);
	default:
		return err_sys(err, "cannot publish port %u: listen on %s", port, where);
	}
}

/* -1 and errno. */
static int listen_on(const struct network_port *p, uint16_t port, uint16_t *ret_port)
{
	union address address;
	socklen_t len = make_address(p, port, &address);
	CLEAN(clean_fd) int sock = -1;
	int on = 1;

	sock = socket(address.any.sa_family,
		      (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return -1;
	/* What an IPv6 socket would take of IPv4, nobody asked for. */
	if (address.any.sa_family == AF_INET6 &&
	    setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -1;
	/* Connections of a container's last run may linger. UDP would let two share a port. */
	if (!p->udp && setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (p->shared && p->held && setsockopt(sock, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -1;
	if (bind(sock, &address.any, len) < 0)
		return -1;
	/* Not before it is bound: nobody else's may be there. */
	if (p->shared && setsockopt(sock, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -1;
	if ((!p->udp && listen(sock, SOMAXCONN) < 0) || getsockname(sock, &address.any, &len) < 0)
		return -1;
	*ret_port = ntohs(address.any.sa_family == AF_INET ? address.in.sin_port :
							     address.in6.sin6_port);
	return fd_take(&sock);
}

bool network_port_address(const struct network_port *p, struct sockaddr_storage *ret)
{
	union address address;

	*ret = (struct sockaddr_storage){ 0 };
	if (!make_address(p, p->host, &address))
		return false;
	memcpy(ret, &address, sizeof(address));
	return true;
}

bool network_address_valid(const char *address)
{
	struct network_port p = { .sock = -1 };
	union address ignored;

	if (strlen(address) >= sizeof(p.address))
		return false;
	memcpy(p.address, address, strlen(address) + 1);
	return make_address(&p, 0, &ignored) != 0;
}

int network_bind(struct network_port *p, struct err *err)
{
	uint16_t port = p->host;

	for (;; port++) {
		p->sock = listen_on(p, port, &p->host);
		if (p->sock >= 0)
			break;
		if (errno != EADDRINUSE || port == 0 || port >= p->host_last)
			return refuse(p, port, err);
	}
	p->host_last = p->host;
	return 0;
}

int network_room_for(size_t n_ports, struct err *err)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "cannot read the limit of open files");
	/* Thrice: proc_spawn() has two descriptors for one while it renumbers them. */
	if (files.rlim_cur > 3 * n_ports + 128)
		return 0;
	if (files.rlim_max <= 3 * n_ports + 128)
		return err_set(err, ERR_UNSUPPORTED,
			       "%zu ports are more than the limit of open files (%llu) has room "
			       "for",
			       n_ports, (unsigned long long)files.rlim_max);
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, "cannot raise the limit of open files");
	return 0;
}
