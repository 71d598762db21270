/*
 * Theory of operation
 *
 * What is damaged is set aside, in a stage in tmp/ whose lock we hold, and the image is pulled
 * again, by the digest of its manifest, which only the layers and documents that lack are fetched
 * for. What did not come is put back: an image with a damaged file is better than none. A container
 * that runs has its layers mounted, and must not lose them under its feet: nothing is done then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/check.h"
#include "cmd/event.h"
#include "cmd/helper.h"
#include "cmd/life.h"
#include "storage/container.h"
#include "storage/image.h"

#define HEX_LEN	      64
#define SINGLE_SUFFIX ".single"

static bool has_layer(const struct strv *layers, const char *name)
{
	for (size_t i = 0; i < layers->n; i++)
		if (strncmp(layers->v[i] + strlen("sha256:"), name, HEX_LEN) == 0)
			return true;
	return false;
}

/* Of the damaged layers, those that this has. */
static void find_layers(const struct check *c, const struct strv *layers, struct strv *ret)
{
	for (size_t i = 0; i < c->layers.n; i++)
		if (has_layer(layers, c->layers.v[i]))
			strv_add(ret, c->layers.v[i]);
}

/* --- who has it --- */

/* BUSY: one of these runs. */
static int check_users(struct tiffin *t, const struct strv *damaged, struct err *err)
{
	struct container *list = NULL;
	int result = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++) {
		CLEAN(strv_done) struct strv layers = { 0 };

		js_strv(list[i].config, "layers", &layers);
		for (size_t k = 0; life_is_up(&list[i]) && result == 0 && k < damaged->n; k++)
			if (has_layer(&layers, damaged->v[k]))
				result = err_set(err, ERR_BUSY,
						 "container %s runs on it: stop it, and check "
						 "again",
						 list[i].name);
	}
	container_list_done(list, n);
	return result;
}

/* "registry/repository@digest" of its own manifest; NULL: no registry is known to have it. */
static const char *find_source(const struct image_record *image)
{
	for (size_t i = 0; i < image->digests.n; i++) {
		const char *at = strchr(image->digests.v[i], '@');

		if (at && streq(at + 1, image->manifest_digest) &&
		    !starts_with(image->digests.v[i], "localhost/"))
			return image->digests.v[i];
	}
	return NULL;
}

/* --- setting aside --- */

struct aside {
	char stage[STAGE_NAME_MAX];
	int dir, lock;
	struct strv layers;
	char *image; /* NULL: it stays where it is */
};

static void put_back(const struct store *s, const struct aside *a)
{
	for (size_t i = 0; i < a->layers.n; i++)
		if (renameat(a->dir, a->layers.v[i], s->layers, a->layers.v[i]) < 0)
			continue; /* it came after all */
	if (a->image && renameat(a->dir, "image", s->images, a->image) < 0)
		return;
}

static int set_aside(const struct store *s, struct aside *a, struct err *err)
{
	if (store_stage(s, a->stage, &a->dir, &a->lock, err) < 0)
		return -1;
	for (size_t i = 0; i < a->layers.n; i++) {
		CLEAN(clean_fd) int lock = -1;

		if (file_lock_at(s->locks, a->layers.v[i], LOCK_EXCLUSIVE, false, &lock, err) < 0)
			return -1;
		if (renameat(s->layers, a->layers.v[i], a->dir, a->layers.v[i]) < 0 &&
		    errno != ENOENT)
			return err_sys(err, "cannot set layer %.12s aside", a->layers.v[i]);
	}
	if (a->image && renameat(s->images, a->image, a->dir, "image") < 0 && errno != ENOENT)
		return err_sys(err, "cannot set image %.12s aside", a->image);
	return 0;
}

static void aside_done(struct tiffin *t, struct aside *a)
{
	strv_done(&a->layers);
	free(a->image);
	clean_fd(&a->dir);
	clean_fd(&a->lock);
	if (*a->stage)
		helper_remove_trash(&t->store, &t->ids, a->stage);
	if (*a->stage)
		store_unstage(&t->store, a->stage);
}

/* --- fetching --- */

/* With the IDs that the layers were unpacked for. */
static int pull(struct tiffin *t, const char *source, const char *id, struct err *err)
{
	struct pull_options options = PULL_OPTIONS_INIT;
	CLEAN(clean_free) char *got = NULL;

	options.quiet = true;
	if (helper_pull(t, source, &options, &got, err) < 0)
		return -1;
	return streq(got, id) ? 0 :
				err_set(err, ERR_CORRUPT, "'%s' is another image by now", source);
}

static int fetch(struct tiffin *t, const struct check *c, const struct image_record *image,
		 const char *source, bool single, struct err *err)
{
	struct aside a = { .dir = -1, .lock = -1 };
	int result;

	for (size_t i = 0; i < c->layers.n; i++)
		if (has_layer(&image->layers, c->layers.v[i]) &&
		    ends_with(c->layers.v[i], SINGLE_SUFFIX) == single)
			strv_add(&a.layers, c->layers.v[i]);
	if (strv_has(&c->images, image->id))
		a.image = xstrdup(image->id);
	result = set_aside(&t->store, &a, err);
	if (result == 0) {
		tiffin_set_ids(t, single);
		result = pull(t, source, image->id, err);
	}
	if (result < 0)
		put_back(&t->store, &a);
	aside_done(t, &a);
	return result;
}

