/*
 * What the tests of unpacking share: for each a directory of its own, stage/ to unpack into and canary/
 * beside it, and an archive that is written entry by entry. The canary must be as it was at the end.
 */
#ifndef TESTS_UNIT_UNPACK_SCENE_H
#define TESTS_UNIT_UNPACK_SCENE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "image/unpack.h"
#include "tests/unit/tar_writer.h"
#include "tests/unit/test.h"

struct scene {
	char path[64];
	int dir, stage;
	struct buf tar;
	struct stat canary, secret;
	struct err err;
	int64_t bytes;
};

static inline void scene_init(struct scene *s)
{
	int fd;

	*s = (struct scene){ 0 };
	umask(0);
	strcpy(s->path, "/tmp/tiffin-test-image.XXXXXX");
	if (!mkdtemp(s->path))
		perror("mkdtemp");
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(s->dir, "stage", 0755);
	mkdirat(s->dir, "canary", 0700);
	s->stage = openat(s->dir, "stage", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(s->dir, "canary/secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(write_all(fd, "secret", 6, NULL) == 0);
	close(fd);
	fstatat(s->dir, "canary", &s->canary, 0);
	fstatat(s->dir, "canary/secret", &s->secret, 0);
}

static inline bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid && a->st_size == b->st_size && a->st_nlink == b->st_nlink &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

static inline void clean_scene(struct scene *s)
{
	CLEAN(buf_done) struct buf text = { 0 };
	struct stat canary, secret;

	CHECK(fstatat(s->dir, "canary", &canary, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(fstatat(s->dir, "canary/secret", &secret, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(unchanged(&s->canary, &canary) && unchanged(&s->secret, &secret));
	CHECK(file_read_at(s->dir, "canary/secret", 100, &text, NULL) == 0);
	CHECK_STR(text.data, "secret");
	close(s->stage);
	close(s->dir);
	buf_done(&s->tar);
	CHECK(tree_remove_at(AT_FDCWD, s->path, NULL) == 0);
}

#define SCENE(s)                                                                                   \
	CLEAN(clean_scene) struct scene s;                                                         \
	scene_init(&(s))

static inline void dir(struct scene *s, const char *name, unsigned int mode)
{
	tar_add(&s->tar,
		(struct tar_entry){ .name = name, .type = '5', .mode = mode, .mtime = 1000 });
}

static inline void file(struct scene *s, const char *name, const char *data)
{
	tar_add(&s->tar,
		(struct tar_entry){
			.name = name, .type = '0', .mode = 0644, .mtime = 1000, .data = data });
}

static inline void link_to(struct scene *s, char type, const char *name, const char *target)
{
	tar_add(&s->tar,
		(struct tar_entry){
			.name = name, .type = type, .mode = 0777, .mtime = 1000, .link = target });
}

/* The stream in pieces of an odd size, so that headers lie across them. */
struct stream {
	const struct buf *data;
	size_t at;
};

static inline int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct stream *s = arg;
	size_t left = s->data->len - s->at;

	(void)err;
	if (!left)
		return 0;
	*ret_len = left < 777 ? left : 777;
	*ret_data = s->data->data + s->at;
	s->at += *ret_len;
	return 1;
}

static inline int unpack_within(struct scene *s, struct unpack_options options)
{
	struct stream stream = { .data = &s->tar };
	int result;

	tar_end(&s->tar);
	/* Whoever runs the tests may have no right to give files away. */
	options.single_id = true;
	result = unpack_tar(s->stage, next_piece, &stream, &options, &s->bytes, &s->err);
	CHECK(result < 0 || stream.at == s->tar.len);
	return result;
}

static inline bool unpacks(struct scene *s)
{
	int result = unpack_within(s, (struct unpack_options){ 0 });

	CHECK_STR(s->err.text, "");
	return result == 0;
}

static inline bool refuses(struct scene *s, const char *says)
{
	int result = unpack_within(s, (struct unpack_options){ 0 });

	CHECK(s->err.kind == ERR_CORRUPT);
	CHECK_STR(strstr(s->err.text, says) ? NULL : s->err.text, NULL);
	CHECK(!strchr(s->err.text, '\033'));
	return result < 0;
}

static inline mode_t mode_of(const struct scene *s, const char *path)
{
	struct stat st;

	return fstatat(s->stage, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode;
}

static inline bool holds(const struct scene *s, const char *path, const char *want)
{
	CLEAN(buf_done) struct buf text = { 0 };

	return file_read_at(s->stage, path, 1 << 20, &text, NULL) == 0 &&
	       streq(buf_str(&text), want);
}

#endif
