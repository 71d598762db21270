#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/owner.h"
#include "base/str.h"
#include "image/unpack.h"
#include "tests/unit/tar_writer.h"
#include "tests/unit/test.h"

/* Unpacking. Each test has a directory of its own: stage/ to unpack into, canary/ beside it. */

struct scene {
	char path[64];
	int dir, stage;
	struct buf tar;
	struct stat canary, secret;
	struct err err;
	int64_t bytes;
};

static void scene_init(struct scene *s)
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

static bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid && a->st_size == b->st_size && a->st_nlink == b->st_nlink &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

static void clean_scene(struct scene *s)
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

static void dir(struct scene *s, const char *name, unsigned int mode)
{
	tar_add(&s->tar,
		(struct tar_entry){ .name = name, .type = '5', .mode = mode, .mtime = 1000 });
}

static void file(struct scene *s, const char *name, const char *data)
{
	tar_add(&s->tar,
		(struct tar_entry){
			.name = name, .type = '0', .mode = 0644, .mtime = 1000, .data = data });
}

static void link_to(struct scene *s, char type, const char *name, const char *target)
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

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
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

static int unpack_within(struct scene *s, struct unpack_options options)
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

static bool unpacks(struct scene *s)
{
	int result = unpack_within(s, (struct unpack_options){ 0 });

	CHECK_STR(s->err.text, "");
	return result == 0;
}

static bool refuses(struct scene *s, const char *says)
{
	int result = unpack_within(s, (struct unpack_options){ 0 });

	CHECK(s->err.kind == ERR_CORRUPT);
	CHECK_STR(strstr(s->err.text, says) ? NULL : s->err.text, NULL);
	return result < 0;
}

static mode_t mode_of(const struct scene *s, const char *path)
{
	struct stat st;

	return fstatat(s->stage, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode;
}

static bool holds(const struct scene *s, const char *path, const char *want)
{
	CLEAN(buf_done) struct buf text = { 0 };

	return file_read_at(s->stage, path, 1 << 20, &text, NULL) == 0 &&
	       streq(buf_str(&text), want);
}

static bool is_opaque(const struct scene *s, const char *path)
{
	CLEAN(clean_fd) int fd = openat(s->stage, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value[4] = "";

	return fgetxattr(fd, "user.overlay.opaque", value, sizeof(value)) == 1 && *value == 'y';
}

/* 0:0, which is what overlayfs takes for a whiteout. */
static bool is_whiteout(const struct scene *s, const char *path)
{
	struct stat st;

	return fstatat(s->stage, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

TEST(unpack_restores_files_modes_times_and_links)
{
	SCENE(s);
	struct stat st = { 0 }, linked = { 0 };
	char target[16] = "";

	dir(&s, "./", 0711);
	dir(&s, "./d/", 02750);
	file(&s, "./d/f", "content");
	tar_add(&s.tar,
		(struct tar_entry){ .name = "d/suid", .type = '0', .mode = 06755, .data = "x" });
	link_to(&s, '1', "hard", "d/f");
	link_to(&s, '2', "soft", "/etc/passwd");
	tar_add(&s.tar, (struct tar_entry){ .name = "fifo", .type = '6', .mode = 0600 });
	dir(&s, "readonly", 0555);
	if (geteuid() == 0) /* as it is in the namespace */
		file(&s, "readonly/f", "r");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "d/f", "content"));
	CHECK(mode_of(&s, ".") == (S_IFDIR | 0711));
	CHECK(mode_of(&s, "d") == (S_IFDIR | 02750));
	CHECK(mode_of(&s, "d/suid") == (S_IFREG | 06755));
	CHECK(mode_of(&s, "fifo") == (S_IFIFO | 0600));
	CHECK(mode_of(&s, "readonly") == (S_IFDIR | 0555));
	CHECK(readlinkat(s.stage, "soft", target, sizeof(target)) == 11);
	CHECK_STR(target, "/etc/passwd");
	CHECK(fstatat(s.stage, "d/f", &st, 0) == 0 && fstatat(s.stage, "hard", &linked, 0) == 0);
	CHECK(st.st_ino == linked.st_ino && st.st_mtime == 1000);
	CHECK(fstatat(s.stage, "d", &st, 0) == 0 && st.st_mtime == 1000);
	CHECK(s.bytes == (geteuid() == 0 ? 9 : 8));
}

TEST(unpack_sets_times_of_directories_after_their_content)
{
	SCENE(s);
	struct stat st = { 0 };

	dir(&s, "a", 0755);
	dir(&s, "a/b", 0755);
	file(&s, "a/b/1", "1");
	dir(&s, "c", 0755);
	file(&s, "a/2", "2");
	file(&s, "a/b/3", "3");
	CHECK(unpacks(&s));
	CHECK(fstatat(s.stage, "a", &st, 0) == 0 && st.st_mtime == 1000);
	CHECK(fstatat(s.stage, "a/b", &st, 0) == 0 && st.st_mtime == 1000);
	CHECK(fstatat(s.stage, "c", &st, 0) == 0 && st.st_mtime == 1000);
}

TEST(unpack_goes_deep_and_comes_back)
{
	SCENE(s);
	CLEAN(buf_done) struct buf path = { 0 };

	for (int i = 0; i < 40; i++) {
		if (i)
			buf_adds(&path, "/");
		buf_addf(&path, "%x", i);
		dir(&s, path.data, 0755);
	}
	file(&s, "0/f", "f");
	buf_adds(&path, "/g");
	tar_pax(&s.tar, "path", path.data);
	file(&s, "short", "g");
	CHECK(unpacks(&s));
	CHECK(holds(&s, path.data, "g") && holds(&s, "0/f", "f"));
}

TEST(unpack_refuses_dotdot)
{
	static const char *const names[] = { "../canary/x", "a/../../canary/x", "a/..", "/../x",
					     ".." };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		SCENE(s);

		file(&s, names[i], "x");
		CHECK(refuses(&s, "leads out of the layer"));
	}
}

TEST(unpack_takes_absolute_names_as_relative)
{
	SCENE(s);

	file(&s, "/etc/x", "x");
	file(&s, "//./etc//y", "y");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "etc/x", "x") && holds(&s, "etc/y", "y"));
}

