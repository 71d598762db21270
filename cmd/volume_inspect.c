#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/volume_row.h"
#include "cmd/command.h"

struct inspect_options {
	bool all;
	char *format;
};

static const struct opt inspect_opts[] = {
	{ 'a', "all", NULL, "every volume", set_flag, FIELD(inspect_options, all) },
	{ 'f', "format", "TEMPLATE", "print each so: a template, or 'json'", set_string,
	  FIELD(inspect_options, format) },
	{ 0 },
};

static void done(void *options)
{
	free(((struct inspect_options *)options)->format);
}

static int add_all(const struct tiffin *t, json_t *found, struct err *err)
{
	struct volume *list = NULL;
	size_t n = 0;

	if (volume_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(found, volume_json(&list[i]));
	volume_list_done(list, n);
	return 0;
}

/* How many are not there; why is of so many. */
static size_t add_named(const struct tiffin *t, const struct strv *names, json_t *found,
			struct err *why)
{
	size_t missing = 0;

	for (size_t i = 0; i < names->n; i++) {
		CLEAN(volume_done) struct volume v = { 0 };

		if (volume_find(&t->store, names->v[i], &v, &why[missing]) < 0)
			missing++;
		else
			json_array_append_new(found, volume_json(&v));
	}
	return missing;
}

static int print(const struct inspect_options *o, json_t *found, struct format *format,
		 struct err *err)
{
	json_t *volume;
	size_t i;

	if (!o->format || streq(o->format, "json")) {
		print_json(found, !o->format);
		return 0;
	}
	json_array_foreach(found, i, volume)
		if (format_row(format, json_incref(volume), NULL, err) < 0)
			return -1;
	return format_print(format, false, err);
}

static int inspect(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct inspect_options *o = options;
	CLEAN(format_done) struct format format = { 0 };
	CLEAN(clean_json) json_t *found = json_array();
	CLEAN(clean_free) struct err *why = xcalloc(operands->n + 1, sizeof(*why));
	size_t missing = 0;

	if (o->all == (operands->n > 0))
		return err_set(err, ERR_USAGE,
			       "volume inspect wants either names of volumes or --all");
	if ((o->format && !streq(o->format, "json") &&
	     format_parse("volume inspect", o->format, NULL, &format, err) < 0) ||
	    tiffin_open(t, false, err) < 0)
		return -1;
	if (o->all && add_all(t, found, err) < 0)
		return -1;
	missing = add_named(t, operands, found, why);
	if (print(o, found, &format, err) < 0)
		return -1;
	for (size_t i = 0; i < missing; i++)
		report(&why[i]);
	return missing ? EXIT_TIFFIN : 0;
}

const struct command command_volume_inspect = {
	.names = "inspect",
	.operands = "[OPTIONS] [VOLUME…]",
	.summary = "print all about volumes",
	.opts = inspect_opts,
	.size = sizeof(struct inspect_options),
	.max_operands = SIZE_MAX,
	.run = inspect,
	.done = done,
};
