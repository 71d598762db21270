/*
 * The monitor's clients: who is attached to a container, and what each has not taken yet.
 *
 * Monitor only. A client that has gone is dropped by whichever call finds out; its sock is -1 then,
 * and client_set_tidy forgets it.
 */
#ifndef RUNTIME_CLIENT_H
#define RUNTIME_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/attach.h"

#define CLIENTS_MAX 32

struct client {
	int sock;	/* -1: gone */
	bool attached;	/* it wants the output; one that does not hears of the start and the end */
	bool gave;	/* input, and is to hear when that has been taken */
	bool owner;	/* it was there first: standard input may end with it */
	bool leaving;	/* it has heard its last news, and goes when it has taken that */
	struct frame *frames; /* that wait */
	size_t *lengths;
	size_t n;
};

struct client_set {
	struct client v[CLIENTS_MAX];
	size_t n;
};

/* Takes the socket over; closes it where there are too many already. */
void client_set_add(struct client_set *set, int sock, bool attached, bool owner);
/* Forgets those that have gone. True: the owner was among them. */
bool client_set_tidy(struct client_set *set);
/* Does a frame wait for anybody? Then nothing more is to be read from the container. */
bool client_set_is_full(const struct client_set *set);

/* Sends now where the client takes it and nothing else waits; else it waits. */
void client_tell(struct client *c, enum frame_kind kind, const void *data, size_t len);
/* Output: to all who are attached. */
void client_set_tell(struct client_set *set, enum frame_kind kind, const void *data, size_t len);
/*
 * FRAME_EXIT: the last news of those who are attached; and, after the last run, of those who are
 * not.
 */
void client_set_end(struct client_set *set, int exit_code, bool last_run);
/* FRAME_TAKEN: to all who gave input. */
void client_set_thank(struct client_set *set);
/* Sends what waits, as far as the client takes it. */
void client_flush(struct client *c);
/* Waits until all have taken everything, or gone. */
void client_set_drain(struct client_set *set);
void client_drop(struct client *c);

#endif
