/*
 * Where save, and push to a place that is no registry, write to: an archive, which is made under
 * another name until it is whole, a pipe or device, which is written to as it is, or a directory.
 */
#ifndef CMD_SAVE_TARGET_H
#define CMD_SAVE_TARGET_H

#include <stdbool.h>

#include "base/err.h"

struct save_target {
	int fd;
	bool nameless; /* as yet */
	char *path, *unfinished; /* NULL where there is nothing to rename */
};
#define SAVE_TARGET_INIT { .fd = -1 }

/* path: NULL is standard output, which may not be a terminal. */
int save_target_open(const char *path, bool directory, struct save_target *ret, struct err *err);
int save_target_finish(struct save_target *t, struct err *err);
/* Removes what was not finished. */
void save_target_done(struct save_target *t);

#endif
