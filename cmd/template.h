/*
 * Templates: Go's text/template, as far as docker's and podman's --format is written in it, over
 * JSON values. docs/format.md lists the actions and functions.
 *
 * What Go has by the types of its values, this has by their names: an object is a struct, whose
 * unknown fields are errors, unless it is a member whose name is known to be a map's, such as
 * "Labels" (template_value.c): there, a key that is missing has no value. A field whose name
 * differs in case alone is found too (".ID" for "Id"): docker and podman name in JSON what they
 * name differently in Go.
 *
 * Templates are the user's and values are strangers', so neither may take the process along: the
 * length of a template, its nesting, the steps of a run and the bytes that it makes are bounded.
 *
 * Ownership: a template owns what was parsed; a run borrows the template and the data.
 */
#ifndef CMD_TEMPLATE_H
#define CMD_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct template;

/* What a template is run over. */
struct template_data {
	json_t *dot;
	/* Methods of dot that take a name, as an object of objects: { "Label": { "a": "b" } }. */
	const json_t *methods;
	/* dot holds headings: the functions that dress a string let it pass. */
	bool headings;
	/*
	 * The output is for a terminal: control characters in values are escaped (CVE-2021-25743).
	 */
	bool escape;
};

/*
 * Parses. "\t" and "\n" outside of actions are a tab and a newline. name is what errors call it.
 * ERR_USAGE, in Go's words: "template: ps:1: unclosed action".
 */
int template_parse(const char *name, const char *text, struct template **ret, struct err *err);
void template_free(struct template *t);

static inline void clean_template(struct template **t)
{
	template_free(*t);
}

/*
 * Appends what the template makes of the data to *out; what it made before it failed stays there.
 * ERR_USAGE, in Go's words: "template: ps:1:2: executing "ps" at <.X>: can't evaluate field X …".
 */
int template_run(const struct template *t, const struct template_data *data, struct buf *out,
		 struct err *err);

#endif
