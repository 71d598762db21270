/*
 * What several commands do to volumes.
 */
#ifndef CMD_VOLUMES_H
#define CMD_VOLUMES_H

#include "cmd/command.h"
#include "storage/volume.h"

/* Removes one that nobody uses, and tells the journal (cmd/volume_rm.c). As volume_remove. */
int volume_delete(struct tiffin *t, const char *name, struct err *err);

/*
 * Removes those that nobody uses: the anonymous ones, or all; of these, which pass. Each is
 * printed, the first behind the heading (and an empty line behind the last). *io_freed grows by the
 * bytes that came free (cmd/volume_prune.c). The exit status; -1: an error.
 */
struct volume_filter;
int volume_prune(struct tiffin *t, const struct volume_filter *filter, bool all,
		 const char *heading, int64_t *io_freed, struct err *err);

#endif
