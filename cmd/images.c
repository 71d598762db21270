#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "cmd/human.h"
#include "cmd/table.h"
#include "image/reference.h"
#include "storage/image.h"

struct images_options {
	bool quiet, no_trunc, digests, no_heading;
};

static const struct opt images_opts[] = {
	{ 'q', "quiet", NULL, "print IDs alone", set_flag, FIELD(images_options, quiet) },
	{ 0, "no-trunc", NULL, "print IDs whole", set_flag, FIELD(images_options, no_trunc) },
	{ 0, "digests", NULL, "print the manifests' digests too", set_flag,
	  FIELD(images_options, digests) },
	{ 'n', "noheading", NULL, "no headings", set_flag, FIELD(images_options, no_heading) },
	{ 0 },
};

/* What is listed: one row a name, and one for an image that has none. */
struct row {
	const struct image_record *image;
	const char *name; /* canonical, or NULL */
};

static void split_name(const char *name, char **ret_repository, char **ret_tag)
{
	const char *colon = name ? strrchr(name, ':') : NULL;

	*ret_repository = colon ? xstrndup(name, (size_t)(colon - name)) : xstrdup("<none>");
	*ret_tag = xstrdup(colon ? colon + 1 : "<none>");
}

static void add_row(struct table *table, const struct row *row, const struct images_options *o)
{
	const struct image_record *image = row->image;
	CLEAN(clean_free) char *age = NULL;
	char *repository, *tag;

	split_name(row->name, &repository, &tag);
	table_cell(table, repository);
	table_cell(table, tag);
	if (o->digests)
		table_cell(table, xstrdup(image->manifest_digest));
	table_cell(table, o->no_trunc ? xasprintf("sha256:%s", image->id) :
					xasprintf("%.12s", image->id));
	if (image->created > 0) {
		age = human_duration(now_realtime() / 1000000000 - image->created);
		table_cell(table, xasprintf("%s ago", age));
	} else {
		table_cell(table, xstrdup("N/A"));
	}
	table_cell(table, human_size(image->size));
}

/* "images NAME" and "images NAME:TAG" list what has that name. */
static bool wanted(const char *name, const struct reference *want, bool with_tag)
{
	CLEAN(clean_free) char *full = NULL;
	size_t len;

	if (!want)
		return true;
	full = with_tag ? reference_canonical(want) : reference_name(want);
	len = strlen(full);
	return name && strncmp(name, full, len) == 0 &&
	       (with_tag ? !name[len] : name[len] == ':' && !strchr(name + len, '/'));
}

static void print_quiet(const struct image_record *list, size_t n, const bool *listed,
			const struct images_options *o)
{
	for (size_t i = 0; i < n; i++)
		if (listed[i])
			printf(o->no_trunc ? "sha256:%.64s\n" : "%.12s\n", list[i].id);
}

static int images(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const char *const plain[] = { "REPOSITORY", "TAG",	"IMAGE ID",
					     "CREATED",	   "SIZE",	NULL };
	static const char *const with_digests[] = { "REPOSITORY", "TAG",  "DIGEST", "IMAGE ID",
						    "CREATED",	  "SIZE", NULL };
	const struct images_options *o = options;
	CLEAN(reference_done) struct reference want = { 0 };
	CLEAN(clean_free) bool *listed = NULL;
	struct image_record *list = NULL;
	struct table table;
	bool with_tag = false;
	size_t n = 0;

	if (operands->n) {
		const char *slash = strrchr(operands->v[0], '/');

		if (reference_parse(operands->v[0], &want, err) < 0)
			return -1;
		with_tag = strchr(slash ? slash : operands->v[0], ':') != NULL;
	}
	if (tiffin_open(t, false, err) < 0 || image_list(&t->store, &list, &n, err) < 0)
		return -1;
	listed = xcalloc(n, sizeof(*listed));
	table_init(&table, o->digests ? with_digests : plain, !o->no_heading);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].names.n || k == 0; k++) {
			struct row row = { &list[i], list[i].names.n ? list[i].names.v[k] : NULL };

			if (!wanted(row.name, operands->n ? &want : NULL, with_tag))
				continue;
			listed[i] = true;
			if (!o->quiet)
				add_row(&table, &row, o);
		}
	}
	if (o->quiet)
		print_quiet(list, n, listed, o);
	else
		table_print(&table);
	image_list_done(list, n);
	return 0;
}

const struct command command_images = {
	.names = "images",
	.operands = "[OPTIONS] [REPOSITORY[:TAG]]",
	.summary = "list images",
	.opts = images_opts,
	.size = sizeof(struct images_options),
	.max_operands = 1,
	.run = images,
};
