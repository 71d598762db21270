/* storage: layers seen as one tree, and what a container has otherwise than they. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "storage/change.h"
#include "storage/layer.h"
#include "storage/rootfs.h"
#include "storage/stack.h"

#define LOW  "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define HIGH "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static char work_path[4096];
static struct store store = STORE_INIT;
static struct strv layers;

/*
 * Makes what the lines say, of which one before them is NULL, beneath a directory: "d PATH", "f PATH TEXT", "l PATH TARGET" (a symlink),
 * "w PATH" (a whiteout of overlayfs), "o PATH" (and its opaque directory).
 */
static void make(int root, const char *const *lines)
{
	static const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000 } };

	for (; *lines; lines++) {
		CLEAN(clean_free) char *path = xstrdup(*lines + 2);
		char *text = strchr(path, ' ');
		CLEAN(clean_fd) int fd = -1;

		if (text)
			*text++ = '\0';
		switch (**lines) {
		case 'd':
			CHECK(mkdirat(root, path, 0755) == 0);
			break;
		case 'f':
			fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			CHECK(fd >= 0 && (!text || write_all(fd, text, strlen(text), NULL) == 0));
			break;
		case 'l':
			CHECK(symlinkat(text, root, path) == 0);
			break;
		case 'w':
			CHECK(mknodat(root, path, S_IFCHR, makedev(0, 0)) == 0);
			break;
		default:
			fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			CHECK(fd >= 0 && fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0);
		}
	}
	/* Of one time, so that times tell nothing. */
	while (*--lines) {
		CLEAN(clean_free) char *path = xstrndup(*lines + 2, strcspn(*lines + 2, " "));

		CHECK(utimensat(root, path, times, AT_SYMLINK_NOFOLLOW) == 0);
	}
}
#define MAKE(root, ...) make(root, &(const char *const[]){ NULL, __VA_ARGS__, NULL }[1])

