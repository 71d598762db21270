#include "storage/mapped.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/layer.h"
#include "storage/mapped_tree.h"

#define DIRECTORY   "mapped"
#define HEX_LEN	    64
#define ENTRY_MAX   (HEX_LEN + 1 + ID_MAPPING_NAME_MAX)

static const char *const tree_names[] = { [MAPPED_META] = "meta", [MAPPED_COPY] = "fs" };

static int entry_name(const char *image, const struct id_mapping *m, char ret[ENTRY_MAX],
		      struct err *err)
{
	char mapping[ID_MAPPING_NAME_MAX];

	if (strlen(image) != HEX_LEN || !is_hex(image, HEX_LEN))
		return err_set(err, ERR_CORRUPT, "the container's record names no image");
	id_mapping_name(m, mapping);
	snprintf(ret, ENTRY_MAX, "%s.%s", image, mapping);
	return 0;
}

bool mapped_exists(const struct store *s, const char *image, const struct id_mapping *m)
{
	char name[ENTRY_MAX];
	CLEAN(clean_free) char *path = NULL;

	if (entry_name(image, m, name, NULL) < 0)
		return false;
	path = xasprintf(DIRECTORY "/%s", name);
	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int mapped_open(int root, const char *image, const struct id_mapping *m, int *ret_fs,
		enum mapped_how *ret_how, struct err *err)
{
	char name[ENTRY_MAX];

	if (entry_name(image, m, name, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(tree_names); i++) {
		CLEAN(clean_free) char *path = xasprintf(DIRECTORY "/%s/%s", name, tree_names[i]);
		int fd = openat(root, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		if (fd < 0)
			continue;
		*ret_fs = fd;
		*ret_how = (enum mapped_how)i;
		return 0;
	}
	return err_sys(err, "cannot open the image's files with the owners that are mapped");
}

int mapped_lock(const struct store *s, int *ret_lock, struct err *err)
{
	return file_lock_at(s->locks, "mapped", LOCK_EXCLUSIVE, true, ret_lock, err);
}

int mapped_directory(const struct store *s, int *ret_fd, struct err *err)
{
	return dir_open_or_make_at(s->fd, DIRECTORY, 0700, ret_fd, err);
}

static int put(const struct store *s, const struct layer_stage *stage, const char *name,
	       struct err *err)
{
	CLEAN(clean_fd) int dir = -1;

	if (mapped_directory(s, &dir, err) < 0)
		return -1;
	if (syncfs(dir) < 0)
		return err_sys(err, "cannot sync it");
	if (renameat(s->tmp, stage->name, dir, name) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(err, "cannot put it into the store");
	return dir_sync(dir, err) < 0 ? -1 : dir_sync(s->fd, err);
}

int mapped_build(const struct store *s, const char *image, const struct strv *layers,
		 const struct id_mapping *m, enum mapped_how how, struct err *err)
{
	struct layer_stage stage = LAYER_STAGE_INIT;
	struct mapped_tree tree = {
		.store = s, .layers = layers, .mapping = m, .copy = how == MAPPED_COPY
	};
	char name[ENTRY_MAX];
	int result;

	if (entry_name(image, m, name, err) < 0 ||
	    store_stage(s, stage.name, &stage.dir, &stage.lock, err) < 0)
		return -1;
	result = dir_open_or_make_at(stage.dir, tree_names[how], 0755, &stage.fs, err);
	tree.to = stage.fs;
	tree.scratch = stage.dir;
	if (result == 0)
		result = mapped_tree_make(&tree, err);
	if (result == 0)
		result = put(s, &stage, name, err);
	layer_stage_done(s, &stage);
	return result;
}

/* Is its image there? What has no image's name is none of ours. */
static bool is_wanted(const struct store *s, const char *name)
{
	char hex[HEX_LEN + 1];

	if (strlen(name) <= HEX_LEN || !is_hex(name, HEX_LEN) || name[HEX_LEN] != '.')
		return true;
	snprintf(hex, sizeof(hex), "%s", name);
	return faccessat(s->images, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

void mapped_sweep(const struct store *s)
{
	CLEAN(clean_fd)
	int fd = openat(s->fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int again = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = again < 0 ? NULL : fdopendir(again);
	char trash[STAGE_NAME_MAX];
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && !is_wanted(s, e->d_name))
			store_trash(s, fd, e->d_name, trash, NULL);
}
