/*
 * "-e KEY=VALUE" and "--env-file FILE", for run and exec.
 */
#ifndef CMD_ENV_OPTION_H
#define CMD_ENV_OPTION_H

#include "base/err.h"
#include "base/str.h"

/* "KEY=VALUE", or "KEY" for what it is here, if it is. */
void env_option_add(struct strv *env, const char *text);
/* docker's format: a variable a line, '#' begins a comment, nothing is quoted. */
int env_option_add_file(struct strv *env, const char *path, struct err *err);

#endif