TEST(unpack_stays_beneath_through_symlinked_parents)
{
	SCENE(s);
	CLEAN(clean_free) char *canary = xasprintf("%s/canary", s.path);

	link_to(&s, '2', "abs", canary);
	link_to(&s, '2', "up", "../canary");
	link_to(&s, '2', "loop", "loop");
	dir(&s, "d", 0755);
	link_to(&s, '2', "in", "d");
	file(&s, "in/f", "in");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "d/f", "in"));

	/* Where they lead out, they lead to what would be there after a chroot: nothing. */
	static const char *const names[] = { "abs/secret", "up/secret", "loop/x" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		SCENE(t);

		link_to(&t, '2', "abs", canary);
		link_to(&t, '2', "up", "../canary");
		link_to(&t, '2', "loop", "loop");
		file(&t, names[i], "pwned");
		CHECK(refuses(&t, "is not a directory, yet has entries"));
	}
}

TEST(unpack_replaces_symlinks_and_does_not_follow_them)
{
	SCENE(s);

	link_to(&s, '2', "f", "../canary/secret");
	file(&s, "f", "mine");
	link_to(&s, '2', "d", "../canary");
	dir(&s, "d", 0777);
	link_to(&s, '2', "p", "../canary/secret");
	tar_add(&s.tar, (struct tar_entry){ .name = "p", .type = '6', .mode = 0666 });
	link_to(&s, '2', "l", "../canary/secret");
	link_to(&s, '2', "l", "elsewhere");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "f", "mine"));
	CHECK(mode_of(&s, "d") == (S_IFDIR | 0777));
	CHECK(S_ISFIFO(mode_of(&s, "p")) && S_ISLNK(mode_of(&s, "l")));
}

