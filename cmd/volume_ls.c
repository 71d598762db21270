#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/volume_filter.h"
#include "cmd/volume_row.h"

struct ls_options {
	bool quiet, no_heading;
	char *format;
	struct strv filters;
};

static const struct opt ls_opts[] = {
	{ 'f', "filter", "KEY=VALUE",
	  "those with name, label, dangling, driver, opt, scope, since, until, "
	  "anonymous (repeatable)", set_list, FIELD(ls_options, filters) },
	{ 0, "format", "TEMPLATE", "print each so: a template, 'table TEMPLATE' or 'json'",
	  set_string,
	  FIELD(ls_options, format) },
	{ 'n', "noheading", NULL, "without the headings", set_flag, FIELD(ls_options, no_heading) },
	{ 'q', "quiet", NULL, "names alone", set_flag, FIELD(ls_options, quiet) },
	{ 0 },
};

static void done(void *options)
{
	struct ls_options *o = options;

	free(o->format);
	strv_done(&o->filters);
}

static const char *const known[] = { "name",  "label",	"label!", "dangling",  "driver", "opt",
				     "scope", "since", "after",	 "until", "anonymous", NULL };

static int ls(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct ls_options *o = options;
	CLEAN(volume_filter_done) struct volume_filter filter = { 0 };
	CLEAN(format_done) struct format format = { 0 };
	CLEAN(clean_json) json_t *users = NULL;
	const char *text = o->quiet ? "{{.Name}}" : o->format ?: "table {{.Driver}}\t{{.Name}}";
	struct volume *list = NULL;
	int result = 0;
	size_t n = 0;

	(void)operands;
	if (format_parse("volume ls", text, volume_headings, &format, err) < 0 ||
	    tiffin_open(t, false, err) < 0 ||
	    volume_filter_parse(t, &o->filters, known, &filter, err) < 0 ||
	    volume_users(&t->store, &users, err) < 0 || volume_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++) {
		CLEAN(clean_json) json_t *methods = NULL;

		if (!volume_filter_passes(&filter, &list[i], users))
			continue;
		methods = volume_row_methods(&list[i]);
		result = format_row(&format, volume_row(&list[i]), methods, err);
	}
	volume_list_done(list, n);
	return result < 0 ? -1 : format_print(&format, !o->no_heading && !o->quiet, err);
}

const struct command command_volume_ls = {
	.names = "ls|list",
	.operands = "[OPTIONS]",
	.summary = "list volumes",
	.opts = ls_opts,
	.size = sizeof(struct ls_options),
	.max_operands = 0,
	.run = ls,
	.done = done,
};
