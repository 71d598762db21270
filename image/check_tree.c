/*
 * Theory of operation
 *
 * The layer's stream is rebuilt in one thread (image/replay.c) and read in another by what reads it
 * when it is unpacked. Each entry is looked up where unpacking would have put it. One that is not
 * as its entry says is kept in mind until a later entry of the same path says otherwise: an archive
 * may have a file twice. Where one has put another out of sight (image/shadow.h), nobody can tell
 * without unpacking it what the former left, and only the contents are checked.
 *
 * What was found is remembered by inode: whatever else is in the tree does not belong to it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "image/check.h"
#include "image/layer_path.h"
#include "image/ring.h"
#include "image/shadow.h"
#include "image/skeleton.h"
#include "image/tree_dir.h"
#include "image/unpack.h"
#include "storage/layer.h"
#include "storage/stack.h"

#define BUFFERS	    8
#define BUFFER_SIZE (256u << 10)
#define MINDED_MAX  10000 /* entries that are not as they should be, so far */
#define DEPTH_MAX   1000

struct inodes {
	ino_t *v; /* a power of two of places, half empty; 0: none */
	size_t places, used;
};

struct check {
	const struct store *store;
	const char *diff_id;
	struct findings *findings;
	int root;
	struct ring *ring;
	struct inodes known;
	json_t *minded; /* what is wrong, by path */
	char *dir;	/* the last directory that was looked into, and its descriptor */
	int dir_fd;
};

static void clean_check(struct check *c)
{
	clean_fd(&c->root);
	clean_fd(&c->dir_fd);
	ring_free(c->ring);
	json_decref(c->minded);
	free(c->known.v);
	free(c->dir);
}

static ino_t *find_place(ino_t *v, size_t places, ino_t inode)
{
	size_t i = (size_t)((uint64_t)inode * 0x9e3779b97f4a7c15u >> 20) & (places - 1);

	while (v[i] && v[i] != inode)
		i = (i + 1) & (places - 1);
	return &v[i];
}

static void remember(struct inodes *known, ino_t inode)
{
	ino_t *place;

	if (2 * known->used >= known->places) {
		const size_t places = known->places ? 2 * known->places : 1024;
		ino_t *v = xcalloc(places, sizeof(*v));

		for (size_t i = 0; i < known->places; i++)
			if (known->v[i])
				*find_place(v, places, known->v[i]) = known->v[i];
		free(known->v);
		known->v = v;
		known->places = places;
	}
	place = find_place(known->v, known->places, inode);
	known->used += !*place;
	*place = inode;
}

static bool is_known(const struct inodes *known, ino_t inode)
{
	return known->places && *find_place(known->v, known->places, inode);
}

/* why NULL: it is as it should be, whatever was said before. JSON wants UTF-8. */
static void mind(struct check *c, const char *path, const char *why)
{
	CLEAN(clean_free) char *safe = str_printable(path);

	if (!why)
		json_object_del(c->minded, safe);
	else if (json_object_size(c->minded) < MINDED_MAX)
		js_set_str(c->minded, safe, why);
}

/* --- where an entry is --- */

