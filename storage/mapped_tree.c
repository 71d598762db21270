/*
 * Theory of operation
 *
 * overlayfs takes a regular file with user.overlay.metacopy for the attributes of one whose content
 * lies at user.overlay.redirect, a path in a data-only layer (Linux 6.16 for who mounts it in a
 * user namespace). Only the lowest layer that has the directory may have such files, so the image's
 * layers become one. The data-only layer is all of layers/, and the path begins with the layer's
 * name: one path for several layers might lead to a file of another one.
 *
 * Directories are named by their paths from the root, not held open: an image may nest them two
 * thousand deep. Which layers have a part in one follows from its parent, as in storage/stack.h.
 * The times of directories are set last, when nothing is made in them any more. Their files are
 * made by storage/mapped_file.c.
 */
#include "storage/mapped_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"
#include "storage/layer.h"
#include "storage/mapped_file.h"
#include "storage/stack.h"

#define LINKS "links"

struct directory {
	char *path; /* from the root; "" is the root itself */
	struct timespec times[2];
	uint16_t *parts; /* of making's layers, that have one */
	size_t n_parts;
};

struct making {
	const struct mapped_tree *tree;
	struct mapped_maker files;
	int *layers;	  /* the topmost first */
	const char **hex; /* their names */
	size_t n_layers;
	struct directory *dirs; /* all so far; those from done on are still to be filled */
	size_t n, done;
};

static void making_done(struct making *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->dirs[i].path);
		free(m->dirs[i].parts);
	}
	for (size_t i = 0; i < m->n_layers; i++)
		clean_fd(&m->layers[i]);
	free(m->layers);
	free(m->hex);
	free(m->dirs);
	mapped_maker_done(&m->files);
}

/* --- Directories --- */

