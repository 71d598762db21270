#include "storage/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#define LAYER_NAME_MAX 80

const char *layer_hex(const char *diff_id, struct err *err)
{
	const char *hex = diff_id + strlen("sha256:");

	if (!starts_with(diff_id, "sha256:") || strlen(hex) != 64 || !is_hex(hex, 64)) {
		CLEAN(clean_free) char *safe = str_printable(diff_id);

		err_set(err, ERR_CORRUPT, "'%.80s' is not a SHA-256 digest", safe);
		return NULL;
	}
	return hex;
}

/* "sha256:<hex>" to the directory's name. This is the one place where a digest becomes a path. */
static int layer_name(const struct store *s, const char *diff_id, char ret[LAYER_NAME_MAX],
		      struct err *err)
{
	const char *hex = layer_hex(diff_id, err);

	if (!hex)
		return -1;
	snprintf(ret, LAYER_NAME_MAX, "%s%s", hex, s->single_id ? ".single" : "");
	return 0;
}

bool layer_exists(const struct store *s, const char *diff_id)
{
	char name[LAYER_NAME_MAX];

	return layer_name(s, diff_id, name, NULL) == 0 &&
	       faccessat(s->layers, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int layer_open(const struct store *s, const char *diff_id, int *ret_fs, struct err *err)
{
	char name[LAYER_NAME_MAX], path[LAYER_NAME_MAX + 4];
	int fd;

	if (layer_name(s, diff_id, name, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/fs", name);
	fd = openat(s->layers, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(err, "cannot open layer %.19s", diff_id);
	*ret_fs = fd;
	return 0;
}

int layer_open_file(const struct store *s, const char *diff_id, const char *name, int *ret_fd,
		    struct err *err)
{
	char layer[LAYER_NAME_MAX];
	CLEAN(clean_free) char *path = NULL;
	int fd;

	if (layer_name(s, diff_id, layer, err) < 0)
		return -1;
	path = xasprintf("%s/%s", layer, name);
	fd = openat(s->layers, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(err, "cannot open '%s' of layer %.19s", name, diff_id);
	*ret_fd = fd;
	return 0;
}

int layer_read_info(const struct store *s, const char *diff_id, struct layer_info *ret,
		    struct err *err)
{
	char name[LAYER_NAME_MAX], path[LAYER_NAME_MAX + 16];
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;

	if (layer_name(s, diff_id, name, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/layer.json", name);
	if (file_read_at(s->layers, path, 4096, &text, err) < 0 ||
	    js_parse(text.data, text.len, &j, err) < 0)
		return err_wrap(err, "layer %.19s", diff_id);
	*ret = (struct layer_info){ .size = js_int(j, "size"),
				    .diff_size = js_int(j, "diff_size") };
	snprintf(ret->digest, sizeof(ret->digest), "%s", js_str(j, "digest") ?: "");
	return 0;
}

int layer_lock(const struct store *s, const char *diff_id, bool wait, int *ret_lock,
	       struct err *err)
{
	char name[LAYER_NAME_MAX];

	if (layer_name(s, diff_id, name, err) < 0)
		return -1;
	return file_lock_at(s->locks, name, LOCK_EXCLUSIVE, wait, ret_lock, err);
}

int layer_stage_new(const struct store *s, struct layer_stage *ret, struct err *err)
{
	struct layer_stage stage = LAYER_STAGE_INIT;

	if (store_stage(s, stage.name, &stage.dir, &stage.lock, err) < 0)
		return -1;
	*ret = stage;
	/* 0755: the root of a container is what its lowest layer's root is, unless a layer says. */
	return dir_open_or_make_at(ret->dir, "fs", 0755, &ret->fs, err);
}

int layer_stage_commit(const struct store *s, struct layer_stage *stage, const char *diff_id,
		       const struct layer_info *info, struct err *err)
{
	CLEAN(clean_json) json_t *j = json_object();
	CLEAN(clean_free) char *text = NULL;
	char name[LAYER_NAME_MAX];

	if (layer_name(s, diff_id, name, err) < 0)
		return -1;
	js_set_str(j, "digest", info->digest);
	js_set_int(j, "size", info->size);
	js_set_int(j, "diff_size", info->diff_size);
	text = js_dump(j);
	if (file_replace_at(stage->dir, "layer.json", text, strlen(text), 0600, RELAXED, err) < 0)
		return -1;
	if (syncfs(stage->dir) < 0)
		return err_sys(err, "cannot sync layer %.19s", diff_id);
	if (renameat(s->tmp, stage->name, s->layers, name) < 0 && errno != EEXIST &&
	    errno != ENOTEMPTY)
		return err_sys(err, "cannot put layer %.19s into the store", diff_id);
	return dir_sync(s->layers, err);
}

void layer_stage_done(const struct store *s, struct layer_stage *stage)
{
	const int fds[] = { stage->fs, stage->dir, stage->lock };

	if (stage->lock >= 0)
		store_unstage(s, stage->name);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*stage = (struct layer_stage)LAYER_STAGE_INIT;
}

/* One of the two ways a layer may have been unpacked (struct store, single_id). */
static int remove_variant(const struct store *s, const char *diff_id, struct err *err)
{
	char name[LAYER_NAME_MAX], trash[STAGE_NAME_MAX];
	CLEAN(clean_fd) int lock = -1;
	struct err why = { 0 };

	if (layer_name(s, diff_id, name, err) < 0)
		return -1;
	if (faccessat(s->layers, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (file_lock_at(s->locks, name, LOCK_EXCLUSIVE, false, &lock, err) < 0)
		return -1;
	if (store_trash(s, s->layers, name, trash, &why) < 0 && why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	file_lock_remove_at(s->locks, name);
	return 0;
}

int layer_remove(const struct store *s, const char *diff_id, struct err *err)
{
	struct store variant = *s;
	struct err why = { 0 };

	for (int single = 0; single < 2; single++) {
		variant.single_id = single;
		if (remove_variant(&variant, diff_id, &why) < 0) {
			if (err)
				*err = why;
			return -1;
		}
	}
	return 0;
}
