#include "cmd/format.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/table.h"
#include "cmd/template.h"

void format_done(struct format *f)
{
	template_free(f->template);
	buf_done(&f->rows);
}

int format_parse(const char *name, const char *text, const struct heading *headings,
		 struct format *ret, struct err *err)
{
	struct format f = {
		.headings = headings,
		.table = headings && (streq(text, "table") || starts_with(text, "table ")),
		.terminal = isatty(STDOUT_FILENO) == 1,
	};

	if (f.table)
		text += strlen("table") + strspn(text + strlen("table"), " ");
	if (template_parse(name, streq(text, "json") ? "{{json .}}" : text, &f.template, err) < 0)
		return -1;
	*ret = f;
	return 0;
}

/* A tab or newline in a value would be a cell or row of its own. NULL stays NULL. */
static json_t *printable(const json_t *value)
{
	json_t *safe, *member;
	const char *key;

	if (json_is_string(value)) {
		CLEAN(clean_free) char *shown = str_printable(json_string_value(value));

		if (!streq(shown, json_string_value(value)))
			return json_string(shown);
	}
	if (!json_is_object(value))
		return json_incref((json_t *)value);
	safe = json_object();
	json_object_foreach((json_t *)value, key, member)
		json_object_set_new(safe, key, printable(member));
	return safe;
}

static int add_row(struct format *f, json_t *row, const json_t *methods, bool headings,
		   struct buf *out, struct err *err)
{
	const struct template_data data = {
		.dot = row,
		.methods = methods,
		.headings = headings,
		.escape = f->terminal,
	};

	if (template_run(f->template, &data, out, err) < 0)
		return -1;
	buf_adds(out, "\n");
	return 0;
}

int format_row(struct format *f, json_t *row, const json_t *methods, struct err *err)
{
	CLEAN(clean_json) json_t *owned = row;
	CLEAN(clean_json) json_t *safe = f->table ? printable(row) : NULL;
	CLEAN(clean_json) json_t *safe_methods = f->table ? printable(methods) : NULL;

	return add_row(f, safe ?: row, safe_methods ?: methods, false, &f->rows, err);
}

/* The template, run over the headings, is the row of headings. */
static int add_headings(struct format *f, struct buf *out, struct err *err)
{
	CLEAN(clean_json) json_t *row = json_object();
	CLEAN(clean_json) json_t *methods = json_pack("{s{}}", "Label");

	for (const struct heading *h = f->headings; h->field; h++)
		js_set_str(row, h->field, h->text);
	return add_row(f, row, methods, true, out, err);
}

/* Calls cell for each, and counts the widest row's; cut at tabs and newlines. */
static size_t split_cells(const char *text, size_t columns, struct table *table)
{
	size_t widest = 0, n = 0;

	while (*text) {
		size_t len = strcspn(text, "\t\n");

		n++;
		if (table)
			table_cell(table, xstrndup(text, len));
		text += len;
		if (*text == '\t' && *++text)
			continue;
		for (; table && n < columns; n++)
			table_cell(table, xstrdup(""));
		widest = n > widest ? n : widest;
		n = 0;
		text += *text == '\n';
	}
	return widest;
}

static void print_table(const char *text)
{
	static const char *const none[] = { NULL };
	struct table table;

	table_init(&table, none, false);
	table.columns = split_cells(text, 0, NULL);
	split_cells(text, table.columns, &table);
	table_print(&table);
}

int format_print(struct format *f, bool heading, struct err *err)
{
	CLEAN(buf_done) struct buf all = { 0 };

	if (!f->table) {
		fwrite(buf_str(&f->rows), 1, f->rows.len, stdout);
		return 0;
	}
	/* Without headings too: they show an unknown field where there is no row. */
	if (add_headings(f, &all, err) < 0)
		return -1;
	if (!heading)
		buf_done(&all);
	buf_adds(&all, buf_str(&f->rows));
	print_table(buf_str(&all));
	return 0;
}

/* In JSON, jansson escapes the lowest control characters only. */
void print_json(const json_t *value, bool indented)
{
	size_t flags = JSON_ENCODE_ANY | (indented ? JSON_INDENT(4) : JSON_COMPACT);
	bool terminal = isatty(STDOUT_FILENO) == 1;
	CLEAN(clean_free)
	char *text = json_dumps(value, flags | (terminal ? JSON_ENSURE_ASCII : 0));

	puts(text ? text : "null");
}

int format_value(const char *name, const char *text, json_t *value, struct err *err)
{
	CLEAN(format_done) struct format f = { 0 };

	if (streq(text, "json")) {
		print_json(value, true);
		return 0;
	}
	if (format_parse(name, text, NULL, &f, err) < 0 ||
	    format_row(&f, json_incref(value), NULL, err) < 0)
		return -1;
	return format_print(&f, false, err);
}
