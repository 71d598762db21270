/*
 * Tables: columns as wide as their widest cell, three blanks between them, as docker prints them.
 * Cells are made printable; their width is counted in characters.
 */
#ifndef CMD_TABLE_H
#define CMD_TABLE_H

#include <stdbool.h>

#include "base/str.h"

struct table {
	size_t columns;
	struct strv cells;
};

/* The headings (NULL-terminated) are the first row, unless heading is false. */
void table_init(struct table *t, const char *const *headings, bool heading);
/* Takes the string over. Rows are filled cell by cell. */
void table_cell(struct table *t, char *text);
/* Prints to stdout, and frees. */
void table_print(struct table *t);

#endif
