#include "storage/image_names.h"

#include "base/cleanup.h"
#include "base/file.h"

#define MAX_REFERENCES (64u << 20)

/* Of the file: {"references": …}. */
int references_load(const struct store *s, json_t **ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *file = NULL;
	struct err why = { 0 };

	if (file_read_at(s->images, "references", MAX_REFERENCES, &text, &why) < 0) {
		if (why.kind != ERR_NOT_FOUND) {
			if (err)
				*err = why;
			return -1;
		}
		*ret = json_object();
		return 0;
	}
	if (js_parse(text.data, text.len, &file, err) < 0)
		return err_wrap(err, "the store's list of names");
	*ret = json_incref(js_obj(file, "references"));
	if (!*ret)
		*ret = json_object();
	return 0;
}

int references_save(const struct store *s, json_t *references, struct err *err)
{
	CLEAN(clean_json) json_t *file = json_object();
	CLEAN(clean_free) char *text = NULL;

	json_object_set(file, "references", references);
	text = js_dump(file);
	return file_replace_at(s->images, "references", text, strlen(text), 0600, DURABLE, err);
}

static bool leads_to(json_t *entry, const char *id)
{
	return streq(js_str(entry, "id") ?: "", id);
}

void references_describe(json_t *references, struct image_record *r)
{
	const char *name;
	json_t *entry;

	json_object_foreach(references, name, entry)
	{
		const char *digest = js_str(entry, "digest");
		const char *at = strchr(name, '@'), *colon = strrchr(name, ':');
		CLEAN(clean_free) char *repo_digest = NULL;

		if (!leads_to(entry, r->id))
			continue;
		if (!at) {
			strv_add(&r->names, name);
			strv_add(&r->name_digests, digest ?: "");
		}
		repo_digest = at ? xstrdup(name) :
				   xasprintf("%.*s@%s", (int)(colon ? colon - name : 0), name,
					     digest ? digest : "");
		if ((at || (colon && digest)) && !strv_has(&r->digests, repo_digest))
			strv_add(&r->digests, repo_digest);
	}
}

void references_set(json_t *references, const char *name, const char *id,
		    const char *manifest_digest)
{
	json_t *entry = json_object();

	js_set_str(entry, "id", id);
	js_set_str(entry, "digest", manifest_digest);
	json_object_set_new(references, name, entry);
}

void references_drop(json_t *references, const char *id)
{
	const char *name;
	json_t *entry;
	void *next;

	json_object_foreach_safe(references, next, name, entry)
		if (leads_to(entry, id))
			json_object_del(references, name);
}

int image_lock(const struct store *s, bool exclusive, int *ret_lock, struct err *err)
{
	return file_lock_at(s->locks, "images", exclusive ? LOCK_EXCLUSIVE : LOCK_SHARED, true,
			    ret_lock, err);
}

int image_tag(const struct store *s, const struct image_record *image, const char *canonical,
	      struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;

	if (references_load(s, &references, err) < 0)
		return -1;
	references_set(references, canonical, image->id, image->manifest_digest);
	return references_save(s, references, err);
}

/* "repository:tag" and "repository@digest" are of one repository, of so many bytes. */
static bool is_of(const char *name, const char *repository, size_t len, char mark)
{
	return strncmp(name, repository, len) == 0 && name[len] == mark && !strchr(name + len, '/');
}

/* With an image's last tag of a repository its digests of that repository go, as docker has it. */
static void drop_digests(json_t *references, const char *id, const char *untagged)
{
	const char *name, *colon = strrchr(untagged, ':');
	const size_t len = colon ? (size_t)(colon - untagged) : 0;
	json_t *entry;
	void *next;

	json_object_foreach(references, name, entry)
		if (leads_to(entry, id) && is_of(name, untagged, len, ':'))
			return;
	json_object_foreach_safe(references, next, name, entry)
		if (leads_to(entry, id) && is_of(name, untagged, len, '@'))
			json_object_del(references, name);
}

int image_find_dangling(const struct store *s, struct strv *ret, struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	const char *name;
	json_t *entry;

	if (references_load(s, &references, err) < 0)
		return -1;
	json_object_foreach(references, name, entry)
		if (!image_is_there(s, js_str(entry, "id")))
			strv_add(ret, name);
	return 0;
}

int image_drop_dangling(const struct store *s, struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	struct err why = { 0 };
	const char *name;
	json_t *entry;
	void *next;

	if (references_load(s, &references, &why) < 0) {
		if (why.kind != ERR_CORRUPT) {
			*err = why;
			return -1;
		}
		references = json_object();
	}
	json_object_foreach_safe(references, next, name, entry)
		if (!image_is_there(s, js_str(entry, "id")))
			json_object_del(references, name);
	return references_save(s, references, err);
}

int image_untag(const struct store *s, const char *canonical, struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	CLEAN(clean_free) char *id = NULL;

	if (references_load(s, &references, err) < 0)
		return -1;
	id = xstrdup(js_str(json_object_get(references, canonical), "id") ?: "");
	if (json_object_del(references, canonical) < 0)
		return err_set(err, ERR_NOT_FOUND, "%s: image not known", canonical);
	drop_digests(references, id, canonical);
	return references_save(s, references, err);
}

int image_add_digest(const struct store *s, const char *id, const char *repository,
		     const char *digest, struct err *err)
{
	CLEAN(clean_json) json_t *references = NULL;
	CLEAN(clean_free) char *added = xasprintf("%s@%s", repository, digest);
	const size_t len = strlen(repository);
	CLEAN(clean_fd) int lock = -1;
	const char *name;
	json_t *entry;

	if (image_lock(s, true, &lock, err) < 0 || references_load(s, &references, err) < 0)
		return -1;
	if (json_object_get(references, added))
		return 0;
	json_object_foreach(references, name, entry)
		if (leads_to(entry, id) && is_of(name, repository, len, ':')) {
			references_set(references, added, id, digest);
			return references_save(s, references, err);
		}
	return 0;
}
