/*
 * rtnetlink requests, many to one system call.
 *
 * A batch is built in place and holds only pointers to string constants. The messages of one batch
 * are carried out in order, in one send, and only the last is acknowledged when all went well: two
 * system calls for any number of changes.
 *
 * Building can't fail: what is built is known at compile time, and a batch that is too small for it
 * aborts in the first test. netlink_commit() returns the errors of the first request that failed.
 */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NETLINK_BATCH_BYTES    1024
#define NETLINK_BATCH_REQUESTS 8

enum netlink_need {
	NETLINK_REQUIRED, /* failing is an error */
	NETLINK_OPTIONAL, /* failing is ignored: the kernel may lack the feature */
};

/* Zero-initialise. */
struct netlink_batch {
	_Alignas(NLMSG_ALIGNTO) char data[NETLINK_BATCH_BYTES];
	size_t len;
	size_t last; /* where the last message starts */
	unsigned int n;
	struct {
		const char *what;
		enum netlink_need need;
	} requests[NETLINK_BATCH_REQUESTS];
};

/* A NETLINK_ROUTE socket; it serves for the ioctls of netdevice(7), too. The caller closes it. */
int netlink_open(int *ret_fd, struct err *err);

/* Begins a message; `what` completes "cannot …" and is a constant. */
void netlink_request(struct netlink_batch *b, uint16_t type, uint16_t flags, const char *what,
		     enum netlink_need need);
/* Appends the fixed header that follows struct nlmsghdr, or one in front of nested attributes. */
void netlink_header(struct netlink_batch *b, const void *header, size_t len);
void netlink_attr(struct netlink_batch *b, uint16_t type, const void *data, size_t len);
void netlink_attr_u32(struct netlink_batch *b, uint16_t type, uint32_t value);
void netlink_attr_str(struct netlink_batch *b, uint16_t type, const char *s);
/* Attributes within an attribute, up to netlink_nest_end() with what netlink_nest() returned. */
size_t netlink_nest(struct netlink_batch *b, uint16_t type);
void netlink_nest_end(struct netlink_batch *b, size_t nest);

/* Sends all of it and reads the answers. */
int netlink_commit(int fd, struct netlink_batch *b, struct err *err);

#endif
