#include "storage/image_ids.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/layer.h"
#include "storage/mapped.h"

#define NOBODY	     65534
#define DATABASE_MAX (1u << 20)
#define NAME_LEN     (64 + sizeof(".owners"))

static void note_name(const char *image, char ret[NAME_LEN])
{
	snprintf(ret, NAME_LEN, "%.64s.owners", image);
}

int image_ids_last(const struct store *s, const char *image, uint32_t *ret, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_fd) int dir = -1;
	char name[NAME_LEN];

	note_name(image, name);
	if (mapped_directory(s, &dir, err) < 0 || file_read_at(dir, name, 32, &text, err) < 0)
		return -1;
	*ret = (uint32_t)strtoul(buf_str(&text), NULL, 10);
	return 0;
}

static void count(uint64_t id, uint32_t *last)
{
	if (id != NOBODY && id <= INT32_MAX && id > *last)
		*last = (uint32_t)id;
}

/* The third field of each line: passwd(5), group(5). */
static void count_named(int root, const char *path, uint32_t *last)
{
	CLEAN(clean_fd)
	int fd = open_resolved(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
			       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	CLEAN(buf_done) struct buf text = { 0 };
	char *line, *rest;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    read_all(fd, DATABASE_MAX, &text, NULL) < 0)
		return;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *field = strchr(line, ':');

		field = field ? strchr(field + 1, ':') : NULL;
		if (field && field[1] >= '0' && field[1] <= '9')
			count(strtoull(field + 1, NULL, 10), last);
	}
}

/* By paths from the root: a layer may be nested deeper than there are descriptors. */
static int count_owners(int root, const char *path, struct strv *to_do, uint32_t *last,
			struct err *err)
{
	int fd = open_resolved(root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0,
			       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!dir)
		return err_sys(err, "cannot list a layer's directory");
	while ((e = readdir(dir))) {
		if (streq(e->d_name, "..") || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		count(st.st_uid, last);
		count(st.st_gid, last);
		if (S_ISDIR(st.st_mode) && !streq(e->d_name, "."))
			strv_addf(to_do, "%s%s%s", path, *path ? "/" : "", e->d_name);
	}
	return 0;
}

static int count_layer(const struct store *s, const char *diff_id, uint32_t *last, struct err *err)
{
	CLEAN(strv_done) struct strv to_do = { 0 };
	CLEAN(clean_fd) int root = -1;

	if (layer_open(s, diff_id, &root, err) < 0)
		return -1;
	strv_add(&to_do, "");
	for (size_t i = 0; i < to_do.n; i++) {
		CLEAN(clean_free) char *path = xstrdup(to_do.v[i]);

		if (count_owners(root, path, &to_do, last, err) < 0)
			return -1;
	}
	count_named(root, "etc/passwd", last);
	count_named(root, "etc/group", last);
	return 0;
}

int image_ids_note(const struct store *s, const char *image, const struct strv *layers, int *ret_fd,
		struct err *err)
{
	CLEAN(clean_fd) int dir = -1;
	char name[NAME_LEN], text[16];
	uint32_t last = 0;

	if (mapped_directory(s, &dir, err) < 0)
		return -1;
	for (size_t i = 0; i < layers->n; i++)
		if (count_layer(s, layers->v[i], &last, err) < 0)
			return -1;
	note_name(image, name);
	snprintf(text, sizeof(text), "%u", last);
	if (file_replace_at(dir, name, text, strlen(text), 0600, DURABLE, err) < 0)
		return -1;
	*ret_fd = fd_take(&dir);
	return 0;
}
