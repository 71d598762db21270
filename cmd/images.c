#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "cmd/format.h"
#include "cmd/human.h"
#include "cmd/image_filter.h"
#include "image/reference.h"
#include "storage/image.h"

struct images_options {
	bool all, quiet, no_trunc, digests, no_heading;
	char *format, *sort;
	struct strv filters;
};

static const struct opt images_opts[] = {
	{ 'a', "all", NULL, "those without a name that others are built on, too", set_flag,
	  FIELD(images_options, all) },
	{ 'f', "filter", "KEY=VALUE",
	  "reference, dangling, label, label!, before, since, until, id, "
	  "readonly, intermediate (repeatable)", set_list, FIELD(images_options, filters) },
	{ 0, "sort", "KEY", "by created (the default), id, repository, size or tag", set_string,
	  FIELD(images_options, sort) },
	{ 'q', "quiet", NULL, "print IDs alone", set_flag, FIELD(images_options, quiet) },
	{ 0, "no-trunc", NULL, "print IDs whole", set_flag, FIELD(images_options, no_trunc) },
	{ 0, "digests", NULL, "print the manifests' digests too", set_flag,
	  FIELD(images_options, digests) },
	{ 0, "format", "TEMPLATE", "print rows so: a template, 'table TEMPLATE', 'json'",
	  set_string,
	  FIELD(images_options, format) },
	{ 'n', "noheading", NULL, "no headings", set_flag, FIELD(images_options, no_heading) },
	{ 0 },
};

static const struct heading headings[] = {
	{ "CreatedAt", "CREATED AT" }, { "CreatedSince", "CREATED" }, { "Digest", "DIGEST" },
	{ "ID", "IMAGE ID" },	       { "Repository", "REPOSITORY" }, { "Size", "SIZE" },
	{ "Tag", "TAG" },	       { 0 },
};

static void images_done(void *options)
{
	struct images_options *o = options;

	strv_done(&o->filters);
	free(o->format);
	free(o->sort);
}

/* What is listed: one row a name, and one for an image that has none. */
struct row {
	const struct image_record *image;
	const char *name; /* canonical, or NULL */
	const char *digest; /* of the manifest that the name came with */
	char *repository, *tag;
};

struct rows {
	struct row *v;
	size_t n;
};

static void rows_done(struct rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].repository);
		free(r->v[i].tag);
	}
	free(r->v);
}

/* What has no tag, or has it no more, is still known by where it came from. */
static void split_name(struct row *row)
{
	const struct strv *digests = &row->image->digests;
	const char *colon = row->name ? strrchr(row->name, ':') : NULL;
	const char *at = !row->name && digests->n ? strchr(digests->v[0], '@') : NULL;

	if (at)
		row->repository = xstrndup(digests->v[0], (size_t)(at - digests->v[0]));
	else
		row->repository = colon ? xstrndup(row->name, (size_t)(colon - row->name)) :
					  xstrdup("<none>");
	row->tag = xstrdup(colon ? colon + 1 : "<none>");
}

static json_t *image_row(const struct row *row, const struct images_options *o)
{
	const struct image_record *image = row->image;
	CLEAN(clean_free) char *age = NULL;
	json_t *j = json_object();

	if (image->created > 0)
		age = human_duration(now_realtime() / 1000000000 - image->created);
	js_set_str_take(j, "CreatedAt",
			image->created > 0 ? human_time(image->created) : xstrdup("N/A"));
	js_set_str_take(j, "CreatedSince", age ? xasprintf("%s ago", age) : xstrdup("N/A"));
	js_set_str(j, "Digest", row->digest);
	js_set_str_take(j, "ID",
			o->no_trunc ? xasprintf("sha256:%s", image->id) :
				      xasprintf("%.12s", image->id));
	js_set_str(j, "Repository", row->repository);
	js_set_str_take(j, "Size", human_size(image->size));
	js_set_str(j, "Tag", row->tag);
	return j;
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

static const char *format_of(const struct images_options *o)
{
	if (o->format && !streq(o->format, "table"))
		return o->format;
	if (o->quiet)
		return "{{.ID}}";
	return o->digests ?
		       "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t"
		       "{{.Size}}" :
		       "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
}

/* What is to be listed, and of what. */
struct listing {
	const struct images_options *options;
	struct image_filter filter;
	struct reference want; /* of the operand, if any */
	bool has_want, with_tag;
	struct image_record *list;
	size_t n;
};

static void listing_done(struct listing *l)
{
	image_filter_done(&l->filter);
	reference_done(&l->want);
	image_list_done(l->list, l->n);
}

static bool is_listed(struct tiffin *t, const struct listing *l, const struct image_record *image,
		      const char *name)
{
	if (!wanted(name, l->has_want ? &l->want : NULL, l->with_tag))
		return false;
	if (!l->options->all && !image_filter_has(&l->filter, "intermediate") &&
	    image_is_intermediate(t, image, l->list, l->n))
		return false;
	return image_filter_passes(t, &l->filter, image, name, l->list, l->n);
}

static void find_rows(struct tiffin *t, const struct listing *l, struct rows *ret)
{
	const struct images_options *o = l->options;
	const bool once = o->quiet && (!o->format || streq(o->format, "table"));

	for (size_t i = 0; i < l->n; i++) {
		const struct image_record *image = &l->list[i];

		for (size_t k = 0; k < image->names.n || k == 0; k++) {
			struct row row = { .image = image, .digest = image->manifest_digest };

			if (image->names.n) {
				row.name = image->names.v[k];
				row.digest = image->name_digests.v[k];
			}
			if (!is_listed(t, l, image, row.name))
				continue;
			split_name(&row);
			ret->v = xrealloc(ret->v, (ret->n + 1) * sizeof(*ret->v));
			ret->v[ret->n++] = row;
			/* An ID alone is printed once, however many names it has. */
			if (once)
				break;
		}
	}
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->image->id, ((const struct row *)b)->image->id);
}

