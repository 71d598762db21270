#include "storage/change.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/copy_file.h"

#define DEPTH_MAX 500 /* a descriptor and more each */
#define OPEN_DIR  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct walk {
	change_visitor *visit;
	void *arg;
	int depth;
};

static char *join(const char *dir, const char *name)
{
	return xasprintf("%s%s%s", dir, *dir ? "/" : "", name);
}

static int deeper(struct walk *w, struct err *err)
{
	return ++w->depth > DEPTH_MAX ? err_set(err, ERR_UNSUPPORTED, "its directories are nested more "
								      "than %d deep", DEPTH_MAX) :
					0;
}

static int tell_deleted(const struct walk *w, const char *path, bool implied, struct err *err)
{
	const struct change c = {
		.kind = CHANGE_DELETED, .path = path, .dir = -1, .implied = implied,
	};

	return w->visit(w->arg, &c, err);
}

static bool same_owner_and_mode(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

static int tell_root(const struct walk *w, int dir, const struct stat *before, struct err *err)
{
	struct change c = { .kind = CHANGE_MODIFIED, .path = "", .dir = dir, .name = "." };

	if (fstat(dir, &c.st) < 0)
		return err_sys(err, "cannot look at the root");
	return same_owner_and_mode(&c.st, before) ? 0 : w->visit(w->arg, &c, err);
}

/* --- a layer, and what is beneath it --- */

static int walk_layer(struct walk *w, int fd, const struct stack *below, const char *path,
		      struct err *err);

/* All that was in the directory, but for what the opaque one has again. */
static int tell_hidden(const struct walk *w, int fd, const struct stack *below, const char *path,
		       struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	struct stat st;

	if (stack_list(below, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free) char *child = join(path, names.v[i]);

		/* A whiteout is told of where it is come upon. */
		if (fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
		    tell_deleted(w, child, true, err) < 0)
			return -1;
	}
	return 0;
}

static int visit_directory(struct walk *w, struct change *c, const struct stack *below,
			   struct err *err)
{
	CLEAN(stack_done) struct stack inner = { 0 };
	CLEAN(clean_fd) int fd = openat(c->dir, c->name, OPEN_DIR);
	bool opaque;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ?
			       0 :
			       err_sys(err, "cannot open '%s'", c->path);
	if (stack_enter(below, c->name, &inner, err) < 0)
		return -1;
	/* overlayfs marks many a new one in passing. */
	opaque = inner.n && dir_is_opaque(fd);
	c->opaque = opaque;
	if (w->visit(w->arg, c, err) < 0 ||
	    (opaque && tell_hidden(w, fd, &inner, c->path, err) < 0))
		return -1;
	return walk_layer(w, fd, &inner, c->path, err);
}

static int visit_entry(struct walk *w, int fd, const struct stack *below, const char *path,
		       const char *name, struct err *err)
{
	struct change c = { .path = path, .dir = fd, .name = name };
	struct stat before;
	bool was_there;
	size_t part;

	if (fstatat(fd, name, &c.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "cannot look at '%s'", path);
	was_there = stack_find(below, name, &part, &before);
	if (stat_is_whiteout(&c.st))
		return was_there ? tell_deleted(w, path, false, err) : 0;
	c.kind = was_there ? CHANGE_MODIFIED : CHANGE_ADDED;
	return S_ISDIR(c.st.st_mode) ? visit_directory(w, &c, below, err) :
				       w->visit(w->arg, &c, err);
}

static int walk_layer(struct walk *w, int fd, const struct stack *below, const char *path,
		      struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (deeper(w, err) < 0 || dir_list(fd, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(clean_free) char *child = join(path, names.v[i]);

		if (visit_entry(w, fd, below, child, names.v[i], err) < 0)
			return -1;
	}
	w->depth--;
	return 0;
}

int changes_of_layer(int upper, const struct stack *below, change_visitor *visit, void *arg,
		     struct err *err)
{
	struct walk w = { .visit = visit, .arg = arg };
	struct stat before;

	if (below->n && fstat(below->fds[0], &before) < 0)
		return err_sys(err, "cannot look at a layer");
	if (below->n && tell_root(&w, upper, &before, err) < 0)
		return -1;
	return walk_layer(&w, upper, below, "", err);
}

/* --- two trees --- */

/* A directory on the way, which is told of when a change is found in it. */
struct place {
	struct place *above;
	struct change change;
	bool told;
};

static int tell_places(const struct walk *w, struct place *p, struct err *err)
{
	if (!p || p->told)
		return 0;
	p->told = true;
	return tell_places(w, p->above, err) < 0 ? -1 : w->visit(w->arg, &p->change, err);
}

static bool same_link(int dir_a, int dir_b, const char *name)
{
	char a[PATH_MAX], b[PATH_MAX];
	const ssize_t n = readlinkat(dir_a, name, a, sizeof(a));

	return n >= 0 && readlinkat(dir_b, name, b, sizeof(b)) == n && memcmp(a, b, (size_t)n) == 0;
}

static bool is_same(int now_dir, const struct stat *now, int before_dir, const struct stat *before,
		    const char *name)
{
	if (!same_owner_and_mode(now, before))
		return false;
	if (S_ISDIR(now->st_mode))
		return true;
	if (S_ISLNK(now->st_mode))
		return same_link(now_dir, before_dir, name);
	if (now->st_dev == before->st_dev && now->st_ino == before->st_ino)
		return true;
	return now->st_size == before->st_size && now->st_mtim.tv_sec == before->st_mtim.tv_sec &&
	       now->st_mtim.tv_nsec == before->st_mtim.tv_nsec &&
	       (!S_ISREG(now->st_mode) || xattrs_same(now_dir, before_dir, name));
}

static int compare(struct walk *w, const struct stack *now, const struct stack *before,
		   struct place *place, const char *path, struct err *err);

static int compare_directories(struct walk *w, const struct stack *now, const struct stack *before,
			       struct place *p, struct err *err)
{
	CLEAN(stack_done) struct stack inner_now = { 0 };
	CLEAN(stack_done) struct stack inner_before = { 0 };

	if (stack_enter(now, p->change.name, &inner_now, err) < 0 ||
	    stack_enter(before, p->change.name, &inner_before, err) < 0)
		return -1;
	return compare(w, &inner_now, &inner_before, p, p->change.path, err);
}

static int compare_entry(struct walk *w, const struct stack *now, const struct stack *before,
			 struct place *above, const char *path, const char *name, struct err *err)
{
	struct place p = { .above = above, .change = { .path = path, .name = name } };
	size_t part, old_part;
	struct stat old;
	bool is, was;

	is = stack_find(now, name, &part, &p.change.st);
	was = stack_find(before, name, &old_part, &old);
	if (!is)
		return !was ? 0 : tell_places(w, above, err) < 0 ? -1 : tell_deleted(w, path, false, err);
	p.change.dir = now->fds[part];
	p.change.kind = was ? CHANGE_MODIFIED : CHANGE_ADDED;
	if ((!was || !is_same(p.change.dir, &p.change.st, before->fds[old_part], &old, name)) &&
	    tell_places(w, &p, err) < 0)
		return -1;
	return S_ISDIR(p.change.st.st_mode) ? compare_directories(w, now, before, &p, err) : 0;
}

static int compare(struct walk *w, const struct stack *now, const struct stack *before,
		   struct place *place, const char *path, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(strv_done) struct strv old = { 0 };
	size_t i = 0, k = 0;

	if (deeper(w, err) < 0 || stack_list(now, &names, err) < 0 ||
	    stack_list(before, &old, err) < 0)
		return -1;
	while (i < names.n || k < old.n) {
		const int order = i == names.n ? 1 : k == old.n ? -1 : strcmp(names.v[i], old.v[k]);
		const char *name = order <= 0 ? names.v[i] : old.v[k];
		CLEAN(clean_free) char *child = join(path, name);

		i += order <= 0;
		k += order >= 0;
		if (compare_entry(w, now, before, place, child, name, err) < 0)
			return -1;
	}
	w->depth--;
	return 0;
}

int changes_between(const struct stack *now, const struct stack *before, change_visitor *visit,
		    void *arg, struct err *err)
{
	struct walk w = { .visit = visit, .arg = arg };
	struct stat old;

	if (now->n && before->n && fstat(before->fds[0], &old) < 0)
		return err_sys(err, "cannot look at a layer");
	if (now->n && before->n && tell_root(&w, now->fds[0], &old, err) < 0)
		return -1;
	return compare(&w, now, before, NULL, "", err);
}

bool change_is_place(const struct change *c, const struct strv *places)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(clean_fd) int fd = -1;

	if (c->kind != CHANGE_ADDED || !strv_has(places, c->path))
		return false;
	if (S_ISREG(c->st.st_mode))
		return c->st.st_size == 0;
	if (S_ISDIR(c->st.st_mode))
		fd = openat(c->dir, c->name, OPEN_DIR);
	return fd >= 0 && dir_list(fd, &names, NULL) == 0 && names.n == 0;
}
