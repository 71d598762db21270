#include "storage/known_blob.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "storage/layer.h"

#define FILE_NAME	 "blobs"
#define FILE_MAX	 (1u << 20)
#define BLOBS_MAX	 16
#define REPOSITORIES_MAX 64 /* of a blob */

static void blob_done(struct known_blob *b)
{
	free(b->compression);
	strv_done(&b->repositories);
}

void known_blobs_done(struct known_blobs *b)
{
	for (size_t i = 0; i < b->n; i++)
		blob_done(&b->v[i]);
	free(b->v);
	*b = (struct known_blobs){ 0 };
}

static bool digest_is_valid(const char *s)
{
	return s && starts_with(s, "sha256:") && strlen(s) == 71 && is_hex(s + 7, 64);
}

static void add_entry(struct known_blobs *b, const json_t *j)
{
	const char *digest = js_str(j, "digest");
	struct known_blob *blob;

	if (!digest_is_valid(digest) || b->n == BLOBS_MAX)
		return;
	b->v = xrealloc(b->v, (b->n + 1) * sizeof(*b->v));
	blob = &b->v[b->n++];
	*blob = (struct known_blob){
		.size = js_int(j, "size"),
		.compression = xstrdup(js_str(j, "compression") ?: ""),
		.verified = js_bool(j, "verified"),
	};
	snprintf(blob->digest, sizeof(blob->digest), "%s", digest);
	js_strv(j, "repositories", &blob->repositories);
}

static int open_layer(const struct store *s, const char *diff_id)
{
	int fd = -1;

	return layer_open_file(s, diff_id, ".", &fd, NULL) < 0 ? -1 : fd;
}

static void read_blobs(int dir, struct known_blobs *ret)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	json_t *entry;
	size_t i;

	if (file_read_at(dir, FILE_NAME, FILE_MAX, &text, NULL) < 0 ||
	    js_parse(buf_str(&text), text.len, &j, NULL) < 0)
		return;
	json_array_foreach(js_arr(j, "blobs"), i, entry)
		add_entry(ret, entry);
}

void known_blobs_read(const struct store *s, const char *diff_id, struct known_blobs *ret)
{
	CLEAN(clean_fd) int dir = open_layer(s, diff_id);

	*ret = (struct known_blobs){ 0 };
	if (dir >= 0)
		read_blobs(dir, ret);
}

static json_t *blob_json(const struct known_blob *b, const char *repository)
{
	CLEAN(strv_done) struct strv repositories = { 0 };
	json_t *j = json_object();

	if (repository)
		strv_add(&repositories, repository);
	for (size_t i = 0; i < b->repositories.n && repositories.n < REPOSITORIES_MAX; i++)
		if (!strv_has(&repositories, b->repositories.v[i]))
			strv_add(&repositories, b->repositories.v[i]);
	js_set_str(j, "digest", b->digest);
	js_set_int(j, "size", b->size);
	js_set_str(j, "compression", b->compression);
	js_set_bool(j, "verified", b->verified);
	js_set_strv(j, "repositories", &repositories);
	return j;
}

/* Is there nothing new in it? Then the file stays as it is. */
static bool is_known(const struct known_blob *have, const struct known_blob *blob,
		     const char *repository)
{
	return (have->verified || !blob->verified) &&
	       (!repository || strv_has(&have->repositories, repository));
}

void known_blobs_add(const struct store *s, const char *diff_id, const struct known_blob *blob,
		     const char *repository)
{
	CLEAN(clean_fd) int dir = open_layer(s, diff_id);
	CLEAN(known_blobs_done) struct known_blobs known = { 0 };
	CLEAN(clean_json) json_t *file = json_object();
	CLEAN(clean_free) char *text = NULL;
	json_t *list = json_array();
	struct known_blob first = *blob;

	json_object_set_new(file, "blobs", list);
	if (dir < 0)
		return;
	read_blobs(dir, &known);
	for (size_t i = 0; i < known.n; i++) {
		const struct known_blob *have = &known.v[i];

		if (!streq(have->digest, blob->digest)) {
			json_array_append_new(list, blob_json(have, NULL));
			continue;
		}
		if (is_known(have, blob, repository))
			return;
		/* What was verified says more than what was claimed. */
		if (have->verified)
			first = *have;
		first.repositories = have->repositories;
	}
	json_array_insert_new(list, 0, blob_json(&first, repository));
	text = js_dump(file);
	file_replace_at(dir, FILE_NAME, text, strlen(text), 0600, RELAXED, NULL);
}
