#include "net/config.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "net/network.h"

/* libslirp's own bounds (IF_MTU_MIN, IF_MTU_MAX). */
#define MTU_MIN 68

/* A network must hold the hundredth address; a shorter prefix would hide much of the world. */
#define PREFIX_MIN 8
#define PREFIX_MAX 25

/* Where hosts are in it: as slirp4netns(1) has them. */
enum {
	GATEWAY = 2,
	DNS = 3,
	ADDRESS = 100,
};

static struct in_addr host_of(struct in_addr network, uint32_t number)
{
	return (struct in_addr){ htonl(ntohl(network.s_addr) | number) };
}

static void set_network(struct network_config *c, uint32_t network, uint8_t prefix)
{
	uint32_t mask = ~0u << (32 - prefix);

	c->prefix = prefix;
	c->mask.s_addr = htonl(mask);
	c->network.s_addr = htonl(network & mask);
	c->gateway = host_of(c->network, GATEWAY);
	c->dns = host_of(c->network, DNS);
	c->address = host_of(c->network, ADDRESS);
}

void network_config_init(struct network_config *ret)
{
	*ret = (struct network_config){ .mtu = NETWORK_MTU, .ipv6 = true };
	set_network(ret, 0x0a000200, 24);
	inet_pton(AF_INET6, "fd00::", &ret->network6);
	inet_pton(AF_INET6, NETWORK_GATEWAY6, &ret->gateway6);
	inet_pton(AF_INET6, NETWORK_DNS6, &ret->dns6);
	inet_pton(AF_INET6, NETWORK_ADDRESS6, &ret->address6);
}

/* --- One function for each key; err is about the value --- */

static int invalid(struct err *err, const char *expected)
{
	return err_set(err, ERR_USAGE, "expected %s", expected);
}

static int set_bool(bool *ret, const char *value, struct err *err)
{
	if (!streq(value, "true") && !streq(value, "false"))
		return invalid(err, "true or false");
	*ret = streq(value, "true");
	return 0;
}

static int set_loopback(struct network_config *c, const char *value, struct err *err)
{
	return set_bool(&c->host_loopback, value, err);
}

static int set_ipv6(struct network_config *c, const char *value, struct err *err)
{
	return set_bool(&c->ipv6, value, err);
}

static bool parse_number(const char *text, unsigned long min, unsigned long max, unsigned long *ret)
{
	size_t digits = strspn(text, "0123456789");

	if (digits < 1 || digits > 5 || text[digits])
		return false;
	*ret = strtoul(text, NULL, 10);
	return *ret >= min && *ret <= max;
}

static int set_mtu(struct network_config *c, const char *value, struct err *err)
{
	unsigned long mtu;

	if (!parse_number(value, MTU_MIN, NETWORK_MTU, &mtu))
		return invalid(err, "a number from 68 to 65520");
	c->mtu = (uint32_t)mtu;
	return 0;
}

static int set_cidr(struct network_config *c, const char *value, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(value);
	char *slash = strchr(copy, '/');
	struct in_addr network;
	unsigned long prefix;
	uint32_t first;

	if (slash)
		*slash++ = '\0';
	if (!slash || inet_pton(AF_INET, copy, &network) != 1 ||
	    !parse_number(slash, PREFIX_MIN, PREFIX_MAX, &prefix))
		return invalid(err,
			       "an IPv4 network with a prefix from 8 to 25, such as 10.0.2.0/24");
	first = ntohl(network.s_addr) >> 24;
	if (first == 0 || first == IN_LOOPBACKNET || first >= 224)
		return err_set(err, ERR_USAGE, "hosts have no such addresses");
	set_network(c, ntohl(network.s_addr), (uint8_t)prefix);
	return 0;
}

/* Of an interface of this machine: its first address of that family. */
static bool find_interface(const char *name, int family, void *ret, size_t len)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		found = i->ifa_addr && i->ifa_addr->sa_family == family && streq(i->ifa_name, name);
		if (found)
			memcpy(ret, i->ifa_addr, len);
	}
	freeifaddrs(all);
	return found;
}

static int set_outbound(struct network_config *c, const char *value, struct err *err)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, value, &in.sin_addr) != 1 &&
	    !find_interface(value, AF_INET, &in, sizeof(in)))
		return invalid(err, "an IPv4 address, or an interface that has one");
	c->outbound = in;
	return 0;
}

static int set_outbound6(struct network_config *c, const char *value, struct err *err)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET6, value, &in6.sin6_addr) != 1 &&
	    !find_interface(value, AF_INET6, &in6, sizeof(in6)))
		return invalid(err, "an IPv6 address, or an interface that has one");
	in6.sin6_port = 0;
	c->outbound6 = in6;
	return 0;
}

/* The container always sees the peer's own address, which is what this says of slirp4netns. */
static int set_port_handler(struct network_config *c, const char *value, struct err *err)
{
	(void)c;
	if (streq(value, "slirp4netns"))
		return 0;
	if (streq(value, "rootlesskit"))
		return err_set(err, ERR_UNSUPPORTED,
			       "published ports are tiffin-net's own, and keep the peer's address: "
			       "port_handler=slirp4netns");
	return invalid(err, "slirp4netns");
}

static const struct {
	const char *key;
	int (*set)(struct network_config *c, const char *value, struct err *err);
} keys[] = {
	{ "allow_host_loopback", set_loopback }, { "cidr", set_cidr },
	{ "enable_ipv6", set_ipv6 },		 { "mtu", set_mtu },
	{ "outbound_addr", set_outbound },	 { "outbound_addr6", set_outbound6 },
	{ "port_handler", set_port_handler },
};

int network_config_set(struct network_config *c, const char *word, struct err *err)
{
	const char *value = strchr(word, '=');

	for (size_t i = 0; value && i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i].key) == (size_t)(value - word) && starts_with(word, keys[i].key))
			return keys[i].set(c, value + 1, err) < 0 ? err_wrap(err, "'%s'", word) : 0;
	return err_set(err, ERR_USAGE,
		       "'%s': unknown option: allow_host_loopback, cidr, enable_ipv6, mtu, "
		       "outbound_addr, outbound_addr6 or port_handler, each with '=' and a value",
		       word);
}

const char *network_text(const struct in_addr *address, char ret[INET_ADDRSTRLEN])
{
	return inet_ntop(AF_INET, address, ret, INET_ADDRSTRLEN);
}

const char *network_text6(const struct in6_addr *address, char ret[INET6_ADDRSTRLEN])
{
	return inet_ntop(AF_INET6, address, ret, INET6_ADDRSTRLEN);
}
