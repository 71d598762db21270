#include "storage/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "storage/image_names.h"
#include "storage/layer.h"

#define MAX_DOCUMENT	  (4u << 20) /* manifests and configurations: what a pull accepts at most */
#define MANIFEST_NAME_MAX 80

void image_record_done(struct image_record *r)
{
	strv_done(&r->names);
	strv_done(&r->name_digests);
	strv_done(&r->digests);
	strv_done(&r->layers);
	*r = (struct image_record){ 0 };
}

void image_list_done(struct image_record *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		image_record_done(&list[i]);
	free(list);
}

static int load_record(const struct store *s, json_t *references, const char *id,
		       struct image_record *ret, struct err *err)
{
	CLEAN(image_record_done) struct image_record r = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	char path[IMAGE_ID_LEN + 16];

	snprintf(path, sizeof(path), "%s/image.json", id);
	if (file_read_at(s->images, path, MAX_DOCUMENT, &text, err) < 0 ||
	    js_parse(text.data, text.len, &j, err) < 0)
		return err_wrap(err, "image %.12s", id);
	snprintf(r.id, sizeof(r.id), "%s", id);
	snprintf(r.manifest_digest, sizeof(r.manifest_digest), "%s", js_str(j, "digest") ?: "");
	js_strv(j, "layers", &r.layers);
	r.size = js_int(j, "size");
	r.created = js_int(j, "created");
	references_describe(references, &r);
	*ret = r;
	r = (struct image_record){ 0 };
	return 0;
}

static bool is_image_id(const char *name)
{
	return strlen(name) == IMAGE_ID_LEN && is_hex(name, IMAGE_ID_LEN);
}

