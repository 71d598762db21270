/*
 * --latest, for commands on a container that is named first: the newest stands in for the name.
 */
#ifndef CMD_LATEST_H
#define CMD_LATEST_H

#include "cmd/command.h"

#define LATEST_ROW(type, member)                                                                  \
	{ 'l', "latest", NULL, "the newest container", set_flag, FIELD(type, member) }

/* The newest container's ID; the caller frees. NOT_FOUND where there is none. */
int latest_id(const struct tiffin *t, char **ret, struct err *err);

/*
 * The operands; with --latest, the newest container's ID in front of them. USAGE where there are
 * fewer than least then, or where more than most stand behind --latest. The store is open.
 */
int latest_operands(const struct tiffin *t, bool latest, const char *verb, size_t least,
		    size_t most, const struct strv *operands, struct strv *ret, struct err *err);

#endif
