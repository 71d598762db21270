#include "net/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_open(int *ret_fd, struct err *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return err_sys(err, "cannot open a netlink socket");
	*ret_fd = fd;
	return 0;
}

/* Space for len bytes, followed by zeroed padding: rtnetlink(7) aligns everything to 4. */
static void *extend(struct netlink_batch *b, size_t len)
{
	char *p = b->data + b->len;
	struct nlmsghdr *msg = (struct nlmsghdr *)(b->data + b->last);

	if (NLMSG_ALIGN(len) > sizeof(b->data) - b->len)
		abort();
	memset(p, 0, NLMSG_ALIGN(len));
	b->len += NLMSG_ALIGN(len);
	msg->nlmsg_len = (uint32_t)(b->len - b->last);
	return p;
}

void netlink_request(struct netlink_batch *b, uint16_t type, uint16_t flags, const char *what,
		     enum netlink_need need)
{
	struct nlmsghdr *msg;

	if (b->n == NETLINK_BATCH_REQUESTS)
		abort();
	b->requests[b->n].what = what;
	b->requests[b->n].need = need;
	b->last = b->len;
	msg = extend(b, sizeof(*msg));
	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	msg->nlmsg_seq = b->n++; /* the index of the request, which the answer repeats */
}

void netlink_header(struct netlink_batch *b, const void *header, size_t len)
{
	memcpy(extend(b, len), header, len);
}

void netlink_attr(struct netlink_batch *b, uint16_t type, const void *data, size_t len)
{
	struct rtattr *attr = extend(b, RTA_LENGTH(len));

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
}

void netlink_attr_u32(struct netlink_batch *b, uint16_t type, uint32_t value)
{
	netlink_attr(b, type, &value, sizeof(value));
}

void netlink_attr_str(struct netlink_batch *b, uint16_t type, const char *s)
{
	netlink_attr(b, type, s, strlen(s) + 1);
}

size_t netlink_nest(struct netlink_batch *b, uint16_t type)
{
	size_t nest = b->len;

	netlink_attr(b, type, NULL, 0);
	return nest;
}

void netlink_nest_end(struct netlink_batch *b, size_t nest)
{
	((struct rtattr *)(b->data + nest))->rta_len = (uint16_t)(b->len - nest);
}

/*
 * The kernel answers in order: an error for each request that failed, and at the end, because it
 * was asked for, an acknowledgement or an error of the last request.
 */
static int read_answers(int fd, const struct netlink_batch *b, struct err *err)
{
	bool failed = false;

	for (;;) {
		struct {
			struct nlmsghdr msg;
			struct nlmsgerr body;
			char request[NETLINK_BATCH_BYTES]; /* repeated in errors */
		} answer;
		ssize_t n = recv(fd, &answer, sizeof(answer), 0);
		unsigned int i;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "cannot read an answer of netlink");
		if ((size_t)n < sizeof(answer.msg) + sizeof(answer.body.error) ||
		    answer.msg.nlmsg_type != NLMSG_ERROR || answer.msg.nlmsg_seq >= b->n)
			continue;
		i = answer.msg.nlmsg_seq;
		if (answer.body.error && b->requests[i].need == NETLINK_REQUIRED && !failed) {
			errno = -answer.body.error;
			err_sys(err, "cannot %s", b->requests[i].what);
			failed = true;
		}
		if (i == b->n - 1)
			return failed ? -1 : 0;
	}
}

int netlink_commit(int fd, struct netlink_batch *b, struct err *err)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	((struct nlmsghdr *)(b->data + b->last))->nlmsg_flags |= NLM_F_ACK;
	if (sendto(fd, b->data, b->len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return err_sys(err, "cannot send to netlink");
	return read_answers(fd, b, err);
}