/* Once for each kind of IDs that it was damaged for. */
static int fetch_all(struct tiffin *t, const struct check *c, const struct image_record *image,
		     const char *source, const struct strv *damaged, struct err *err)
{
	bool wanted[2] = { false, false };
	const bool before = t->ids.single;
	int result = 0;

	for (size_t i = 0; i < damaged->n; i++)
		wanted[ends_with(damaged->v[i], SINGLE_SUFFIX)] = true;
	if (!damaged->n)
		wanted[t->ids.single] = true;
	for (int single = 0; single < 2 && result == 0; single++)
		if (wanted[single])
			result = fetch(t, c, image, source, single, err);
	tiffin_set_ids(t, before);
	return result;
}

/* --force: it goes, and what is made of it. */
static int remove_image(struct tiffin *t, const struct image_record *image, struct err *err)
{
	CLEAN(strv_done) struct strv gone = { 0 };
	CLEAN(clean_fd) int lock = -1;
	struct container *list = NULL;
	int result = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++)
		if (streq(list[i].image_id, image->id))
			result = life_remove(t, &list[i], true, err);
	container_list_done(list, n);
	if (result < 0 || image_lock(&t->store, true, &lock, err) < 0 ||
	    image_remove(&t->store, image, &gone, err) < 0)
		return -1;
	event_image(&t->store, "remove", image->id, image->names.n ? image->names.v[0] : NULL);
	return 0;
}

static int mend(struct tiffin *t, const struct check *c, const struct image_record *image,
		const char **ret_how, struct err *err)
{
	CLEAN(strv_done) struct strv damaged = { 0 };
	const char *source = find_source(image);

	find_layers(c, &image->layers, &damaged);
	*ret_how = "removed";
	if (source) {
		if (check_users(t, &damaged, err) < 0)
			return c->force && err->kind == ERR_BUSY ? remove_image(t, image, err) : -1;
		if (fetch_all(t, c, image, source, &damaged, err) == 0) {
			*ret_how = "fetched again";
			return 0;
		}
	} else {
		err_set(err, ERR_NOT_FOUND,
			"no registry is known to have it: remove it, and load it again");
	}
	return c->force ? remove_image(t, image, err) : -1;
}

/* --- all of them --- */

/* One without a record has no layers, and is no use to anybody. */
static int drop_broken(struct tiffin *t, const char *id, struct err *err)
{
	char trash[STAGE_NAME_MAX];
	CLEAN(clean_fd) int lock = -1;

	if (image_lock(&t->store, true, &lock, err) < 0 ||
	    store_trash(&t->store, t->store.images, id, trash, err) < 0)
		return -1;
	image_drop_dangling(&t->store, NULL);
	helper_remove_trash(&t->store, &t->ids, trash);
	return 0;
}

static bool is_damaged(const struct check *c, const struct image_record *image)
{
	CLEAN(strv_done) struct strv layers = { 0 };

	find_layers(c, &image->layers, &layers);
	return layers.n || strv_has(&c->images, image->id);
}

static void mend_one(struct tiffin *t, struct check *c, const struct image_record *image,
		     struct strv *mended)
{
	const char *name = image->names.n ? image->names.v[0] : image->id, *how;
	struct err why = { 0 };

	if (mend(t, c, image, &how, &why) < 0) {
		printf("image %s: not repaired: %s\n", name, why.text);
		c->left++;
		return;
	}
	printf("image %s: %s\n", name, how);
	find_layers(c, &image->layers, mended);
}

int check_fetch(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(strv_done) struct strv mended = { 0 };
	struct image_record *list = NULL;
	size_t n = 0;

	if (image_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct check rest = *c;

		if (!is_damaged(c, &list[i]))
			continue;
		/* What came with another image is whole by now. */
		rest.layers = (struct strv){ 0 };
		for (size_t k = 0; k < c->layers.n; k++)
			if (!strv_has(&mended, c->layers.v[k]))
				strv_add(&rest.layers, c->layers.v[k]);
		if (is_damaged(&rest, &list[i]))
			mend_one(t, &rest, &list[i], &mended);
		c->left = rest.left;
		strv_done(&rest.layers);
	}
	for (size_t i = 0; i < c->images.n; i++) {
		CLEAN(image_record_done) struct image_record image = { 0 };
		struct err why = { 0 };

		if (image_find(&t->store, NULL, c->images.v[i], &image, &why) == 0 ||
		    why.kind == ERR_NOT_FOUND)
			continue;
		if (drop_broken(t, c->images.v[i], &why) < 0) {
			printf("image %.12s: not repaired: %s\n", c->images.v[i], why.text);
			c->left++;
		} else {
			printf("image %.12s: removed\n", c->images.v[i]);
		}
	}
	image_list_done(list, n);
	helper_sweep(&t->store, &t->ids);
	return 0;
}