TEST(unpack_refuses_hardlinks_to_what_is_not_in_the_layer)
{
	static const struct {
		const char *target, *says;
	} links[] = {
		{ "../canary/secret", "leads out" },
		{ "/etc/passwd", "not in the layer" },
		{ "nowhere", "not in the layer" },
		{ "up/secret", "not in the layer" },
		{ "up", NULL },
		{ "gone", "not in the layer" },
		{ "d", "is a directory" },
		{ ".", "to the root" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		SCENE(s);

		dir(&s, "d", 0755);
		link_to(&s, '2', "up", "../canary");
		file(&s, ".wh.gone", "");
		link_to(&s, '1', "x", links[i].target);
		if (links[i].says)
			CHECK(refuses(&s, links[i].says));
		else
			CHECK(unpacks(&s) && S_ISLNK(mode_of(&s, "x")));
	}
}

TEST(unpack_does_not_write_through_a_hardlink_to_a_symlink)
{
	SCENE(s);

	link_to(&s, '2', "sym", "../canary/secret");
	link_to(&s, '1', "hard", "sym");
	tar_add(&s.tar,
		(struct tar_entry){ .name = "hard", .type = '0', .mode = 0777, .data = "pwned" });
	link_to(&s, '1', "hard", "hard");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "hard", "pwned"));
	CHECK(S_ISLNK(mode_of(&s, "sym")));
}

TEST(unpack_replaces_entries_of_other_kinds)
{
	SCENE(s);

	dir(&s, "d", 0755);
	dir(&s, "d/sub", 0755);
	file(&s, "d/sub/f", "old");
	file(&s, "d", "now a file");
	file(&s, "f", "old");
	dir(&s, "f", 0700);
	file(&s, "f/x", "new");
	file(&s, "twice", "a longer first");
	file(&s, "twice", "second");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "d", "now a file") && holds(&s, "f/x", "new") &&
	      holds(&s, "twice", "second"));
}

TEST(unpack_refuses_to_replace_the_root)
{
	static const struct tar_entry roots[] = {
		{ .name = "./", .type = '2', .link = "../canary" },
		{ .name = "/.", .type = '0', .data = "x" },
		{ .name = "/", .type = '6' },
		{ .name = ".", .type = '1', .link = "f" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		SCENE(s);

		file(&s, "f", "f");
		tar_add(&s.tar, roots[i]);
		/* libarchive takes what ends in a slash for a directory, whatever its type. */
		if (mode_of(&s, ".") && unpack_within(&s, (struct unpack_options){ 0 }) == 0)
			CHECK(S_ISDIR(mode_of(&s, ".")));
		else
			CHECK(s.err.kind == ERR_CORRUPT);
	}
}

TEST(unpack_refuses_files_as_parents)
{
	SCENE(s);

	file(&s, "f", "f");
	file(&s, "f/x", "x");
	CHECK(refuses(&s, "'f' is not a directory, yet has entries"));
}

TEST(unpack_makes_whiteouts_as_overlayfs_wants_them)
{
	SCENE(s);

	file(&s, "d/.wh.gone", "");
	file(&s, "o/.wh..wh..opq", "");
	file(&s, "o/after", "");
	file(&s, "p/before", "");
	file(&s, "p/.wh..wh..opq", "");
	file(&s, ".wh.x.wh.", "");
	CHECK(unpacks(&s));
	CHECK(is_whiteout(&s, "d/gone") && is_whiteout(&s, "x.wh."));
	CHECK(is_opaque(&s, "o") && is_opaque(&s, "p") && !is_opaque(&s, "d"));
	CHECK(!mode_of(&s, "d/.wh.gone") && !mode_of(&s, "o/.wh..wh..opq"));
}

TEST(unpack_hides_only_what_is_below_with_a_whiteout)
{
	SCENE(s);

	file(&s, "kept", "k");
	file(&s, ".wh.kept", "");
	dir(&s, "anew", 0755);
	file(&s, "anew/x", "x");
	file(&s, ".wh.anew", "");
	file(&s, ".wh.first", "");
	dir(&s, "first", 0755);
	file(&s, ".wh.implied", "");
	file(&s, "implied/x", "x");
	file(&s, ".wh.file", "");
	file(&s, "file", "f");
	CHECK(unpacks(&s));
	CHECK(holds(&s, "kept", "k") && holds(&s, "anew/x", "x") && holds(&s, "file", "f"));
	CHECK(is_opaque(&s, "anew") && is_opaque(&s, "first") && is_opaque(&s, "implied"));
}

TEST(unpack_refuses_whiteouts_of_nothing)
{
	static const char *const names[] = { ".wh.", "a/.wh.", ".wh..", ".wh...", "a/.wh..." };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		SCENE(s);

		file(&s, names[i], "");
		CHECK(refuses(&s, "is not a valid whiteout"));
	}
}

