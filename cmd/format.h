/*
 * "--format" of the commands that print a row for each thing: a template (cmd/template.h), "json",
 * or "table " and a template whose output is columns between tabs, under headings.
 *
 * A row is a JSON object: what every format of a command, its default one too, is made of. In a
 * table, and on a terminal, what is in it is shown rather than acted on (CVE-2021-25743).
 *
 *	CLEAN(format_done) struct format f = { 0 };
 *	format_parse("ps", o->format ?: "table {{.ID}}\t{{.Names}}", headings, &f, err)
 *	format_row(&f, row, NULL, err) for each, then format_print(&f, heading, err)
 */
#ifndef CMD_FORMAT_H
#define CMD_FORMAT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* The fields of a row, in the order in which JSON has them; field NULL ends the list. */
struct heading {
	const char *field, *text;
};

struct format {
	struct template *template;
	const struct heading *headings;
	struct buf rows;
	bool table, terminal;
};

void format_done(struct format *f);
/* name is what errors call the template; headings may be NULL where there are no tables. */
int format_parse(const char *name, const char *text, const struct heading *headings,
		 struct format *ret, struct err *err);
/* Takes the row over. methods: see struct template_data; borrowed. */
int format_row(struct format *f, json_t *row, const json_t *methods, struct err *err);
/* Prints all the rows, a table's under its headings if those are wanted. */
int format_print(struct format *f, bool heading, struct err *err);

/* Prints one value by a template, or "json". */
int format_value(const char *name, const char *text, json_t *value, struct err *err);
/* Prints JSON and a newline. */
void print_json(const json_t *value, bool indented);

#endif