static int tree_new(const char *name)
{
	CLEAN(clean_free) char *path = xasprintf("%s/%s", work_path, name);
	int fd;

	CHECK(mkdir(path, 0755) == 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static int layer_new(const char *diff_id)
{
	CLEAN(clean_free) char *path = xasprintf("%s/fs", diff_id + 7);

	CHECK(mkdirat(store.layers, diff_id + 7, 0755) == 0 && mkdirat(store.layers, path, 0755) == 0);
	return openat(store.layers, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int note(void *arg, const struct change *c, struct err *err)
{
	struct stat st;

	(void)err;
	buf_addf(arg, "%c %s\n", c->kind, c->path);
	CHECK((c->kind == CHANGE_DELETED) == (c->dir < 0));
	if (c->dir >= 0)
		CHECK(fstatat(c->dir, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == c->st.st_ino);
	return 0;
}

static void check_upper(int upper, const char *want)
{
	CLEAN(stack_done) struct stack below = { 0 };
	CLEAN(buf_done) struct buf got = { 0 };

	CHECK(stack_add_layers(&below, &store, &layers, layers.n, NULL) == 0);
	CHECK(changes_of_layer(upper, &below, note, &got, NULL) == 0);
	CHECK_STR(buf_str(&got), want);
}

/* By the driver's own function. */
static void check_copy(const char *want)
{
	const struct rootfs r = { .store = &store, .layers = &layers, .container = "c" };
	CLEAN(buf_done) struct buf got = { 0 };

	CHECK(rootfs_copy.changes(&r, note, &got, NULL) == 0);
	CHECK_STR(buf_str(&got), want);
}

static void add_names(const struct stack *s, const char *path, struct buf *ret)
{
	CLEAN(strv_done) struct strv names = { 0 };

	CHECK(stack_list(s, &names, NULL) == 0);
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free) char *deeper = xasprintf("%s%s/", path, names.v[i]);
		CLEAN(stack_done) struct stack in = { 0 };
		struct stat st;
		size_t part;

		buf_addf(ret, "%s%s\n", path, names.v[i]);
		CHECK(stack_find(s, names.v[i], &part, &st));
		if (S_ISDIR(st.st_mode) && stack_enter(s, names.v[i], &in, NULL) == 0)
			add_names(&in, deeper, ret);
	}
}

static void check_stack(const char *want)
{
	CLEAN(stack_done) struct stack s = { 0 };
	CLEAN(buf_done) struct buf got = { 0 };

	CHECK(stack_add_layers(&s, &store, &layers, layers.n, NULL) == 0);
	add_names(&s, "", &got);
	CHECK_STR(buf_str(&got), want);
}

/* Two layers, in a store of their own. */
static void stack(const char *const *low, const char *const *high)
{
	CLEAN(clean_fd) int lower = layer_new(LOW);
	CLEAN(clean_fd) int upper = layer_new(HIGH);

	make(lower, low);
	make(upper, high);
}
#define LINES(...) &(const char *const[]){ NULL, __VA_ARGS__, NULL }[1]

static void unstack(void)
{
	tree_remove_at(store.layers, LOW + 7, NULL);
	tree_remove_at(store.layers, HIGH + 7, NULL);
}

TEST(layers_hide_what_is_below_them)
{
	static const char want[] = "both\nboth/high\nboth/low\nfile\nnew\nnew/own\nturned\n";

	stack(LINES("d both", "f both/low", "f gone", "d new", "f new/old", "d turned", "f turned/in"),
	      LINES("d both", "f both/high", "w gone", "d new", "f new/own", "o new", "f turned",
		    "f file"));
	check_stack(want);
	unstack();
}

TEST(the_marks_of_archives_hide_as_well)
{
	stack(LINES("d both", "f both/low", "f gone", "d new", "f new/old", "d again", "f again/old",
		    "d .wh.dir"),
	      LINES("f .wh.gone", "d new", "f new/own", "f new/.wh..wh..opq", "d again", "f .wh.again",
		    "f again/new"));
	check_stack(".wh.dir\nagain\nagain/new\nboth\nboth/low\nnew\nnew/own\n");
	unstack();
}

TEST(marks_mean_nothing_where_there_are_whiteouts)
{
	CHECK(symlinkat("overlay", store.fd, "driver") == 0);
	stack(LINES("d both", "f file"), LINES("d both", "f both/.wh..wh..opq", "f .wh.file"));
	check_stack(".wh.file\nboth\nboth/.wh..wh..opq\nfile\n");
	unstack();
	unlinkat(store.fd, "driver", 0);
}

TEST(what_overlayfs_wrote_is_told_of)
{
	CLEAN(clean_fd) int upper = tree_new("upper");

	stack(LINES("d etc", "f etc/a 1", "f etc/b 1", "d var", "d var/old", "f var/old/x", "f var/kept"),
	      LINES("d etc", "f etc/c 1", "f link"));
	MAKE(upper, "d etc", "f etc/a 2", "w etc/b", "f etc/new", "d var", "o var", "f var/kept", "d top",
	     "f top/in", "w nothing", "w link", "f .wh.own");
	check_upper(upper, "A .wh.own\nC etc\nC etc/a\nD etc/b\nA etc/new\nD link\nA top\nA top/in\nC var\n"
			   "D var/old\nC var/kept\n");
	unstack();
}

/* The container's own. */
static int copy_new(void)
{
	tree_remove_at(store.containers, "c", NULL);
	CHECK(mkdirat(store.containers, "c", 0700) == 0 && mkdirat(store.containers, "c/root", 0755) == 0);
	return openat(store.containers, "c/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

TEST(a_copy_is_compared)
{
	CLEAN(clean_fd) int copy = copy_new();

	stack(LINES("d etc", "d etc/deep", "f etc/deep/a 1", "f etc/b 1", "d gone", "f gone/x", "d same",
		    "f same/x 1", "f turned"),
	      LINES("l link there", "f late 1"));
	MAKE(copy, "d etc", "d etc/deep", "f etc/deep/a 12", "d same", "f same/x 1", "d turned", "f turned/in",
	     "l link elsewhere", "f late 1", "d proc", "f .wh.same");
	check_copy("A .wh.same\nC etc\nD etc/b\nC etc/deep\nC etc/deep/a\nD gone\nC link\nA proc\nC turned\n"
		   "A turned/in\n");
	unstack();
}

TEST(attributes_are_changes_of_a_copy)
{
	CLEAN(clean_fd) int copy = copy_new();
	CLEAN(clean_fd) int fd = -1;

	stack(LINES("f mode", "f attribute", "f same"), LINES("f time"));
	MAKE(copy, "f mode", "f attribute", "f same", "f time");
	check_copy("");
	CHECK(fchmodat(copy, "mode", 0600, 0) == 0);
	CHECK(utimensat(copy, "time", NULL, 0) == 0);
	fd = openat(copy, "attribute", O_RDONLY | O_CLOEXEC);
	CHECK(fsetxattr(fd, "user.x", "y", 1, 0) == 0);
	check_copy("C attribute\nC mode\nC time\n");
	unstack();
}

TEST(places_for_mounts_are_nobodys_change)
{
	CLEAN(clean_fd) int copy = copy_new();
	CLEAN(clean_fd) int base = openat(store.fd, "base", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	stack(LINES("f a"), LINES("f b"));
	MAKE(base, "d proc", "d etc", "f etc/hosts");
	MAKE(copy, "f a", "f b", "d proc", "d etc", "f etc/hosts");
	check_copy("");
	MAKE(copy, "f etc/own");
	check_copy("C etc\nA etc/own\n");
	unstack();
}

int main(void)
{
	struct err err = { 0 };
	CLEAN(clean_free) char *path = NULL;

	snprintf(work_path, sizeof(work_path), "%s/test_change.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	if (!mkdtemp(work_path))
		return 1;
	path = xasprintf("%s/store", work_path);
	if (store_open(path, &store, &err) < 0 || mkdirat(store.fd, "base", 0755) < 0) {
		printf("not ok - %s\n", err.text);
		return 1;
	}
	strv_add(&layers, LOW);
	strv_add(&layers, HIGH);
	RUN(layers_hide_what_is_below_them);
	RUN(the_marks_of_archives_hide_as_well);
	RUN(marks_mean_nothing_where_there_are_whiteouts);
	RUN(what_overlayfs_wrote_is_told_of);
	RUN(a_copy_is_compared);
	RUN(attributes_are_changes_of_a_copy);
	RUN(places_for_mounts_are_nobodys_change);
	strv_done(&layers);
	store_done(&store);
	tree_remove_at(AT_FDCWD, work_path, NULL);
	return test_summary();
}