TEST(unpack_keeps_ordinary_names_and_skips_those_of_aufs)
{
	SCENE(s);

	dir(&s, ".wh.x", 0755);
	file(&s, ".wh.x/file", "ordinary");
	dir(&s, ".wh..wh.plnk", 0700);
	file(&s, ".wh..wh.plnk/123", "aufs");
	file(&s, ".wh..wh.aufs", "");
	CHECK(unpacks(&s));
	CHECK(holds(&s, ".wh.x/file", "ordinary"));
	CHECK(!mode_of(&s, ".wh..wh.plnk") && !mode_of(&s, ".wh..wh.aufs") && !mode_of(&s, "x"));
}

TEST(unpack_leaves_devices_and_sockets_out)
{
	SCENE(s);

	for (int type = '3'; type <= '4'; type++) {
		char name[] = { (char)type, '\0' };

		tar_add(&s.tar, (struct tar_entry){ .name = name,
						    .type = (char)type,
						    .mode = 0666,
						    .major = 1,
						    .minor = 3 });
	}
	tar_add(&s.tar, (struct tar_entry){ .name = "zero", .type = '3', .mode = 0666 });
	CHECK(unpacks(&s));
	CHECK(!mode_of(&s, "3") && !mode_of(&s, "4") && !mode_of(&s, "zero"));
}

/* And what would say whose a file is, in a store of one ID. */
TEST(unpack_drops_the_attributes_of_overlayfs)
{
	static const char *const dropped[] = {
		"user.overlay.opaque",	 "user.overlay.redirect",  "user.overlay.metacopy",
		"user.overlay.whiteout", "trusted.overlay.opaque", "security.selinux",
		OWNER_XATTR,
	};
	SCENE(s);
	char value[8] = "";

	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		CLEAN(clean_free) char *key = xasprintf("SCHILY.xattr.%s", dropped[i]);

		tar_pax(&s.tar, key, "y");
		dir(&s, dropped[i], 0755);
	}
	tar_pax(&s.tar, "SCHILY.xattr.user.kept", "value");
	file(&s, "f", "f");
	CHECK(unpacks(&s));
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		CLEAN(clean_fd) int fd = openat(s.stage, dropped[i], O_RDONLY | O_CLOEXEC);

		CHECK(fd >= 0 && fgetxattr(fd, dropped[i], value, sizeof(value)) < 0);
	}
	CLEAN(clean_fd) int fd = openat(s.stage, "f", O_RDONLY | O_CLOEXEC);

	CHECK(fgetxattr(fd, "user.kept", value, sizeof(value)) == 5);
}

TEST(unpack_keeps_names_that_are_any_bytes)
{
	static const char *const names[] = {
		"new\nline", "latin1-\xe9", "nfd-e\xcc\x81", "nfc-\xc3\xa9", "\033[2J", "tail ",
	};
	SCENE(s);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEAN(clean_free) char *pax = xasprintf("pax-%s", names[i]);

		file(&s, names[i], "x");
		tar_pax(&s.tar, "path", pax);
		file(&s, "short", "x");
	}
	CHECK(unpacks(&s));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEAN(clean_free) char *pax = xasprintf("pax-%s", names[i]);

		CHECK(mode_of(&s, names[i]) && mode_of(&s, pax));
	}
}

TEST(unpack_bounds_the_length_of_names)
{
	CLEAN(clean_free) char *just = xasprintf("%0255d", 0), *over = xasprintf("%0256d", 0);
	CLEAN(buf_done) struct buf path = { 0 };
	SCENE(s);
	SCENE(t);
	SCENE(u);

	tar_pax(&s.tar, "path", just);
	file(&s, "short", "x");
	CHECK(unpacks(&s) && mode_of(&s, just));
	tar_pax(&t.tar, "path", over);
	file(&t, "short", "x");
	CHECK(unpack_within(&t, (struct unpack_options){ 0 }) < 0);
	CHECK(strstr(t.err.text, "File name too long"));
	while (path.len < 4096)
		buf_adds(&path, "a/");
	tar_pax(&u.tar, "path", path.data);
	file(&u, "short", "x");
	CHECK(refuses(&u, "more than 4095 bytes"));
}

