/*
 * What "system check" finds, a line each, and what it does about it.
 */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#include "cmd/command.h"

struct check {
	bool repair, force;
	long long max_age; /* of layers that nothing refers to: nanoseconds */
	size_t found, left; /* findings; of these, those that are still so */
	struct strv layers, images; /* damaged, by the names of their directories */
};
void check_done(struct check *c);

/* Prints a finding: nothing was done about it. printf. */
void check_tell(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Prints one, and what became of the repair, where one was wanted: NULL: it is mended; else why
 * not. what is taken over.
 */
void check_tell_repair(struct check *c, char *what, const struct err *why);
/* The finding is dealt with later, by check_fetch. what is taken over. */
void check_damaged(struct check *c, const char *kind, const char *name, char *what);

/*
 * All that can be seen without reading much (cmd/check_store.c). 1: the names of images are lost,
 * and nothing more can be said; -1: the store can't be looked at.
 */
int check_quick(struct tiffin *t, struct check *c, struct err *err);

/*
 * Layers and images that are damaged: fetched again from the registry that they came from, or, with
 * force, removed with the containers that have them; else it is said why not (cmd/check_fetch.c).
 */
int check_fetch(struct tiffin *t, struct check *c, struct err *err);

#endif
