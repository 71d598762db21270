#include "cmd/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_init(struct table *t, const char *const *headings, bool heading)
{
	*t = (struct table){ 0 };
	for (; headings[t->columns]; t->columns++)
		if (heading)
			strv_add(&t->cells, headings[t->columns]);
}

void table_cell(struct table *t, char *text)
{
	strv_add_take(&t->cells, str_printable(text));
	free(text);
}

void table_print(struct table *t)
{
	CLEAN(clean_free) size_t *widths = xcalloc(t->columns, sizeof(*widths));

	for (size_t i = 0; i < t->cells.n; i++) {
		size_t w = width_of(t->cells.v[i]);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->cells.n; i++) {
		const char *cell = t->cells.v[i];

		if (i % t->columns == t->columns - 1)
			printf("%s\n", cell);
		else
			printf("%s%*s", cell,
			       (int)(widths[i % t->columns] - width_of(cell) + 3), "");
	}
	strv_done(&t->cells);
}
