/*
 * diff: what a container has changed of its image, the topmost layer of an image of those beneath
 * it, or what makes the difference between two of either kind.
 *
 * It is found out in a user namespace, for files and directories may be closed to the caller; a
 * memory file brings it back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/container_places.h"
#include "cmd/driver.h"
#include "cmd/format.h"
#include "cmd/latest.h"
#include "cmd/named_image.h"
#include "runtime/userns.h"
#include "storage/change.h"
#include "storage/layer.h"
#include "storage/rootfs.h"

#define RESULT_MAX (1u << 30)

struct diff_options {
	bool latest;
	char *format;
};

static const struct opt diff_opts[] = {
	LATEST_ROW(diff_options, latest),
	{ 0, "format", "json", "as JSON", set_string, FIELD(diff_options, format) },
	{ 0 },
};

static void diff_done(void *options)
{
	free(((struct diff_options *)options)->format);
}

/* What the user named: a container, or an image. */
struct side {
	struct store store; /* borrowed, but for whose layers it has */
	struct container c;
	struct named_image image;
	struct rootfs rootfs; /* of a container */
	const struct rootfs_driver *driver;
	struct strv layers, places;
};
#define SIDE_INIT { .image = NAMED_IMAGE_INIT }

static void side_done(struct side *s)
{
	container_done(&s->c);
	named_image_done(&s->image);
	strv_done(&s->layers);
	strv_done(&s->places);
}

enum kinds {
	KIND_CONTAINER = 1,
	KIND_IMAGE = 2,
};

static int take_container(struct side *s, struct err *err)
{
	const char *directory = js_str(s->c.config, "rootfs");

	if (driver_of(s->c.config, &s->driver, err) < 0)
		return -1;
	if (directory || !s->driver->changes)
		return err_set(err, ERR_UNSUPPORTED,
			       "container %s has a directory for its root, of which "
			       "nobody knows what it was: '%s'",
			       s->c.name, directory ?: "");
	js_strv(s->c.config, "layers", &s->layers);
	s->store.single_id = js_bool(s->c.config, "single_id");
	s->rootfs = (struct rootfs){
		.store = &s->store, .layers = &s->layers, .container = s->c.id,
	};
	return container_places(&s->c, &s->places, err);
}

/* An image may have been unpacked for either kind of IDs. */
static int take_image(struct tiffin *t, struct side *s, struct err *err)
{
	for (size_t i = 0; i < s->image.record.layers.n; i++)
		strv_add(&s->layers, s->image.record.layers.v[i]);
	if (s->layers.n && !layer_exists(&s->store, s->layers.v[s->layers.n - 1]))
		s->store.single_id = !s->store.single_id;
	(void)t;
	(void)err;
	return 0;
}

static int find_side(struct tiffin *t, const char *text, enum kinds kinds, struct side *ret,
		     struct err *err)
{
	struct err why = { 0 };

	ret->store = t->store;
	if (kinds & KIND_CONTAINER) {
		if (container_find(&t->store, text, &ret->c, &why) == 0)
			return take_container(ret, err);
		if (why.kind != ERR_NOT_FOUND || !(kinds & KIND_IMAGE)) {
			*err = why;
			return -1;
		}
	}
	if (named_image_find(t, text, false, &ret->image, &why) == 0)
		return take_image(t, ret, err);
	*err = why;
	return why.kind == ERR_NOT_FOUND && kinds & KIND_CONTAINER ?
		       err_set(err, ERR_NOT_FOUND,
			       "%s not found: no such container or image", text) :
		       -1;
}

/* --- In the user namespace --- */

struct task {
	struct side *side, *other; /* other: NULL where there is one only */
	struct buf found;	   /* a letter, a path, a NUL each */
};

static int note(void *arg, const struct change *c, struct err *err)
{
	struct task *task = arg;
	const char kind = (char)c->kind;

	(void)err;
	if (!*c->path || change_is_place(c, &task->side->places))
		return 0;
	buf_add(&task->found, &kind, 1);
	buf_add(&task->found, c->path, strlen(c->path) + 1);
	return 0;
}

static int stack_of(const struct side *s, size_t n, struct stack *ret, struct err *err)
{
	return s->driver ? s->driver->stack(&s->rootfs, ret, err) :
			   stack_add_layers(ret, &s->store, &s->layers, n, err);
}

static int compare(struct task *task, struct err *err)
{
	const struct side *s = task->side;
	CLEAN(stack_done) struct stack now = { 0 };
	CLEAN(stack_done) struct stack before = { 0 };

	if (!task->other && s->driver)
		return s->driver->changes(&s->rootfs, note, task, err);
	if (!task->other && !s->layers.n)
		return 0;
	if (stack_of(s, s->layers.n, &now, err) < 0)
		return -1;
	if (task->other ? stack_of(task->other, task->other->layers.n, &before, err) < 0 :
			  stack_of(s, s->layers.n - 1, &before, err) < 0)
		return -1;
	/* Whiteouts may be files there. */
	if (task->other || now.marks)
		return changes_between(&now, &before, note, task, err);
	return changes_of_layer(now.fds[0], &before, note, task, err);
}

