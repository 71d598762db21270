/*
 * Questions at the terminal, for which standard input has to be one. They are put on standard
 * error: standard output is for results.
 */
#ifndef CMD_PROMPT_H
#define CMD_PROMPT_H

#include <stdbool.h>

#include "base/err.h"

/*
 * One line; echo: as it is typed. Ctrl-C, and the signals that end a program, leave the terminal as
 * it was, and are ERR_SYSTEM "interrupted". The caller wipes and frees.
 */
int prompt(const char *question, bool echo, char **ret, struct err *err);
/*
 * Whether the answer to a question begins with y. Without a terminal a line of standard input is
 * the answer, as podman has it; where there is none, ERR_USAGE: nobody agreed.
 */
int prompt_yes(const char *question, bool *ret, struct err *err);
/* All of standard input, without the newline at its end. The caller wipes and frees. */
int read_stdin_secret(char **ret, struct err *err);

#endif
