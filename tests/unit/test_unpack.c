/* Unpacking: what becomes of the entries of a layer, and where they can't get to. */
#include <sys/xattr.h>

#include "base/owner.h"
#include "tests/unit/unpack_scene.h"

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
	tar_add(&s.tar, (struct tar_entry){ .name = "fifo", .type = '6', .mode = 06600 });
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
					     "..", "\033[2J/../x" };

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

TEST(unpack_refuses_symlinks_to_nothing)
{
	SCENE(s);

	link_to(&s, '2', "empty", "");
	CHECK(refuses(&s, "'empty' is a symlink to nothing"));
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
	RUN(unpack_refuses_symlinks_to_nothing);
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
	RUN(unpack_is_linear_in_opaque_markers);
	return test_summary();
}
