/*
 * Options are data: one row is the parser and the line in --help at once.
 *
 * A row stores its value in a struct of the command's own, at an offset, through a setter. Booleans
 * take "=true" and "=false"; a repeated option that is not a list is set anew, so the last one
 * wins.
 */
#ifndef CMD_OPT_H
#define CMD_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct opt {
	char letter;	  /* 0: none */
	const char *name; /* NULL, without more, ends the table */
	const char *arg;  /* "KEY=VALUE"; NULL: a boolean */
	const char *help; /* NULL: another spelling of the row above */
	int (*set)(void *field, const char *value, struct err *err);
	size_t field;
	const struct opt *more; /* instead of all that: a table's rows, of the struct at field */
};

#define FIELD(type, member) offsetof(struct type, member)

/* Setters: the field's type is bool, char *, struct strv, int, long long. */
int set_flag(void *field, const char *value, struct err *err);
int set_string(void *field, const char *value, struct err *err);
int set_list(void *field, const char *value, struct err *err);
int set_integer(void *field, const char *value, struct err *err); /* int */
int set_number(void *field, const char *value, struct err *err);  /* int, from 0 on */
int set_size(void *field, const char *value, struct err *err);	 /* "512m": bytes, long long */
int set_seconds(void *field, const char *value, struct err *err); /* "10", "10s", "5m": int */
int set_duration(void *field, const char *value, struct err *err); /* "1m30s": ns, long long */

/* "512m", "1g", "64k", bytes. */
int parse_size(const char *text, long long *ret, struct err *err);
/* Go's: "30s", "1m30s", "1.5h", "500ms", "0": nanoseconds. */
int parse_duration(const char *text, long long *ret, struct err *err);

/*
 * Reads the options out of argv into the struct at into, and collects the operands. With
 * stop_at_operand the first operand ends the options. Errors are ERR_USAGE; one for an unknown
 * option names the nearest. *ret_help: --help was there, and the rest was not looked at.
 */
int opts_parse(const struct opt *opts, void *into, char *const *argv, bool stop_at_operand,
	       struct strv *ret_operands, bool *ret_help, struct err *err);

/* Is the value of this option, "--name" or "-it", the next word? */
bool opt_awaits_value(const struct opt *opts, const char *word);

/* Every row, in order; letter is 0 where an earlier row has the row's. */
void opts_each(const struct opt *opts, void (*visit)(const struct opt *row, char letter, void *arg),
	       void *arg);

/* The options' lines of --help, on stdout. */
void opts_print(const struct opt *opts);

#endif