static int by_tag(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->tag, ((const struct row *)b)->tag);
}

static int by_repository(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	const int order = strcmp(x->repository, y->repository);

	return order ? order : by_tag(a, b);
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = ((const struct row *)a)->image->size;
	const int64_t y = ((const struct row *)b)->image->size;

	return x < y ? -1 : x > y ? 1 : by_repository(a, b);
}

static const struct sorting {
	const char *key;
	int (*compare)(const void *a, const void *b); /* NULL: as the store lists them */
} sortings[] = {
	{ "created", NULL }, { "id", by_id },	  { "repository", by_repository },
	{ "size", by_size }, { "tag", by_tag },
};

static int find_sorting(const char *key, const struct sorting **ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(sortings); i++) {
		if (!streq(key, sortings[i].key))
			continue;
		*ret = &sortings[i];
		return 0;
	}
	return err_set(err, ERR_USAGE, "--sort: '%s' is not created, id, repository, size or tag",
		       key);
}

static int print_rows(const struct rows *rows, const struct images_options *o, struct err *err)
{
	CLEAN(format_done) struct format format = { 0 };

	if (format_parse("images", format_of(o), headings, &format, err) < 0)
		return -1;
	for (size_t i = 0; i < rows->n; i++)
		if (format_row(&format, image_row(&rows->v[i], o), NULL, err) < 0)
			return -1;
	return format_print(&format, !o->no_heading, err);
}

static int parse_operand(const char *text, struct listing *l, struct err *err)
{
	const char *slash = strrchr(text, '/');

	if (reference_parse(text, &l->want, err) < 0)
		return -1;
	l->has_want = true;
	l->with_tag = strchr(slash ? slash : text, ':') != NULL;
	return 0;
}

static int images(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	static const char *const known[] = { "reference", "dangling", "label", "label!",
					     "before",	  "since",    "after", "until",
					     "id",	  "readonly", "intermediate", NULL };
	const struct images_options *o = options;
	CLEAN(listing_done) struct listing l = { .options = o };
	CLEAN(rows_done) struct rows rows = { 0 };
	const struct sorting *sorting = NULL;

	if ((operands->n && parse_operand(operands->v[0], &l, err) < 0) ||
	    find_sorting(o->sort ?: "created", &sorting, err) < 0 ||
	    tiffin_open(t, false, err) < 0 ||
	    image_filter_parse(t, &o->filters, known, &l.filter, err) < 0 ||
	    image_list(&t->store, &l.list, &l.n, err) < 0)
		return -1;
	find_rows(t, &l, &rows);
	if (sorting->compare && rows.n)
		qsort(rows.v, rows.n, sizeof(*rows.v), sorting->compare);
	return print_rows(&rows, o, err);
}

const struct command command_images = {
	.names = "images",
	.operands = "[OPTIONS] [REPOSITORY[:TAG]]",
	.summary = "list images",
	.opts = images_opts,
	.size = sizeof(struct images_options),
	.max_operands = 1,
	.run = images,
	.done = images_done,
};
