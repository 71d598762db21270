/*
 * What docker and podman have and this version has not: a user who types it is told so, and not
 * that it is a slip of the keyboard. A row here goes when the thing comes.
 */
#ifndef CMD_NOT_YET_H
#define CMD_NOT_YET_H

#include "cmd/opt.h"

/* Options of run and create, which fail with UNSUPPORTED and a reason. They are not in --help. */
extern const struct opt not_yet_opts[];

/* The same for what stands before the command. */
extern const struct opt not_yet_global_opts[];

/* Is this a command of docker's or podman's, or a group of such? */
bool not_yet_command(const char *group, const char *word);

#endif
