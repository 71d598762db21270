/*
 * The table of commands: what main.c looks them up in, and what --help and completion list.
 */
#ifndef CMD_GROUPS_H
#define CMD_GROUPS_H

#include "cmd/command.h"

/* What stands before the command. */
struct global_options {
	char *root, *driver;
	bool version, quiet;
};
extern const struct opt global_opts[];

/* Groups give the same commands other names: "tiffin container ls". */
struct group {
	const char *name; /* "": the top level, which is the first; NULL: there are no more */
	const char *summary;
	struct {
		const char *names; /* NULL: the command's own */
		const struct command *command; /* NULL: names is the heading of those that follow */
	} commands[64];
};

extern const struct group command_groups[];

/* All the names of a group's i-th row; NULL behind the last. *ret is NULL where it is a heading. */
const char *group_names(const struct group *g, size_t i, const struct command **ret);
/* Is the word among "ls|list|ps"? */
bool group_name_is(const char *names, const char *word);

#endif