bool image_is_there(const struct store *s, const char *id)
{
	return id && is_image_id(id) && faccessat(s->images, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The name of a manifest that is not the image's first. */
static int manifest_name(const char *digest, char ret[MANIFEST_NAME_MAX])
{
	if (!digest || !starts_with(digest, "sha256:") || strlen(digest) != 71 ||
	    !is_hex(digest + 7, 64))
		return -1;
	snprintf(ret, MANIFEST_NAME_MAX, "manifest.%s", digest + 7);
	return 0;
}

/* Of an image that is there: the same configuration may come with another manifest. */
static int put_manifest(const struct store *s, const struct image_new *image, struct err *err)
{
	CLEAN(clean_fd)
	int dir = openat(s->images, image->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEAN(buf_done) struct buf first = { 0 };
	char name[MANIFEST_NAME_MAX];

	if (dir < 0)
		return err_sys(err, "cannot open image %.12s", image->id);
	if (manifest_name(image->manifest_digest, name) < 0 ||
	    faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    (file_read_at(dir, "manifest", MAX_DOCUMENT, &first, NULL) == 0 &&
	     first.len == image->manifest_len &&
	     memcmp(buf_str(&first), image->manifest, first.len) == 0))
		return 0;
	return file_replace_at(dir, name, image->manifest, image->manifest_len, 0600, DURABLE, err);
}

static int put_files(const struct store *s, const struct image_new *image, struct err *err)
{
	CLEAN(clean_json) json_t *j = json_object();
	CLEAN(clean_free) char *text = NULL;
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int lock = -1;
	char name[STAGE_NAME_MAX];
	int result = -1;

	if (faccessat(s->images, image->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return put_manifest(s, image, err);
	js_set_str(j, "digest", image->manifest_digest);
	js_set_strv(j, "layers", image->layers);
	js_set_int(j, "size", image->size);
	js_set_int(j, "created", image->created);
	text = js_dump(j);
	if (store_stage(s, name, &dir, &lock, err) < 0)
		return -1;
	if (file_replace_at(dir, "config", image->config, image->config_len, 0600, DURABLE, err) ==
		    0 &&
	    file_replace_at(dir, "manifest", image->manifest, image->manifest_len, 0600, DURABLE,
			    err) == 0 &&
	    file_replace_at(dir, "image.json", text, strlen(text), 0600, DURABLE, err) == 0) {
		if (renameat(s->tmp, name, s->images, image->id) < 0 && errno != EEXIST &&
		    errno != ENOTEMPTY)
			err_sys(err, "cannot put image %.12s into the store", image->id);
		else
			result = dir_sync(s->images, err);
	}
	store_unstage(s, name);
	return result;
}

int image_put(const struct store *s, const struct image_new *image, struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	CLEAN(clean_json) json_t *before = NULL;
	CLEAN(clean_fd) int lock = -1;

	if (image_lock(s, true, &lock, err) < 0)
		return -1;
	for (size_t i = 0; i < image->layers->n; i++)
		if (!layer_exists(s, image->layers->v[i]))
			return err_set(err, ERR_NOT_FOUND, "layer %.19s has gone from the store",
				       image->layers->v[i]);
	if (references_load(s, &references, err) < 0 || put_files(s, image, err) < 0)
		return -1;
	before = json_deep_copy(references);
	if (image->name)
		references_set(references, image->name, image->id, image->manifest_digest);
	if (image->repository) {
		CLEAN(clean_free)
		char *name = xasprintf("%s@%s", image->repository, image->manifest_digest);

		references_set(references, name, image->id, image->manifest_digest);
	}
	if (image->repository && image->index_digest) {
		CLEAN(clean_free)
		char *name = xasprintf("%s@%s", image->repository, image->index_digest);

		references_set(references, name, image->id, image->manifest_digest);
	}
	/* What is there already can be put on a full disk. */
	return json_equal(before, references) ? 0 : references_save(s, references, err);
}

/* The one image whose ID begins so. */
static int find_prefix(const struct store *s, const char *prefix, char ret_id[IMAGE_ID_LEN + 1],
		       struct err *err)
{
	int fd = openat(s->images, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	CLEAN(strv_done) struct strv found = { 0 };
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_image_id(e->d_name) && starts_with(e->d_name, prefix))
			strv_add(&found, e->d_name);
	if (found.n == 0)
		return err_set(err, ERR_NOT_FOUND, "%s: image not known", prefix);
	if (found.n > 1)
		return err_set(err, ERR_USAGE, "%s fits several images: %.12s, %.12s%s", prefix,
			       found.v[0], found.v[1], found.n > 2 ? ", …" : "");
	snprintf(ret_id, IMAGE_ID_LEN + 1, "%s", found.v[0]);
	return 0;
}

int image_find(const struct store *s, const char *canonical, const char *id_or_prefix,
	       struct image_record *ret, struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	char found[IMAGE_ID_LEN + 1];
	const char *id = NULL;

	if (references_load(s, &references, err) < 0)
		return -1;
	if (canonical)
		id = js_str(json_object_get(references, canonical), "id");
	/* A name whose image is gone was about to be removed with it. */
	if (image_is_there(s, id))
		return load_record(s, references, id, ret, err);
	if (id_or_prefix && starts_with(id_or_prefix, "sha256:"))
		id_or_prefix += strlen("sha256:");
	if (!id_or_prefix || !*id_or_prefix || !is_hex(id_or_prefix, strlen(id_or_prefix)))
		return err_set(err, ERR_NOT_FOUND, "%s: image not known",
			       canonical ? canonical : id_or_prefix);
	if (find_prefix(s, id_or_prefix, found, err) < 0)
		return -1;
	return load_record(s, references, found, ret, err);
}

static int newest_first(const void *a, const void *b)
{
	const struct image_record *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	return strcmp(x->id, y->id);
}

/*
 * All that can be read. *ret_whole: none was passed over but such as are being removed; where it is
 * false nobody can tell which layers are in use.
 */
static int read_images(const struct store *s, json_t *references, struct image_record **ret,
		       size_t *ret_n, bool *ret_whole, struct err *err)
{
	int fd = openat(s->images, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct image_record *list = NULL;
	struct dirent *e;
	size_t n = 0;

	if (!dir)
		return err_sys(err, "cannot list the store's images");
	*ret_whole = true;
	while ((e = readdir(dir))) {
		struct image_record r = { 0 };
		struct err why = { 0 };

		if (!is_image_id(e->d_name))
			continue;
		if (load_record(s, references, e->d_name, &r, &why) < 0) {
			*ret_whole = *ret_whole && why.kind == ERR_NOT_FOUND;
			if (why.sys != EMFILE && why.sys != ENFILE && why.sys != ENOMEM &&
			    why.sys != EINTR)
				continue;
			/* It is we who lack something, not the image. */
			image_list_done(list, n);
			if (err)
				*err = why;
			return -1;
		}
		list = xrealloc(list, (n + 1) * sizeof(*list));
		list[n++] = r;
	}
	if (n)
		qsort(list, n, sizeof(*list), newest_first);
	*ret = list;
	*ret_n = n;
	return 0;
}

int image_list_all(const struct store *s, struct image_record **ret, size_t *ret_n, bool *ret_whole,
		   struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;

	return references_load(s, &references, err) < 0 ?
		       -1 :
		       read_images(s, references, ret, ret_n, ret_whole, err);
}

int image_list(const struct store *s, struct image_record **ret, size_t *ret_n, struct err *err)
{
	bool whole;

	return image_list_all(s, ret, ret_n, &whole, err);
}

static int read_file(const struct store *s, const char *id, const char *name, struct buf *ret,
		     struct err *err)
{
	char path[IMAGE_ID_LEN + MANIFEST_NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", id, name);
	if (file_read_at(s->images, path, MAX_DOCUMENT, ret, err) < 0)
		return err_wrap(err, "image %.12s", id);
	return 0;
}

int image_read_config(const struct store *s, const char *id, struct buf *ret, struct err *err)
{
	return read_file(s, id, "config", ret, err);
}

int image_read_manifest(const struct store *s, const char *id, struct buf *ret, struct err *err)
{
	return read_file(s, id, "manifest", ret, err);
}

int image_read_manifest_of(const struct store *s, const char *id, const char *name, struct buf *ret,
			   struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	char file[MANIFEST_NAME_MAX];
	const json_t *entry;

	if (references_load(s, &references, err) < 0)
		return -1;
	entry = name ? json_object_get(references, name) : NULL;
	if (streq(js_str(entry, "id") ?: "", id) &&
	    manifest_name(js_str(entry, "digest"), file) == 0 &&
	    read_file(s, id, file, ret, NULL) == 0)
		return 0;
	return image_read_manifest(s, id, ret, err);
}

static bool layer_in_use(const struct image_record *list, size_t n, const char *diff_id)
{
	for (size_t i = 0; i < n; i++)
		if (strv_has(&list[i].layers, diff_id))
			return true;
	return false;
}

int image_remove(const struct store *s, const struct image_record *image, struct strv *ret_layers,
		 struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	struct image_record *list = NULL;
	char trash[STAGE_NAME_MAX];
	struct err full = { 0 };
	bool whole;
	size_t n = 0;

	if (references_load(s, &references, err) < 0)
		return -1;
	references_drop(references, image->id);
	/*
	 * The names go first, unless the disk is too full to write them anew: a name whose image is
	 * gone is passed over by everybody, so the order may be turned round then.
	 */
	if (references_save(s, references, &full) < 0 && full.kind != ERR_NO_SPACE) {
		*err = full;
		return -1;
	}
	if (store_trash(s, s->images, image->id, trash, err) < 0)
		return -1;
	if (read_images(s, references, &list, &n, &whole, err) < 0)
		return -1;
	for (size_t i = 0; whole && i < image->layers.n; i++) {
		const char *layer = image->layers.v[i];

		if (!layer_in_use(list, n, layer) && layer_remove(s, layer, NULL) == 0)
			strv_add(ret_layers, layer);
	}
	image_list_done(list, n);
	tree_remove_at(s->tmp, trash, NULL);
	if (full.kind)
		references_save(s, references, NULL);
	return 0;
}
