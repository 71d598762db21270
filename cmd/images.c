#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/command.h"
#include "cmd/format.h"
#include "cmd/human.h"
#include "image/reference.h"
#include "storage/image.h"

struct images_options {
	bool quiet, no_trunc, digests, no_heading;
	char *format;
};

static const struct opt images_opts[] = {
	{ 'q', "quiet", NULL, "print IDs alone", set_flag, FIELD(images_options, quiet) },
	{ 0, "no-trunc", NULL, "print IDs whole", set_flag, FIELD(images_options, no_trunc) },
	{ 0, "digests", NULL, "print the manifests' digests too", set_flag,
	  FIELD(images_options, digests) },
	{ 0, "format", "TEMPLATE", "print rows so: a template, 'table TEMPLATE', 'json'", set_string,
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
	free(((struct images_options *)options)->format);
}

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

static json_t *image_row(const struct row *row, const struct images_options *o)
{
	const struct image_record *image = row->image;
	CLEAN(clean_free) char *age = NULL;
	json_t *j = json_object();
	char *repository, *tag;

	split_name(row->name, &repository, &tag);
	if (image->created > 0)
		age = human_duration(now_realtime() / 1000000000 - image->created);
	js_set_str_take(j, "CreatedAt", image->created > 0 ? human_time(image->created) : xstrdup("N/A"));
	js_set_str_take(j, "CreatedSince", age ? xasprintf("%s ago", age) : xstrdup("N/A"));
	js_set_str(j, "Digest", image->manifest_digest);
	js_set_str_take(j, "ID",
			o->no_trunc ? xasprintf("sha256:%s", image->id) : xasprintf("%.12s", image->id));
	js_set_str_take(j, "Repository", repository);
	js_set_str_take(j, "Size", human_size(image->size));
	js_set_str_take(j, "Tag", tag);
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
	return o->digests ? "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t"
			    "{{.Size}}" :
			    "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
}

static int print_rows(const struct image_record *list, size_t n, const struct reference *want,
		      bool with_tag, const struct images_options *o, struct err *err)
{
	CLEAN(format_done) struct format format = { 0 };
	bool once = o->quiet && (!o->format || streq(o->format, "table"));

	if (format_parse("images", format_of(o), headings, &format, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].names.n || k == 0; k++) {
			struct row row = { &list[i], list[i].names.n ? list[i].names.v[k] : NULL };

			if (!wanted(row.name, want, with_tag))
				continue;
			if (format_row(&format, image_row(&row, o), NULL, err) < 0)
				return -1;
			/* An ID alone is printed once, however many names it has. */
			if (once)
				break;
		}
	}
	return format_print(&format, !o->no_heading, err);
}

static int images(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct images_options *o = options;
	CLEAN(reference_done) struct reference want = { 0 };
	struct image_record *list = NULL;
	bool with_tag = false;
	size_t n = 0;
	int result;

	if (operands->n) {
		const char *slash = strrchr(operands->v[0], '/');

		if (reference_parse(operands->v[0], &want, err) < 0)
			return -1;
		with_tag = strchr(slash ? slash : operands->v[0], ':') != NULL;
	}
	if (tiffin_open(t, false, err) < 0 || image_list(&t->store, &list, &n, err) < 0)
		return -1;
	result = print_rows(list, n, operands->n ? &want : NULL, with_tag, o, err);
	image_list_done(list, n);
	return result;
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
