#include "image/check.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/hash.h"
#include "image/skeleton.h"
#include "storage/image.h"
#include "storage/layer.h"
#include "storage/stack.h"

#define HEX_LEN	      64
#define DOCUMENT_MAX  (4u << 20)
#define SINGLE_SUFFIX ".single"

struct findings {
	const char *kind, *subject;
	size_t n;
	struct buf *lines;
};

void finding(struct findings *f, const char *fmt, ...)
{
	CLEAN(clean_free) char *safe = NULL;
	char text[1024];
	va_list ap;

	if (f->n++ >= FINDINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = str_printable(text);
	buf_addf(f->lines, "%s\t%s\t%s\n", f->kind, f->subject, safe);
}

static void tell_rest(const struct findings *f)
{
	if (f->n > FINDINGS_MAX)
		buf_addf(f->lines, "%s\t%s\tand %zu more\n", f->kind, f->subject,
			 f->n - FINDINGS_MAX);
}

/* --- images --- */

static void check_manifest(int dir, const char *name, const char *want, struct findings *f)
{
	CLEAN(clean_fd) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEAN(buf_done) struct buf text = { 0 };
	char digest[DIGEST_SIZE];
	struct err why = { 0 };

	if (fd < 0 || read_all(fd, DOCUMENT_MAX, &text, &why) < 0) {
		finding(f, "its manifest can't be read");
		return;
	}
	digest_of(buf_str(&text), text.len, digest);
	if (!streq(digest, want))
		finding(f, "its manifest is not %.19s", want);
}

/* The first manifest, which image.json names, and those of other names, named by their digests. */
static void check_manifests(const struct store *s, const struct image_record *image,
			    struct findings *f)
{
	CLEAN(clean_fd) int dir = openat(s->images, image->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(strv_done) struct strv names = { 0 };

	if (dir < 0 || dir_list(dir, &names, NULL) < 0)
		return;
	check_manifest(dir, "manifest", image->manifest_digest, f);
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free) char *want = NULL;

		if (!starts_with(names.v[i], "manifest.") || strlen(names.v[i]) != 9 + HEX_LEN)
			continue;
		want = xasprintf(DIGEST_PREFIX "%s", names.v[i] + 9);
		check_manifest(dir, names.v[i], want, f);
	}
}

static int check_images(const struct store *s, struct buf *lines, struct err *err)
{
	struct image_record *list = NULL;
	size_t n = 0;

	if (image_list(s, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct findings f = { "image", list[i].id, 0, lines };
		CLEAN(buf_done) struct buf text = { 0 };
		char digest[DIGEST_SIZE];

		if (image_read_config(s, list[i].id, &text, NULL) < 0) {
			finding(&f, "its configuration can't be read");
		} else {
			digest_of(buf_str(&text), text.len, digest);
			if (!streq(digest_hex(digest), list[i].id))
				finding(&f, "its configuration is not what it was");
		}
		check_manifests(s, &list[i], &f);
		tell_rest(&f);
	}
	image_list_done(list, n);
	return 0;
}

/* --- layers --- */

static int nowhere(void *arg, const void *data, size_t len, struct err *err)
{
	(void)data;
	(void)len;
	return cancel_wanted(arg) ? cancel_err(err) : 0;
}

/* What the layer's archive was can be told only where it can be rebuilt. */
static int check_layer(const struct store *s, const char *name, const struct cancel *cancel,
		       struct buf *lines, struct err *err)
{
	struct findings f = { "layer", name, 0, lines };
	CLEAN(clean_free) char *diff_id = xasprintf(DIGEST_PREFIX "%.64s", name);
	struct layer_info info;
	struct store variant = *s;
	struct err why = { 0 };
	bool whole;

	variant.single_id = ends_with(name, SINGLE_SUFFIX);
	if (layer_read_info(&variant, diff_id, &info, &why) < 0)
		finding(&f, "%s", why.text);
	whole = skeleton_replay(&variant, diff_id, nowhere, (void *)cancel, &why) == 0;
	if (!whole && cancel_wanted(cancel)) {
		*err = why;
		return -1;
	}
	if (!whole)
		finding(&f, "%s", why.text);
	if (check_tree(&variant, diff_id, whole, &f, &why) < 0)
		finding(&f, "%s", why.text);
	tell_rest(&f);
	return 0;
}

/* Layers that were made of others for other IDs are no archives' own, and left to who made them. */
static bool is_plain(const char *name)
{
	return is_hex(name, HEX_LEN) && (!name[HEX_LEN] || streq(name + HEX_LEN, SINGLE_SUFFIX));
}

int check_store(const struct store *s, const struct cancel *cancel, struct buf *ret,
		struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (check_images(s, ret, err) < 0 || dir_list(s->layers, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (is_plain(names.v[i]) && check_layer(s, names.v[i], cancel, ret, err) < 0)
			return -1;
	return 0;
}
