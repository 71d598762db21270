/*
 * Where the targets that unpack do so: a store in a throw-away directory, best on tmpfs, with a
 * canary beside it, in a user namespace of one ID where one can be had.
 *
 * What is unpacked is looked through: nothing in it may be what overlayfs would take for its own,
 * but what whiteouts make. A layer that unpacked is put into the store, and taken out of it again as
 * the stream that it was.
 */
#ifndef TESTS_FUZZ_LAYER_SCENE_H
#define TESTS_FUZZ_LAYER_SCENE_H

#include <fcntl.h>
#include <fts.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "image/hash.h"
#include "image/unpack.h"
#include "storage/layer.h"
#include "tests/fuzz/fuzz.h"

struct layer_scene {
	char path[64];
	struct store store;
	struct stat canary, around; /* a file; the directory that it and the store are in */
};

static inline void scene_write(const char *path, const char *text)
{
	CLEAN(clean_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	MUST(fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0);
}

/* Root of it, so that files may be given away: to nobody but ourselves. */
static inline void scene_become_root(void)
{
	CLEAN(clean_free) char *uid = xasprintf("0 %d 1", (int)geteuid());
	CLEAN(clean_free) char *gid = xasprintf("0 %d 1", (int)getegid());

	if (unshare(CLONE_NEWUSER) < 0)
		return;
	scene_write("/proc/self/setgroups", "deny");
	scene_write("/proc/self/gid_map", gid);
	scene_write("/proc/self/uid_map", uid);
}

static inline void scene_init(struct layer_scene *s)
{
	CLEAN(clean_free) char *canary = NULL;
	CLEAN(clean_free) char *root = NULL;

	*s = (struct layer_scene){ .store = STORE_INIT };
	scene_become_root();
	umask(0);
	fuzz_dir(s->path);
	canary = xasprintf("%s/canary", s->path);
	root = xasprintf("%s/store", s->path);
	scene_write(canary, "canary");
	MUST(stat(canary, &s->canary) == 0);
	MUST(store_open(root, &s->store, NULL) == 0);
	MUST(stat(s->path, &s->around) == 0);
}

static inline bool scene_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_nlink == b->st_nlink &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static inline void scene_check_canary(const struct layer_scene *s)
{
	CLEAN(clean_free) char *canary = xasprintf("%s/canary", s->path);
	struct stat st;

	MUST(stat(canary, &st) == 0 && scene_same(&st, &s->canary));
	MUST(stat(s->path, &st) == 0 && scene_same(&st, &s->around));
}

static inline void scene_check_xattrs(int fd)
{
	char names[65536], value[8];
	ssize_t n = flistxattr(fd, names, sizeof(names));

	for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		MUST(!starts_with(name, "trusted."));
		if (starts_with(name, "user.overlay."))
			MUST(streq(name, "user.overlay.opaque") &&
			     fgetxattr(fd, name, value, sizeof(value)) == 1 && *value == 'y');
	}
}

static inline void scene_check_entry(const FTSENT *e)
{
	const struct stat *st = e->fts_statp;
	CLEAN(clean_fd) int fd = -1;

	if (e->fts_info == FTS_NS || e->fts_info == FTS_ERR || e->fts_info == FTS_DP)
		return;
	MUST(!S_ISBLK(st->st_mode) && !S_ISSOCK(st->st_mode));
	MUST(!S_ISCHR(st->st_mode) || st->st_rdev == makedev(0, 0));
	MUST(S_ISDIR(st->st_mode) || !starts_with(e->fts_name, ".wh."));
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return;
	fd = open(e->fts_accpath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		scene_check_xattrs(fd);
}

static inline void scene_check_tree(int root)
{
	char link[FD_PATH_MAX];
	CLEAN(clean_free) char *path = xasprintf("%s/.", fd_path(root, link));
	char *const roots[] = { path, NULL };
	FTS *fts;

	fts = fts_open(roots, FTS_PHYSICAL, NULL);
	MUST(fts);
	for (FTSENT *e; (e = fts_read(fts));)
		if (e->fts_level > 0)
			scene_check_entry(e);
	fts_close(fts);
}

/* The stream in pieces of a size, each in memory of its own. */
struct scene_stream {
	const struct buf *tar;
	size_t at, piece;
	char *last;
};

static inline int scene_next(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct scene_stream *s = arg;
	const size_t left = s->tar->len - s->at, n = left < s->piece ? left : s->piece;

	(void)err;
	free(s->last);
	s->last = NULL;
	if (!n)
		return 0;
	s->last = xmalloc(n);
	memcpy(s->last, s->tar->data + s->at, n);
	s->at += n;
	*ret_data = s->last;
	*ret_len = n;
	return 1;
}

static inline int scene_collect(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	buf_add(arg, data, len);
	return 0;
}

static inline void scene_replay(const struct layer_scene *s, const char *diff_id,
				const struct buf *tar)
{
	CLEAN(buf_done) struct buf got = { 0 };
	struct err err = { 0 };
	int64_t size = 0;

	MUST(skeleton_size(&s->store, diff_id, &size, &err) == 0 && size == (int64_t)tar->len);
	/* An archive that has a file twice does not come back, and that is said. */
	if (skeleton_replay(&s->store, diff_id, scene_collect, &got, &err) < 0)
		MUST(err.kind == ERR_CORRUPT || err.kind == ERR_NOT_FOUND ||
		     err.kind == ERR_SYSTEM || err.kind == ERR_DENIED);
	else
		MUST(got.len == tar->len && memcmp(buf_str(&got), buf_str(tar), got.len) == 0);
}

static inline void scene_unpack(struct layer_scene *s, const struct buf *tar, size_t piece,
				bool single_id)
{
	const struct unpack_options bounds = {
		.single_id = single_id || geteuid() != 0,
		.max_bytes = 16 << 20,
		.max_entries = 5000,
	};
	CLEAN(clean_skeleton) struct skeleton *skeleton = NULL;
	struct layer_stage stage = LAYER_STAGE_INIT;
	struct scene_stream stream = { .tar = tar, .piece = piece };
	struct unpack_options options = bounds;
	struct layer_info info = { .digest = "sha256:" };
	char diff_id[DIGEST_SIZE];
	struct err err = { 0 };

	s->store.single_id = options.single_id;
	digest_of(buf_str(tar), tar->len, diff_id);
	MUST(layer_stage_new(&s->store, &stage, &err) == 0);
	MUST(skeleton_new(stage.dir, &skeleton, &err) == 0);
	options.skeleton = skeleton;
	if (unpack_tar(stage.fs, scene_next, &stream, &options, &info.diff_size, &err) < 0) {
		MUST(err.kind && *err.text);
	} else {
		MUST(stream.at == tar->len && info.diff_size <= options.max_bytes);
		scene_check_tree(stage.fs);
		MUST(skeleton_finish(skeleton, &err) == 0);
		MUST(layer_stage_commit(&s->store, &stage, diff_id, &info, &err) == 0);
		scene_replay(s, diff_id, tar);
		MUST(layer_remove(&s->store, diff_id, &err) == 0);
		store_sweep(&s->store, NULL, NULL);
	}
	free(stream.last);
	layer_stage_done(&s->store, &stage);
	scene_check_canary(s);
}

#endif
