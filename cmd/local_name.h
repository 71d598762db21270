/*
 * The name of an image that is made here (import, commit): without a registry it is localhost's.
 */
#ifndef CMD_LOCAL_NAME_H
#define CMD_LOCAL_NAME_H

#include "base/err.h"

/* Canonical, with a tag. The caller frees *ret. USAGE: it is no name, or a digest. */
int local_name_parse(const char *text, char **ret, struct err *err);

#endif
