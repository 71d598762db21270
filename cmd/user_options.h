/*
 * The options of run that say who the container's user is beside --user: groups, and entries in
 * /etc/passwd and /etc/group.
 */
#ifndef CMD_USER_OPTIONS_H
#define CMD_USER_OPTIONS_H

#include "cmd/opt.h"
#include "runtime/spec.h"

/* Zero-initialise, with passwd set. */
struct user_options {
	struct strv groups;
	bool passwd;
	char *passwd_entry, *group_entry;
};

/* The rows of a struct user_options. */
extern const struct opt user_opts[];

void user_options_done(struct user_options *o);
int user_options_apply(const struct user_options *o, struct container_spec *spec, struct err *err);

#endif
