#include "net/fast_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"

/* --- What is never past the tap --- */

static const struct {
	uint32_t network;
	unsigned int prefix;
} kept4[] = {
	{ 0x00000000, 8 },  /* no address: the kernel's loopback */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local, where clouds keep their metadata */
	{ 0xe0000000, 4 },  /* groups */
	{ 0xf0000000, 4 },  /* reserved, and broadcast */
};

/* :: with all that was ever embedded in it, ::1 too; link-local, site-local, groups. */
static const struct {
	uint8_t first[2];
	unsigned int prefix;
} kept6[] = {
	{ { 0, 0 }, 16 },
	{ { 0xfe, 0x80 }, 10 },
	{ { 0xfe, 0xc0 }, 10 },
	{ { 0xff, 0 }, 8 },
};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 &&
	       (!rest || ((a[bits / 8] ^ b[bits / 8]) & (0xff00 >> rest) & 0xff) == 0);
}

static bool kept_in4(struct in_addr a)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept4); i++)
		if ((ntohl(a.s_addr) ^ kept4[i].network) >> (32 - kept4[i].prefix) == 0)
			return true;
	return false;
}

static bool kept_in6(const struct in6_addr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept6); i++)
		if (same_bits(a->s6_addr, kept6[i].first, kept6[i].prefix))
			return true;
	return false;
}

bool fast_address_plain(const union fast_address *a, socklen_t len, union fast_address *ret)
{
	if (a->any.sa_family == AF_INET && len >= sizeof(a->in)) {
		ret->in = a->in;
		return true;
	}
	if (a->any.sa_family != AF_INET6 || len < sizeof(a->in6))
		return false;
	if (!IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		ret->in6 = a->in6;
		return true;
	}
	ret->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = a->in6.sin6_port };
	memcpy(&ret->in.sin_addr, &a->in6.sin6_addr.s6_addr[12], sizeof(ret->in.sin_addr));
	return true;
}

bool fast_address_kept(const union fast_address *a)
{
	return a->any.sa_family == AF_INET ? kept_in4(a->in.sin_addr) : kept_in6(&a->in6.sin6_addr);
}

bool fast_address_any(const union fast_address *a)
{
	return a->any.sa_family == AF_INET ? a->in.sin_addr.s_addr == htonl(INADDR_ANY) :
					     IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* A container without an address of this kind reaches nobody; its own socket says so. */
static enum fast_way decide4(struct in_addr a, const struct fast_interfaces *of)
{
	bool connected = false;

	if (kept_in4(a))
		return FAST_FORBIDDEN;
	for (size_t i = 0; i < of->n4; i++) {
		if (((a.s_addr ^ of->v4[i].address.s_addr) & of->v4[i].mask.s_addr) == 0)
			return FAST_INSIDE;
		connected |= !kept_in4(of->v4[i].address);
	}
	return connected ? FAST_OUTWARD : FAST_INSIDE;
}

static enum fast_way decide6(const struct sockaddr_in6 *a, const struct fast_interfaces *of)
{
	bool connected = false;

	/* A scope is an interface's number, and that of another namespace. */
	if (kept_in6(&a->sin6_addr) || a->sin6_scope_id)
		return FAST_FORBIDDEN;
	for (size_t i = 0; i < of->n6; i++) {
		if (same_bits(a->sin6_addr.s6_addr, of->v6[i].address.s6_addr, of->v6[i].prefix))
			return FAST_INSIDE;
		connected |= !kept_in6(&of->v6[i].address);
	}
	return connected ? FAST_OUTWARD : FAST_INSIDE;
}

enum fast_way fast_decide(const union fast_address *a, socklen_t len, const struct fast_interfaces *of)
{
	union fast_address plain;

	if (!fast_address_plain(a, len, &plain))
		return FAST_INSIDE;
	if (plain.any.sa_family == AF_INET)
		return plain.in.sin_port ? decide4(plain.in.sin_addr, of) : FAST_INSIDE;
	return plain.in6.sin6_port ? decide6(&plain.in6, of) : FAST_INSIDE;
}

/* --- The container's interfaces --- */

static int read4(int sock, struct fast_interfaces *ret)
{
	struct ifreq found[FAST_INTERFACES_MAX + 1];
	struct ifconf all = { .ifc_len = sizeof(found), .ifc_req = found };
	size_t n;

	if (ioctl(sock, SIOCGIFCONF, &all) < 0)
		return -1;
	n = (size_t)all.ifc_len / sizeof(found[0]);
	if (n > FAST_INTERFACES_MAX)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_in a;

		memcpy(&a, &found[i].ifr_addr, sizeof(a));
		ret->v4[i].address = a.sin_addr;
		/* It wants the address back, of several that an interface has. */
		if (ioctl(sock, SIOCGIFNETMASK, &found[i]) < 0)
			return -1;
		memcpy(&a, &found[i].ifr_netmask, sizeof(a));
		ret->v4[i].mask = a.sin_addr;
	}
	ret->n4 = n;
	return 0;
}

/* "fd000000000000000000000000000100 02 40 00 82 tap0". No file, no IPv6. */
static int read6(pid_t of, struct fast_interfaces *ret)
{
	char path[40], text[33];
	unsigned int prefix;

	snprintf(path, sizeof(path), "%d/net/if_inet6", (int)of);
	{
		CLEAN(clean_file) FILE *f = fopen(path, "re");

		while (f && fscanf(f, "%32s %*x %x %*x %*x %*s", text, &prefix) == 2) {
			struct in6_addr *a;

			if (ret->n6 == FAST_INTERFACES_MAX)
				return -1;
			a = &ret->v6[ret->n6].address;
			for (int i = 0; i < 16; i++) {
				char byte[3] = { text[2 * i], text[2 * i + 1] };

				a->s6_addr[i] = (uint8_t)strtoul(byte, NULL, 16);
			}
			ret->v6[ret->n6++].prefix = prefix <= 128 ? prefix : 128;
		}
	}
	return 0;
}

int fast_interfaces_read(int sock, pid_t of, bool v6, struct fast_interfaces *ret)
{
	ret->n4 = ret->n6 = 0;
	return v6 ? read6(of, ret) : read4(sock, ret);
}
