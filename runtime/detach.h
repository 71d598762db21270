/*
 * The keys that end a client and not its container, as docker writes them: "ctrl-p,ctrl-q".
 *
 * What may be their beginning is held back until the next key tells; whatever else was typed goes
 * on unchanged.
 */
#ifndef RUNTIME_DETACH_H
#define RUNTIME_DETACH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define DETACH_KEYS_MAX 16

struct detach {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t n;    /* 0: there are none */
	size_t held; /* so many of them have been typed */
};

/*
 * Single characters, "ctrl-" with one of a-z @ [ \ ] ^ _, and "DEL", by commas; "" for none.
 * ERR_USAGE.
 */
int detach_parse(const char *text, struct detach *ret, struct err *err);

/*
 * Takes what was typed, and gives what goes on to the container: *ret_n bytes at out, which has
 * room for n + DETACH_KEYS_MAX. True: the keys are complete; what was typed after them is dropped.
 */
bool detach_filter(struct detach *d, const char *in, size_t n, char *out, size_t *ret_n);

#endif
