#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/format.h"
#include "cmd/human.h"
#include "cmd/named_image.h"
#include "image/history.h"
#include "storage/layer.h"

#define CREATED_BY_WIDTH 45

struct history_options {
	bool human, no_trunc, quiet;
	char *format;
};

static const struct opt history_opts[] = {
	{ 'H', "human", NULL, "sizes and ages for people (the default); =false: bytes and times",
	  set_flag, FIELD(history_options, human) },
	{ 0, "no-trunc", NULL, "print IDs and commands whole", set_flag,
	  FIELD(history_options, no_trunc) },
	{ 'q', "quiet", NULL, "print IDs alone", set_flag, FIELD(history_options, quiet) },
	{ 0, "format", "TEMPLATE", "print rows so: a template, 'table TEMPLATE', 'json'",
	  set_string,
	  FIELD(history_options, format) },
	{ 0 },
};

static const struct heading headings[] = {
	{ "Comment", "COMMENT" },      { "CreatedAt", "CREATED AT" }, { "CreatedBy", "CREATED BY" },
	{ "CreatedSince", "CREATED" }, { "ID", "IMAGE" },	      { "Size", "SIZE" },
	{ 0 },
};

static void history_init(void *options)
{
	((struct history_options *)options)->human = true;
}

static void history_options_done(void *options)
{
	free(((struct history_options *)options)->format);
}

static void set_take(json_t *row, const char *field, char *value)
{
	js_set_str(row, field, value);
	free(value);
}

/* Cut after so many characters of UTF-8, with an ellipsis in place of the last. */
static char *shorten(const char *text, size_t width)
{
	size_t characters = 0, cut = 0;

	for (size_t i = 0; text[i]; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (++characters == width)
			cut = i;
	}
	return characters > width ? xasprintf("%.*s…", (int)cut, text) : xstrdup(text);
}

/* The layer's size where the entry made one, and that layer is in the store. */
static int64_t size_of(const struct tiffin *t, const struct strv *layers, size_t layer)
{
	struct layer_info info;

	if (layer >= layers->n || layer_read_info(&t->store, layers->v[layer], &info, NULL) < 0)
		return 0;
	return info.diff_size;
}

static json_t *history_row(const struct history_entry *e, int64_t size, const char *id,
			   const struct history_options *o)
{
	CLEAN(clean_free) char *at = e->created > 0 ? rfc3339_nano(e->created * 1000000000) :
						      xstrdup("N/A");
	json_t *j = json_object();

	js_set_str(j, "Comment", e->comment);
	js_set_str(j, "CreatedAt", at);
	set_take(j, "CreatedBy", o->no_trunc ? xstrdup(e->created_by) :
					       shorten(e->created_by, CREATED_BY_WIDTH));
	if (o->human && e->created > 0) {
		CLEAN(clean_free)
		char *age = human_duration(now_realtime() / 1000000000 - e->created);

		set_take(j, "CreatedSince", xasprintf("%s ago", age));
	} else {
		js_set_str(j, "CreatedSince", at);
	}
	js_set_str(j, "ID", id);
	set_take(j, "Size", o->human ? human_size(size) : xasprintf("%lld", (long long)size));
	return j;
}

static int print_history(const struct tiffin *t, const struct image_record *image,
			 const struct history *h, const struct history_options *o, struct err *err)
{
	CLEAN(format_done) struct format format = { 0 };
	CLEAN(clean_free) char *id = o->no_trunc ? xasprintf("sha256:%s", image->id) :
						   xasprintf("%.12s", image->id);
	const char *text = o->quiet ? "{{.ID}}" :
				      "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t"
				      "{{.Size}}\t{{.Comment}}";
	size_t layer = 0;

	if (o->format && !streq(o->format, "table"))
		text = o->format;
	if (format_parse("history", text, headings, &format, err) < 0)
		return -1;
	for (size_t i = 0; i < h->n; i++)
		layer += !h->v[i].empty;
	/* The newest first; only the last of the images that were on the way has an ID here. */
	for (size_t i = h->n; i-- > 0;) {
		const struct history_entry *e = &h->v[i];
		const int64_t size = e->empty ? 0 : size_of(t, &image->layers, --layer);
		json_t *row = history_row(e, size, i + 1 == h->n ? id : "<missing>", o);

		if (format_row(&format, row, NULL, err) < 0)
			return -1;
	}
	return format_print(&format, true, err);
}

static int history(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(named_image_done) struct named_image image = NAMED_IMAGE_INIT;
	CLEAN(history_done) struct history h = { 0 };
	CLEAN(buf_done) struct buf config = { 0 };

	if (tiffin_open(t, false, err) < 0 ||
	    named_image_find(t, operands->v[0], false, &image, err) < 0 ||
	    image_read_config(&t->store, image.record.id, &config, err) < 0 ||
	    history_parse(buf_str(&config), config.len, &h, err) < 0)
		return -1;
	return print_history(t, &image.record, &h, options, err);
}

const struct command command_history = {
	.names = "history",
	.operands = "[OPTIONS] IMAGE",
	.summary = "show what an image was made of",
	.opts = history_opts,
	.size = sizeof(struct history_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = history,
	.init = history_init,
	.done = history_options_done,
};
