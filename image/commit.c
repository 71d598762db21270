/*
 * Theory of operation
 *
 * A thread writes what has changed as a tar stream into a pipe; at its other end the stream is
 * hashed and unpacked like that of a pulled layer (image/new_image.h), which is thereby shown to be
 * one. What went wrong in the thread comes before what the reader made of it.
 *
 * What is gone becomes a whiteout, ".wh.NAME", and a directory that hides what was in it gets the
 * marker ".wh..wh..opq" (OCI image specification, layer.md, "Whiteouts").
 */
#include "image/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "image/new_image.h"
#include "image/tar_tree.h"
#include "image/tree.h"
#include "storage/owners.h"

#define CHUNK	 (256u << 10)

struct commit {
	const struct store *store;
	const struct commit_options *options;
	struct strv layers; /* beneath */
	struct owner_list owners;
	/* The writer's. */
	int out;
	size_t entries;
	struct err err;
	bool failed;
	/* The reader's. */
	int in;
	char *chunk;
};

static void clean_commit(struct commit *c)
{
	strv_done(&c->layers);
	owner_list_done(&c->owners);
	clean_fd(&c->out);
	clean_fd(&c->in);
	free(c->chunk);
}

/* --- the writer --- */

static int add_marker(struct tar_tree *t, const char *dir, const char *prefix, const char *name,
		      struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s%s%s%s", dir, *dir ? "/" : "", prefix, name);
	const struct tar_entry e = { .path = path, .type = TAR_FILE };

	return tar_begin(&t->out, &e, err);
}

static int add_whiteout(struct tar_tree *t, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	CLEAN(clean_free) char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);

	return add_marker(t, dir, ".wh.", slash ? slash + 1 : path, err);
}

struct writing {
	struct commit *commit;
	struct tar_tree tar;
};

static int add_change(void *arg, const struct change *c, struct err *err)
{
	struct writing *w = arg;
	CLEAN(clean_free) char *safe = NULL;

	if (c->implied || change_is_place(c, w->commit->options->places))
		return 0;
	w->commit->entries++;
	if (c->kind == CHANGE_DELETED)
		return add_whiteout(&w->tar, c->path, err);
	if (starts_with(c->name, ".wh.")) {
		safe = str_printable(c->path);
		return err_set(err, ERR_UNSUPPORTED,
			       "'/%.200s' can't be in a layer: a name that begins "
			       "with .wh. means that a file is gone",
			       safe);
	}
	if (tar_tree_add(&w->tar, c->dir, c->name, c->path, err) < 0)
		return -1;
	return c->opaque ? add_marker(&w->tar, c->path, ".wh..wh.", ".opq", err) : 0;
}

static int write_changes(struct writing *w, struct err *err)
{
	const struct commit *c = w->commit;
	const struct commit_options *o = c->options;
	const struct rootfs rootfs = {
		.store = c->store, .layers = &c->layers, .container = o->container,
	};
	const struct rootfs_driver *driver;

	if (rootfs_driver_find(o->driver, &driver, err) < 0)
		return -1;
	if (!driver->changes)
		return err_set(err, ERR_UNSUPPORTED, "the storage driver can't tell changes");
	return driver->changes(&rootfs, add_change, w, err);
}

static void *write_stream(void *arg)
{
	struct commit *c = arg;
	struct writing w = { .commit = c };
	int result;

	tar_tree_init(&w.tar, c->out, c->options->cancel);
	w.tar.owners = c->options->recorded ? &c->owners : NULL;
	w.tar.mapping = c->options->mapping;
	if (c->options->tree >= 0) {
		c->entries++;
		result = tar_tree_add_all(&w.tar, c->options->tree, "", &c->err);
	} else {
		result = write_changes(&w, &c->err);
	}
	/* EPIPE is the reader's failure, and no news to it. */
	c->failed = (result < 0 || tar_finish(&w.tar.out, &c->err) < 0) && c->err.sys != EPIPE;
	tar_tree_done(&w.tar);
	close(fd_take(&c->out));
	return NULL;
}

/* --- the reader --- */

static int next_piece(void *arg, const void **ret_data, size_t *ret_len, struct err *err)
{
	struct commit *c = arg;
	ssize_t n;

	if (cancel_wanted(c->options->cancel))
		return cancel_err(err);
	do
		n = read(c->in, c->chunk, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "cannot read the stream");
	*ret_data = c->chunk;
	*ret_len = (size_t)n;
	return n > 0;
}

static int unpack(struct commit *c, struct new_layer *l, struct err *err)
{
	pthread_t writer;
	int ends[2], result;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	c->in = ends[0];
	c->out = ends[1];
	fcntl(c->in, F_SETPIPE_SZ, 1 << 20);
	c->chunk = xmalloc(CHUNK);
	errno = pthread_create(&writer, NULL, write_stream, c);
	if (errno)
		return err_sys(err, "cannot start a thread");
	result = new_layer_unpack(l, next_piece, c, err);
	close(fd_take(&c->in));
	pthread_join(writer, NULL);
	if (!c->failed)
		return result;
	if (err)
		*err = c->err;
	return -1;
}

/* l: the new layer, NULL: there is none. The caller frees *ret. */
static int make_config(const struct commit *c, const struct new_layer *l, char **ret,
		       struct err *err)
{
	CLEAN(clean_json) json_t *config = NULL;
	json_t *history, *layers;

	if (js_parse(c->options->config, strlen(c->options->config), &config, err) < 0)
		return -1;
	layers = js_arr(js_obj(config, "rootfs"), "diff_ids");
	history = js_arr(config, "history");
	if (l)
		json_array_append_new(layers, json_string(l->diff_id));
	else
		js_set_bool(json_array_get(history, json_array_size(history) - 1), "empty_layer",
			    true);
	*ret = js_dump(config);
	return 0;
}

static int read_layers(struct commit *c, struct err *err)
{
	CLEAN(clean_json) json_t *config = NULL;
	CLEAN(buf_done) struct buf owners = { 0 };

	if (js_parse(c->options->config, strlen(c->options->config), &config, err) < 0)
		return -1;
	js_strv(js_obj(config, "rootfs"), "diff_ids", &c->layers);
	if (c->options->recorded)
		owners_read(c->store, &c->layers, c->options->container, &owners);
	owner_list_parse(buf_str(&owners), &c->owners);
	return 0;
}

static int commit_layer(struct commit *c, struct new_layer *l, struct pull_result *ret,
			struct err *err)
{
	const struct commit_options *o = c->options;
	CLEAN(clean_free) char *config = NULL;
	bool empty;

	if (read_layers(c, err) < 0 || unpack(c, l, err) < 0)
		return -1;
	/* What is removed is renamed first: then all of it was there to be read. */
	if (faccessat(c->store->containers, o->container, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, ERR_NOT_FOUND, "container %.12s was removed meanwhile",
			       o->container);
	empty = !c->entries && c->layers.n;
	if ((!empty && new_layer_keep(l, err) < 0) ||
	    make_config(c, empty ? NULL : l, &config, err) < 0)
		return -1;
	return new_image_put(c->store, empty ? NULL : l, config, o->name, o->types, ret, err);
}

int commit(const struct store *s, const struct commit_options *options, struct pull_result *ret,
	   struct err *err)
{
	CLEAN(clean_commit)
	struct commit c = { .store = s, .options = options, .out = -1, .in = -1 };
	CLEAN(new_layer_done) struct new_layer l;

	if (new_layer_init(&l, s, options->cancel, err) < 0 || commit_layer(&c, &l, ret, err) < 0)
		return err_wrap(err, "cannot commit");
	return 0;
}
