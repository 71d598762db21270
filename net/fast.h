/*
 * --network fast: the container's connections run on sockets of the host's network namespace, at the
 * host's speed, where that changes nothing but the speed.
 *
 * The container has the network that it has without it (net/network.h), and a supervisor
 * (base/notify_loop.h) in the host's network namespace, whose handlers these are. What they do not
 * answer, the container's own socket does, in its own namespace: that is always safe, and is what
 * happens wherever something is not as expected.
 */
#ifndef NET_FAST_H
#define NET_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/notify_loop.h"
#include "net/config.h"
#include "net/network.h"

#define FAST_SPARE_MAX 32
#define FAST_PORTS_MAX 8192 /* further ones go without */

struct fast_options {
	bool inside;	/* nothing goes outward: sockets of the host's are only held to what they are */
	bool confined;	/* by fast_confine(): nobody after takes the process into the container */
	int init;	/* a pidfd of the container's first process, lent for good */
	size_t n_spare; /* sockets of the container's namespace to begin with, of each family: 1 at least */
	int box;	/* where these may be already (net/fast_box.h), lent; or -1 */
	struct network_config config;
	const struct network_port *ports; /* read at once; those of TCP count */
	size_t n_ports;
};

#define FAST_OWED_MAX 64
#define FAST_UNFINISHED_MAX 1024

/* What outlives a supervisor, zeroed at first. */
struct fast_shared {
	/*
	 * Sockets, by inode, that were put in place, and whose caller was interrupted before it could be
	 * told. It makes the call again, and must not hear EALREADY or EISCONN.
	 */
	uint64_t owed[FAST_OWED_MAX];
	size_t next_owed;
	/*
	 * And those of which no connect(2) has said yet how it went: the next one does, once. What is forgotten
	 * here was connected.
	 */
	uint64_t unfinished[FAST_UNFINISHED_MAX];
	size_t next_unfinished;
	uint8_t open[FAST_PORTS_MAX / 8]; /* published ports that the container listens on */
};

/* Has this kernel what it takes? */
bool fast_possible(void);
/*
 * They are safe only where the container's seccomp profile leaves no other way: io_uring(7), clone3(2),
 * calls of another ABI, and setns(2) are for it to refuse. published: there are ports, too.
 */
const struct notify_call *fast_calls(bool published, size_t *ret_n);
size_t fast_shared_size(void);
/*
 * Supervisor, with one thread, in the host's namespaces: adds the handlers, and confines it, where that
 * is asked for. Its working directory is the host's /proc from then on, and has to stay that. It may be that
 * nobody can look at others here: then nothing is added, and calls go on. After an error none may, as the
 * container can have got a socket of the host's elsewhere.
 */
int fast_add(struct notify_loop *loop, const struct fast_options *options, struct fast_shared *shared,
	     struct err *err);

/* What it calls when it has been added, besides the loop (net/fast_calls.c). */
extern const struct filter_list fast_filter;
/* Before that, with options.inside: who can't make sockets of the container's, either, makes none. */
extern const struct filter_list fast_filter_inside;

#endif