static int compare_as_root(void *arg, int *ret_fd, struct err *err)
{
	struct task *task = arg;
	CLEAN(clean_fd) int fd = memfd_create("changes", MFD_CLOEXEC);
	struct rlimit files;

	/* One a layer, and again for each directory on the way. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (fd < 0)
		return err_sys(err, "cannot make a memory file");
	if (compare(task, err) < 0 ||
	    write_all(fd, buf_str(&task->found), task->found.len, err) < 0)
		return -1;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* --- What is printed --- */

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

/* Each "C/etc/passwd", in the order of the paths. */
static void split(const struct buf *found, struct strv *ret)
{
	for (size_t i = 0; i < found->len; i += strlen(found->data + i) + 1)
		strv_addf(ret, "%c/%s", found->data[i], found->data + i + 1);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_path);
}

static void print_lines(const struct strv *changes)
{
	const bool terminal = isatty(STDOUT_FILENO);

	for (size_t i = 0; i < changes->n; i++) {
		const char *path = changes->v[i] + 1;
		CLEAN(clean_free) char *safe = terminal ? str_printable(path) : NULL;

		printf("%c %s\n", changes->v[i][0], safe ?: path);
	}
}

static void print_object(const struct strv *changes)
{
	static const struct {
		char letter;
		const char *key;
	} kinds[] = { { 'C', "changed" }, { 'A', "added" }, { 'D', "deleted" } };
	CLEAN(clean_json) json_t *j = json_object();

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		json_t *list = json_array();

		for (size_t i = 0; i < changes->n; i++) {
			CLEAN(clean_free) char *safe = str_printable(changes->v[i] + 1);
			json_t *path = json_string(changes->v[i] + 1);

			/* A name that is no text can't be in JSON as it is. */
			if (changes->v[i][0] == kinds[k].letter)
				json_array_append_new(list, path ?: json_string(safe));
			else
				json_decref(path);
		}
		if (json_array_size(list))
			json_object_set(j, kinds[k].key, list);
		json_decref(list);
	}
	print_json(j, true);
}

static int diff(struct tiffin *t, const struct diff_options *o, enum kinds kinds,
		const struct strv *operands, struct err *err)
{
	CLEAN(side_done) struct side side = SIDE_INIT;
	CLEAN(side_done) struct side other = SIDE_INIT;
	CLEAN(strv_done) struct strv words = { 0 };
	CLEAN(strv_done) struct strv changes = { 0 };
	CLEAN(buf_done) struct buf found = { 0 };
	CLEAN(clean_fd) int fd = -1;
	struct task task = { .side = &side };

	if (o->format && !streq(o->format, "json"))
		return err_set(err, ERR_USAGE,
			       "--format '%s': only supported value for '--format' is 'json'",
			       o->format);
	if (tiffin_open(t, false, err) < 0 ||
	    latest_operands(t, o->latest, "diff", 1, 1, operands, &words, err) < 0 ||
	    find_side(t, words.v[0], kinds, &side, err) < 0 ||
	    (words.n > 1 && find_side(t, words.v[1], kinds, &other, err) < 0))
		return -1;
	if (words.n > 1)
		task.other = &other;
	tiffin_set_ids(t, side.store.single_id);
	if (userns_open(&t->ids, compare_as_root, &task, &fd, err) < 0)
		return err_wrap(err, "cannot tell the changes of '%s'", words.v[0]);
	if (lseek(fd, 0, SEEK_SET) < 0 || read_all(fd, RESULT_MAX, &found, err) < 0)
		return -1;
	split(&found, &changes);
	if (o->format)
		print_object(&changes);
	else
		print_lines(&changes);
	return 0;
}

static int diff_any(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	return diff(t, options, KIND_CONTAINER | KIND_IMAGE, operands, err);
}

static int diff_containers(struct tiffin *t, void *options, const struct strv *operands,
			   struct err *err)
{
	return diff(t, options, KIND_CONTAINER, operands, err);
}

static int diff_images(struct tiffin *t, void *options, const struct strv *operands,
		       struct err *err)
{
	return diff(t, options, KIND_IMAGE, operands, err);
}

const struct command command_diff = {
	.names = "diff",
	.operands = "[OPTIONS] [CONTAINER|IMAGE [CONTAINER|IMAGE]]",
	.summary = "what a container has changed of its image",
	.opts = diff_opts,
	.size = sizeof(struct diff_options),
	.max_operands = 2,
	.run = diff_any,
	.done = diff_done,
};

const struct command command_container_diff = {
	.names = "diff",
	.operands = "[OPTIONS] [CONTAINER [CONTAINER]]",
	.summary = "what a container has changed of its image",
	.opts = diff_opts,
	.size = sizeof(struct diff_options),
	.max_operands = 2,
	.run = diff_containers,
	.done = diff_done,
};

static const struct opt image_diff_opts[] = {
	{ 0, "format", "json", "as JSON", set_string, FIELD(diff_options, format) },
	{ 0 },
};

const struct command command_image_diff = {
	.names = "diff",
	.operands = "[OPTIONS] IMAGE [IMAGE]",
	.summary = "what the topmost layer of an image changes",
	.opts = image_diff_opts,
	.size = sizeof(struct diff_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = diff_images,
	.done = diff_done,
};