static int open_path(int root, const char *path)
{
	return open_resolved(root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int open_parts(const struct making *m, const struct directory *d, struct stack *ret,
		      struct err *err)
{
	for (size_t i = 0; i < d->n_parts; i++) {
		int fd = open_path(m->layers[d->parts[i]], d->path);
		const struct mapped_entry e = { .dir = d->path, .name = "" };

		if (fd < 0)
			return mapped_fail(err, "open", &e);
		/* Own ones are looked at as overlayfs looks at them. */
		stack_add_own(ret, fd);
	}
	return 0;
}

/* Which of the parent's parts have one in it; as stack_enter. */
static int find_parts(const struct directory *parent, const struct stack *s,
		      const struct mapped_entry *e, struct directory *d, struct err *err)
{
	d->parts = xcalloc(parent->n_parts, sizeof(*d->parts));
	for (size_t i = 0; i < s->n; i++) {
		CLEAN(clean_fd)
		int fd =
			openat(s->fds[i], e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
			return mapped_fail(err, "open", e);
		if (fd < 0)
			break;
		d->parts[d->n_parts++] = parent->parts[i];
		if (dir_is_opaque(fd))
			break;
	}
	return 0;
}

static struct directory *add_directory(struct making *m, const struct stat *st)
{
	if ((m->n & (m->n - 1)) == 0)
		m->dirs = xrealloc(m->dirs, (m->n ? 2 * m->n : 1) * sizeof(*m->dirs));
	m->dirs[m->n] = (struct directory){ .times = { st->st_atim, st->st_mtim } };
	return &m->dirs[m->n++];
}

static int make_directory(struct making *m, size_t parent, const struct stack *s,
			  const struct mapped_entry *e, struct err *err)
{
	struct directory *d;
	CLEAN(clean_fd) int fd = -1;

	if (mkdirat(e->to, e->name, 0700) < 0)
		return mapped_fail(err, "create", e);
	fd = openat(e->to, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return mapped_fail(err, "open", e);
	if (mapped_dress(&m->files, e, fd, err) < 0)
		return -1;
	d = add_directory(m, &e->st);
	d->path = xasprintf("%s%s%s", e->dir, *e->dir ? "/" : "", e->name);
	return find_parts(&m->dirs[parent], s, e, d, err);
}

static int fill_directory(struct making *m, size_t at, struct err *err)
{
	CLEAN(stack_done) struct stack s = { 0 };
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(clean_fd) int to = open_path(m->tree->to, m->dirs[at].path);
	struct mapped_entry e = { .to = to, .dir = m->dirs[at].path, .name = "" };
	size_t part;

	if (to < 0)
		return mapped_fail(err, "open", &e);
	if (open_parts(m, &m->dirs[at], &s, err) < 0 || stack_list(&s, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		e.name = names.v[i];
		if (!s.fds || !stack_find(&s, e.name, &part, &e.st))
			return mapped_fail(err, "look at", &e);
		e.from = s.fds[part];
		e.hex = m->hex[m->dirs[at].parts[part]];
		if ((S_ISDIR(e.st.st_mode) ? make_directory(m, at, &s, &e, err) :
					     mapped_make(&m->files, &e, err)) < 0)
			return -1;
	}
	return 0;
}

static int set_times(const struct making *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++) {
		const char *path = m->dirs[i].path;
		const struct mapped_entry e = { .dir = path, .name = "" };

		if (utimensat(m->tree->to, *path ? path : ".", m->dirs[i].times,
			      AT_SYMLINK_NOFOLLOW) < 0)
			return mapped_fail(err, "set the time of", &e);
	}
	return 0;
}

/* --- The layers --- */

/* A layer may come twice; the topmost is what counts. */
static bool comes_again(const struct strv *layers, size_t at)
{
	for (size_t i = at + 1; i < layers->n; i++)
		if (streq(layers->v[i], layers->v[at]))
			return true;
	return false;
}

/* The lowest has the places that mounts are made on, which are empty. */
static int open_base(struct making *m, struct err *err)
{
	int fd = openat(m->tree->store->fd, "base", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_sys(err, "cannot open the base layer");
	m->hex[m->n_layers] = "base";
	m->layers[m->n_layers++] = fd;
	return 0;
}

static int open_layers(struct making *m, struct err *err)
{
	const struct strv *layers = m->tree->layers;

	if (layers->n >= UINT16_MAX)
		return err_set(err, ERR_UNSUPPORTED, "the image has too many layers (%zu)",
			       layers->n);
	m->layers = xcalloc(layers->n + 1, sizeof(*m->layers));
	m->hex = xcalloc(layers->n + 1, sizeof(*m->hex));
	for (size_t i = layers->n; i-- > 0;) {
		if (comes_again(layers, i))
			continue;
		m->hex[m->n_layers] = layer_hex(layers->v[i], err);
		if (!m->hex[m->n_layers] ||
		    layer_open(m->tree->store, layers->v[i], &m->layers[m->n_layers], err) < 0)
			return -1;
		m->n_layers++;
	}
	return open_base(m, err);
}

/* All have a part in the root, which is as the topmost one's. */
static int begin(struct making *m, struct err *err)
{
	struct mapped_entry root = { .to = m->tree->to, .dir = "", .name = "." };
	struct directory *d;

	if (open_layers(m, err) < 0 ||
	    dir_open_or_make_at(m->tree->scratch, LINKS, 0700, &m->files.links, err) < 0)
		return -1;
	root.from = m->layers[0];
	if (fstat(root.from, &root.st) < 0)
		return mapped_fail(err, "look at", &root);
	if (mapped_dress(&m->files, &root, m->tree->to, err) < 0)
		return -1;
	d = add_directory(m, &root.st);
	d->path = xstrdup("");
	d->parts = xcalloc(m->n_layers, sizeof(*d->parts));
	for (size_t i = 0; i < m->n_layers; i++)
		d->parts[d->n_parts++] = (uint16_t)i;
	return 0;
}

int mapped_tree_make(const struct mapped_tree *tree, struct err *err)
{
	CLEAN(making_done) struct making m = { .tree = tree };

	mapped_maker_init(tree->mapping, tree->copy, &m.files);
	if (begin(&m, err) < 0)
		return -1;
	while (m.done < m.n)
		if (fill_directory(&m, m.done++, err) < 0)
			return -1;
	if (set_times(&m, err) < 0)
		return -1;
	return tree_remove_at(tree->scratch, LINKS, err);
}
