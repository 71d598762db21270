/*
 * The text of TOML: what image/toml.c makes tables of, from the lines down to the characters.
 * Inside image/toml*.c only.
 *
 * Where it returns -1, err says on which line what is wrong.
 */
#ifndef IMAGE_TOML_TEXT_H
#define IMAGE_TOML_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define TOML_DEPTH_MAX 16 /* of arrays and inline tables in each other, and of the parts of a key */

struct toml_text {
	const char *p, *end; /* what is still to be read */
	int line;
	struct err *err;
};

/* ERR_CORRUPT "line 3: WHAT". Returns -1. */
static inline int toml_fail(struct toml_text *t, const char *what)
{
	return err_set(t->err, ERR_CORRUPT, "line %d: %s", t->line, what);
}

/* The next character, or -1. */
int toml_peek(const struct toml_text *t);
/* Is that the next one, or the next word? Then it is read. */
bool toml_take(struct toml_text *t, char c);
bool toml_take_word(struct toml_text *t, const char *word);

void toml_skip_blanks(struct toml_text *t);
/* A comment, if any, and the end of the line. */
int toml_end_line(struct toml_text *t);
/* Lines without anything, which arrays may have within, too. */
int toml_skip_lines(struct toml_text *t);

/* "basic" and 'literal', from the quote on; added to the buffer. */
int toml_read_string(struct toml_text *t, struct buf *text);
/* a."b c".d: its parts, which are UTF-8. */
int toml_read_key(struct toml_text *t, struct strv *key);
/* A whole number; where it is none, what is there is no value at all. The caller decrefs. */
int toml_read_number(struct toml_text *t, json_t **ret);

#endif