TEST(unpack_refuses_owners_beyond_32_bits)
{
	static const int64_t ids[] = { UINT32_MAX, INT64_C(1) << 32, (INT64_C(1) << 32) + 5, -1 };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		SCENE(s);
		struct stream stream = { .data = &s.tar };
		const struct unpack_options options = { 0 };

		/* Owners are given away here: by root, or not at all. */
		tar_add(&s.tar,
			(struct tar_entry){ .name = "f", .type = '0', .uid = ids[i], .data = "x" });
		tar_end(&s.tar);
		if (geteuid() != 0)
			continue;
		CHECK(unpack_tar(s.stage, next_piece, &stream, &options, &s.bytes, &s.err) < 0 ||
		      ids[i] < 0);
		if (s.err.kind)
			CHECK(strstr(s.err.text, "'f' belongs to") && *s.err.hint);
	}
}

TEST(unpack_keeps_to_its_limits)
{
	SCENE(s);
	SCENE(t);
	SCENE(u);
	SCENE(v);

	file(&s, "a", "12345");
	file(&s, "b", "67890");
	CHECK(unpack_within(&s, (struct unpack_options){ .max_bytes = 9 }) < 0);
	CHECK(s.err.kind == ERR_CORRUPT && strstr(s.err.text, "larger than any may be"));
	file(&t, "a", "1");
	file(&t, "b", "2");
	CHECK(unpack_within(&t, (struct unpack_options){ .max_entries = 1 }) < 0);
	CHECK(t.err.kind == ERR_CORRUPT && strstr(t.err.text, "more than 1 entries"));
	file(&v, "a/b/c/d/e", "five of them");
	CHECK(unpack_within(&v, (struct unpack_options){ .max_entries = 4 }) < 0);
	tar_add(&u.tar,
		(struct tar_entry){ .name = "huge", .type = '0', .size = INT64_C(1) << 50 });
	CHECK(refuses(&u, "larger than any may be"));
}

TEST(unpack_bounds_what_follows_the_archive)
{
	SCENE(s);

	file(&s, "f", "f");
	tar_end(&s.tar);
	for (int i = 0; i < 1000; i++)
		buf_addf(&s.tar, "garbage %d", i);
	CHECK(unpack_within(&s, (struct unpack_options){ .max_bytes = 100, .max_entries = 1 }) < 0);
	CHECK(s.err.kind == ERR_CORRUPT && strstr(s.err.text, "a larger archive than any"));
}

/* GNU tar's format 0.1 of sparse files: where what is not a hole lies. */
TEST(unpack_keeps_sparse_files_within_their_size)
{
	static const struct {
		const char *map, *data;
	} sparse[] = {
		{ "1000,5,2000,0", "right" },
		{ "1996,5,2001,0", "wrong" },
		{ "9000,5,9005,0", "wrong" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sparse); i++) {
		CLEAN(buf_done) struct buf records = { 0 };
		SCENE(s);
		struct stat st = { 0 };
		int result;

		tar_record(&records, "GNU.sparse.size", "2000");
		tar_record(&records, "GNU.sparse.numblocks", "2");
		tar_record(&records, "GNU.sparse.map", sparse[i].map);
		tar_pax_of(&s.tar, &records);
		file(&s, "f", sparse[i].data);
		result = unpack_within(&s, (struct unpack_options){ 0 });
		fstatat(s.stage, "f", &st, AT_SYMLINK_NOFOLLOW);
		CHECK(st.st_size <= 2000);
		CHECK(i ? result < 0 && s.err.kind == ERR_CORRUPT : result == 0 && st.st_size == 2000);
	}
}

TEST(unpack_refuses_damaged_archives)
{
	SCENE(s);
	SCENE(t);

	file(&s, "f", "x");
	s.tar.data[20] ^= 1; /* the name, and so the checksum */
	CHECK(refuses(&s, "not a valid tar archive"));
	tar_add(&t.tar,
		(struct tar_entry){ .name = "cut", .type = '0', .size = 100000, .data = "x" });
	CHECK(refuses(&t, "not a valid tar archive"));
}