static int open_in_root(const struct check *c, const char *path)
{
	return open_resolved(c->root, *path ? path : ".", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
}

/* Directories that no entry has made are of the layer, too. */
static void know_parents(struct check *c, const char *dir)
{
	CLEAN(clean_free) char *path = xstrdup(dir);
	struct stat st;

	for (size_t len = strlen(path); len; len = path_parent_len(path)) {
		CLEAN(clean_fd) int fd = -1;

		path[len] = '\0';
		fd = open_in_root(c, path);
		if (fd >= 0 && fstat(fd, &st) == 0)
			remember(&c->known, st.st_ino);
	}
}

/* The directory that a path is in: borrowed; -1 where there is none. */
static int parent_of(struct check *c, const char *path)
{
	CLEAN(clean_free) char *dir = xstrndup(path, path_parent_len(path));

	if (c->dir && streq(c->dir, dir))
		return c->dir_fd;
	clean_fd(&c->dir_fd);
	free(c->dir);
	c->dir_fd = open_in_root(c, dir);
	know_parents(c, dir);
	c->dir = ptr_take(&dir);
	return c->dir_fd;
}

/* --- one entry --- */

static const char *compare_link(int dir, const char *name, struct archive_entry *e)
{
	char target[PATH_MAX];
	const ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return "can't be read";
	target[n] = '\0';
	return streq(target, archive_entry_symlink(e) ?: "") ? NULL : "leads elsewhere";
}

/* What is wrong with it, or NULL. */
static const char *compare(const struct check *c, int dir, const char *name, const struct stat *st,
			   struct archive_entry *e)
{
	const mode_t type = archive_entry_filetype(e), mode = archive_entry_perm(e) & 07777;

	if ((st->st_mode & S_IFMT) != type)
		return "is of another kind than in the layer";
	if (!c->store->single_id &&
	    (st->st_uid != archive_entry_uid(e) || st->st_gid != archive_entry_gid(e)))
		return "has another owner than in the layer";
	if (type == S_IFLNK)
		return compare_link(dir, name, e);
	if ((st->st_mode & 07777) != (type == S_IFIFO ? mode & 0777 : mode))
		return "has another mode than in the layer";
	if (type == S_IFREG && st->st_size != archive_entry_size(e))
		return "has another size than in the layer";
	/* File systems differ in what is below a second. */
	return st->st_mtim.tv_sec == archive_entry_mtime(e) ? NULL : "was changed since";
}

static void check_hardlink(struct check *c, int dir, const char *path, struct archive_entry *e)
{
	CLEAN(clean_free) char *target = NULL;
	CLEAN(clean_fd) int fd = -1;
	struct stat st, other;

	if (fstatat(dir, path_base(path), &st, AT_SYMLINK_NOFOLLOW) < 0) {
		mind(c, path, "is missing");
		return;
	}
	remember(&c->known, st.st_ino);
	if (layer_path(archive_entry_hardlink(e), &target, NULL) == 0)
		fd = open_resolved(c->root, target, O_PATH | O_NOFOLLOW, 0, RESOLVE_IN_ROOT);
	mind(c, path, fd >= 0 && fstat(fd, &other) == 0 && other.st_ino == st.st_ino ?
			      NULL :
			      "is not the file that it was another name of");
}

/*
 * Whichever way it is marked (storage/stack.h). What the layer has in the place itself hides, too.
 */
static void check_whiteout(struct check *c, int dir, const char *path, const char *base)
{
	const char *hidden = base + strlen(MARK_PREFIX);
	struct stat st;

	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		remember(&c->known, st.st_ino);
		mind(c, path, NULL);
		return;
	}
	if (streq(base, MARK_OPAQUE)) {
		CLEAN(clean_fd) int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		mind(c, path, fd >= 0 && dir_is_opaque(fd) ? NULL : "hides nothing any more");
		return;
	}
	if (fstatat(dir, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0)
		remember(&c->known, st.st_ino);
	else
		mind(c, path, "hides nothing any more");
}

static void check_entry(struct check *c, struct archive_entry *e)
{
	CLEAN(clean_free) char *path = NULL;
	const bool link = archive_entry_hardlink(e),
		   dir_entry = archive_entry_filetype(e) == AE_IFDIR && !link;
	const mode_t type = archive_entry_filetype(e);
	struct stat st;
	int dir;

	if (layer_path(archive_entry_pathname(e), &path, NULL) < 0)
		return;
	if (dir_entry ? layer_path_is_meta(path) :
			layer_path_is_meta(path) && !streq(path_base(path), MARK_OPAQUE))
		return;
	dir = parent_of(c, path);
	if (dir >= 0 && !dir_entry && starts_with(path_base(path), MARK_PREFIX)) {
		check_whiteout(c, dir, path, path_base(path));
	} else if (dir >= 0 && link) {
		check_hardlink(c, dir, path, e);
	} else if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK && type != AE_IFIFO &&
		   !link) {
		return; /* devices and sockets are not unpacked */
	} else if (dir < 0 ||
		   fstatat(dir, *path ? path_base(path) : ".", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		mind(c, path, "is missing");
	} else {
		remember(&c->known, st.st_ino);
		mind(c, path, compare(c, dir, path_base(path), &st, e));
	}
}

/* --- what else is in the tree --- */

static int find_others(struct check *c, int fd, const char *path, int depth, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	struct stat st;

	if (dir_list(fd, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free)
		char *child = xasprintf("%s%s%s", path, *path ? "/" : "", names.v[i]);
		CLEAN(clean_fd) int in = -1;

		/*
		 * A directory that took the place of another is opaque without an entry that says
		 * so.
		 */
		if (streq(names.v[i], MARK_OPAQUE) ||
		    fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!is_known(&c->known, st.st_ino)) {
			finding(c->findings, "'/%s' is not of the layer", child);
			continue;
		}
		if (!S_ISDIR(st.st_mode) || depth > DEPTH_MAX)
			continue;
		in = openat(fd, names.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (in >= 0 && find_others(c, in, child, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* --- the stream --- */

static int fill(void *arg, const void *data, size_t len, struct err *err)
{
	struct ring *ring = arg;
	const char *p = data;

	while (len) {
		size_t room;
		char *space = ring_space(ring, &room);
		const size_t n = len < room ? len : room;

		if (!space)
			return err_set(err, ERR_SYSTEM, "nobody reads it any more");
		memcpy(space, p, n);
		ring_filled(ring, n);
		p += n;
		len -= n;
	}
	return 0;
}

static void *rebuild(void *arg)
{
	struct check *c = arg;

	/* Of one that is damaged as much as there is. */
	skeleton_replay(c->store, c->diff_id, fill, c->ring, NULL);
	ring_finish(c->ring);
	return NULL;
}

static la_ssize_t read_ring(struct archive *a, void *arg, const void **ret)
{
	struct check *c = arg;
	size_t len = 0;
	int n = ring_take(c->ring, 0, ret, &len);

	if (n < 0)
		archive_set_error(a, EIO, "it can't be rebuilt");
	return n < 0 ? -1 : n ? (la_ssize_t)len : 0;
}

static void clean_archive(struct archive **a)
{
	archive_read_free(*a);
}

static void check_entries(struct check *c)
{
	CLEAN(clean_archive) struct archive *a = archive_read_new();
	struct archive_entry *e;
	int n;

	archive_read_support_format_tar(a);
	archive_read_support_format_empty(a);
	if (archive_read_open(a, c, NULL, read_ring, NULL) == ARCHIVE_OK)
		while ((n = archive_read_next_header(a, &e)) == ARCHIVE_OK || n == ARCHIVE_WARN)
			check_entry(c, e);
	/* Whatever is behind the archive, so that who rebuilds it comes to an end. */
	ring_abort(c->ring);
}

static bool has_shadows(const struct check *c)
{
	CLEAN(clean_fd) int fd = -1;

	return layer_open_file(c->store, c->diff_id, SHADOW_NAME, &fd, NULL) == 0;
}

int check_tree(const struct store *s, const char *diff_id, bool whole, struct findings *findings,
	       struct err *err)
{
	CLEAN(clean_check)
	struct check c = {
		.store = s,
		.diff_id = diff_id,
		.findings = findings,
		.root = -1,
		.dir_fd = -1,
		.minded = json_object(),
		.ring = ring_new(BUFFERS, BUFFER_SIZE, 1),
	};
	CLEAN(clean_fd) int top = -1;
	const char *path;
	pthread_t thread;
	json_t *why;

	if (layer_open(s, diff_id, &top, err) < 0)
		return -1;
	c.root = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.root < 0)
		return err_sys(err, "cannot open layer %.19s", diff_id);
	if (pthread_create(&thread, NULL, rebuild, &c) != 0)
		return err_set(err, ERR_SYSTEM, "cannot make a thread");
	check_entries(&c);
	pthread_join(thread, NULL);
	if (has_shadows(&c))
		return 0;
	json_object_foreach(c.minded, path, why)
		finding(findings, "'/%s' %s", path, json_string_value(why));
	return whole ? find_others(&c, c.root, "", 0, err) : 0;
}
