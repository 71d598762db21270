/*
 * --network fast: what its parts share. Inside net/ only; net/fast.c says how they go together.
 */
#ifndef NET_FAST_PARTS_H
#define NET_FAST_PARTS_H

#include <sys/types.h>

#include "base/guard.h"
#include "net/fast.h"
#include "net/fast_socket.h"
#include "net/fast_table.h"

struct fast_pending;
struct fast_accepting;
struct fast_visit;
struct fast_said;
struct fast_listener;

/* Connections to published ports that the container has not accepted yet. */
#define FAST_VISITS_MAX 256

struct fast_port {
	struct fast *fast;
	union fast_address address; /* of the host */
	union fast_address inside;  /* of the container */
	int sock;		    /* or -1: the container does not listen */
};

struct fast {
	struct notify_loop *loop;
	struct fast_shared *shared;
	uint64_t host, container; /* network namespaces, by their cookies, */
	ino_t inside;		  /* and the latter by its number in /proc */
	struct fast_options options;
	struct fast_set fresh[2]; /* sockets of the host's, of IPv4 and IPv6 */
	/* Sockets of the container's namespace, of IPv4 and IPv6. The very first one stays. */
	struct {
		int v[FAST_SPARE_MAX];
		size_t n;
	} spare[2], left[2]; /* and what the host's took the place of */
	struct fast_port *ports; /* of TCP */
	size_t n_ports;
	struct fast_visit *visits;
	size_t n_visits;
	bool held_up; /* further ones wait in their listeners' queues */
	struct fast_accepting *accepting;
	size_t n_accepting;
	struct fast_listener *tuned; /* net/fast_listener.c */
	int listeners, slot; /* what they wait for: an epoll instance, and a number that is free */
	struct fast_pending *pending;
	size_t n_pending;
	struct fast_looks looks;
	int sweep; /* a timer, */
	bool sweeps; /* which runs while some are pending */
	int children; /* net/fast_unix.h */
	struct fast_said *said;
	size_t n_said;
};

/* A call and the socket that it is about: a copy of ours, the caller's of these. */
struct fast_subject {
	const struct notification *n;
	int number, sock;
	struct fast_socket is; /* where it is one of TCP */
	union fast_address address;
	socklen_t len;
};

/*
 * Is it of another network namespace than the container's, and so to be held to what it is? The host's, or
 * one in which the same user's containers are, too.
 */
bool fast_is_foreign(const struct fast *f, const struct notification *n, const struct fast_socket *is);
/* May the call go on, with what is at its number by then? Nobody but its thread can change that. */
bool fast_may_go_on(const struct notification *n);

/* --- Answers --- */

/* Tells the caller, when the round is over; inode is of the socket that it got by this call, or 0. */
void fast_answer(struct fast *f, const struct notification *n, int error, uint64_t inode);
/* So, with a socket that it gets, which is taken over. */
void fast_answer_socket(struct fast *f, const struct notification *n, int sock, bool cloexec);
/* At the end of a round, be it of a call or of what was waited for. */
void fast_send_answers(struct fast *f);
/* The caller was interrupted, and cannot be told any more that it has this socket. */
void fast_owe(struct fast *f, const struct notification *n, uint64_t inode);
/* Was the last answer about this socket not heard? Asked once. */
bool fast_is_owed(struct fast *f, const struct notification *n, uint64_t inode);

/* A socket of the host's is on its way; and was it until now? Asked once. */
void fast_unfinished(struct fast *f, uint64_t inode);
bool fast_finish(struct fast *f, uint64_t inode);

/* --- Sockets of the container's namespace --- */

/* At the start. -1: that can't be had here. */
int fast_spares_make(struct fast *f);
/* A new one, non-blocking, the caller's; or -1. */
int fast_spare_take(struct fast *f, int family);
/* So, with what is set on one of the host's; one that was left, if there are no more. */
int fast_spare_like(struct fast *f, int host, const struct fast_socket *is);
/* One that is as new. Takes it over. */
void fast_spare_give(struct fast *f, int family, int sock);

/* Where no further ones can be made: does the container's own serve as one, when it has another? */
bool fast_spare_is_left(const struct fast *f, const struct fast_subject *s);
/* Takes it over. */
void fast_spare_leave(struct fast *f, int family, int sock);

/* --- connect(2), bind(2), shutdown(2) --- */

/* Answers the call, or returns false: it may go on. */
bool fast_connect(struct fast *f, const struct notification *n);
bool fast_bind(struct fast *f, const struct notification *n);
void fast_shutdown(struct fast *f, const struct notification *n);

/* --- listen(2), accept(2), and the names of what was accepted --- */

int fast_accept_prepare(struct fast *f);
bool fast_listen(struct fast *f, const struct notification *n);
bool fast_accept(struct fast *f, const struct notification *n);
bool fast_getpeername(struct fast *f, const struct notification *n);
bool fast_getsockname(struct fast *f, const struct notification *n);
/* What is set on a listener of the container's is set on what it accepts. */
void fast_listener_carry(struct fast *f, const struct fast_subject *listener, int to);

/* A timer of a socket's SO_SNDTIMEO or SO_RCVTIMEO; or -1. */
int fast_timer(int sock, int option);

/* --- Calls that wait for their connection --- */

int fast_wait_prepare(struct fast *f);
/* Is there room for another? */
bool fast_can_wait(struct fast *f);
/*
 * Answers the call when the socket has its connection, or has failed, or with late when its time is over.
 * If it fails, own takes its place again, unless that is -1. Takes both over.
 */
void fast_wait(struct fast *f, const struct notification *n, int sock, int own, int late);
/* If a call was interrupted that waited for this socket, its answer is owed from now on. */
void fast_wait_interrupted(struct fast *f, uint64_t inode);
/* Those who wait for this socket need not any more. */
void fast_wait_abort(struct fast *f, uint64_t inode);

#endif