TEST(unpack_reads_what_follows_the_archive)
{
	SCENE(s);

	file(&s, "f", "f");
	tar_end(&s.tar);
	for (int i = 0; i < 1000; i++)
		buf_addf(&s.tar, "garbage %d", i);
	CHECK(unpacks(&s));
	CHECK(holds(&s, "f", "f"));
}

TEST(unpack_takes_an_empty_stream_for_an_empty_layer)
{
	SCENE(s);
	struct stream stream = { .data = &s.tar };
	const struct unpack_options options = { .single_id = true };

	CHECK(unpack_tar(s.stage, next_piece, &stream, &options, &s.bytes, &s.err) == 0);
	CHECK(s.bytes == 0);
}

/* As umoci's insert leaves it: complete but for what is there for the blocks' sake. */
TEST(unpack_takes_an_archive_that_was_not_closed)
{
	for (size_t len = TAR_BLOCK; len <= 2 * (size_t)TAR_BLOCK; len++) {
		const struct unpack_options options = { .single_id = true };
		SCENE(s);
		struct stream stream = { .data = &s.tar };
		int result;

		file(&s, "f", "six by");
		s.tar.len = len;
		result = unpack_tar(s.stage, next_piece, &stream, &options, &s.bytes, &s.err);
		if (len < TAR_BLOCK + 6)
			CHECK(result < 0 && s.err.kind == ERR_CORRUPT);
		else
			CHECK(result == 0 && holds(&s, "f", "six by"));
	}
}

TEST(unpack_makes_parents_of_any_depth)
{
	CLEAN(buf_done) struct buf path = { 0 };
	SCENE(s);

	for (int i = 0; i < 3; i++) {
		path.len = 0;
		buf_addf(&path, "%d", i);
		while (path.len < 4000)
			buf_adds(&path, "/a");
		tar_pax(&s.tar, "path", path.data);
		file(&s, "short", "x");
	}
	CHECK(unpacks(&s));
	CHECK(holds(&s, path.data, "x"));
}

TEST(unpack_is_linear_in_opaque_markers)
{
	SCENE(s);

	for (int i = 0; i < 20000; i++)
		file(&s, "d/.wh..wh..opq", "");
	CHECK(unpacks(&s));
	CHECK(is_opaque(&s, "d"));
}

int main(void)
{
	RUN(unpack_restores_files_modes_times_and_links);
	RUN(unpack_sets_times_of_directories_after_their_content);
	RUN(unpack_goes_deep_and_comes_back);
	RUN(unpack_refuses_dotdot);
	RUN(unpack_takes_absolute_names_as_relative);
	RUN(unpack_stays_beneath_through_symlinked_parents);
	RUN(unpack_replaces_symlinks_and_does_not_follow_them);
	RUN(unpack_refuses_hardlinks_to_what_is_not_in_the_layer);
	RUN(unpack_does_not_write_through_a_hardlink_to_a_symlink);
	RUN(unpack_replaces_entries_of_other_kinds);
	RUN(unpack_refuses_to_replace_the_root);
	RUN(unpack_refuses_files_as_parents);
	RUN(unpack_makes_whiteouts_as_overlayfs_wants_them);
	RUN(unpack_hides_only_what_is_below_with_a_whiteout);
	RUN(unpack_refuses_whiteouts_of_nothing);
	RUN(unpack_keeps_ordinary_names_and_skips_those_of_aufs);
	RUN(unpack_leaves_devices_and_sockets_out);
	RUN(unpack_drops_the_attributes_of_overlayfs);
	RUN(unpack_keeps_names_that_are_any_bytes);
	RUN(unpack_bounds_the_length_of_names);
	RUN(unpack_refuses_owners_beyond_32_bits);
	RUN(unpack_keeps_to_its_limits);
	RUN(unpack_bounds_what_follows_the_archive);
	RUN(unpack_keeps_sparse_files_within_their_size);
	RUN(unpack_refuses_damaged_archives);
	RUN(unpack_reads_what_follows_the_archive);
	RUN(unpack_takes_an_empty_stream_for_an_empty_layer);
	RUN(unpack_takes_an_archive_that_was_not_closed);
	RUN(unpack_makes_parents_of_any_depth);
	RUN(unpack_is_linear_in_opaque_markers);
	return test_summary();
}
