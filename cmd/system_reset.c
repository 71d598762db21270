#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/helper.h"
#include "cmd/life.h"
#include "cmd/prompt.h"
#include "cmd/system.h"
#include "runtime/userns.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/stack.h"
#include "storage/sweep.h"

struct reset_options {
	bool force;
};

static const struct opt reset_opts[] = {
	{ 'f', "force", NULL, "do not ask", set_flag, FIELD(reset_options, force) },
	{ 0 },
};

/*
 * What a store consists of, in the order in which it goes: names before what they lead to. Whoever
 * dies on the way leaves a store, which can be reset again.
 */
static const char *const parts[] = {
	"names", "containers", "images", "volumes", "layers", "mapped", "base", "tmp", "locks",
	"events.1", "events", "driver", "said-single-id", "said-copied-layers", "layout",
};

#define MOUNTS_MAX (4u << 20) /* bytes of mountinfo */

/* What somebody mounted into the store is not ours to delete. */
static int check_mounts(const char *root, struct err *err)
{
	CLEAN(clean_free) char *beneath = xasprintf(" %s/", root);
	CLEAN(clean_fd) int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	CLEAN(buf_done) struct buf text = { 0 };

	if (fd < 0)
		return err_sys(err, "cannot open '/proc/self/mountinfo'");
	if (read_all(fd, MOUNTS_MAX, &text, err) < 0)
		return -1;
	if (strstr(buf_str(&text), beneath))
		return err_set(err, ERR_BUSY, "something is mounted in '%s': nothing was removed",
			       root);
	return 0;
}

/* The path that the kernel knows it by, or NULL where there is nothing to reset. */
static int find_store(struct tiffin *t, char **ret, struct err *err)
{
	CLEAN(clean_free) char *root = NULL;
	CLEAN(clean_free) char *real = NULL;
	CLEAN(clean_free) char *layout = NULL;
	struct stat st;

	if (!t->root && store_default_root(&root, err) < 0)
		return -1;
	real = realpath(t->root ?: root, NULL);
	if (!real && errno == ENOENT)
		return 0;
	if (!real)
		return err_sys(err, "cannot open the store '%s'", t->root ?: root);
	layout = xasprintf("%s/layout", real);
	if (lstat(layout, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE,
			       "'%s' is not a store of tiffin's: nothing was removed", real);
	*ret = ptr_take(&real);
	return 0;
}

static int confirm(const struct reset_options *o, const char *root, bool *ret, struct err *err)
{
	*ret = true;
	if (o->force)
		return 0;
	warn("WARNING! This will remove:");
	warn("        - all containers");
	warn("        - all images");
	warn("        - all volumes, and what is in them");
	warn("        - the store '%s'", root);
	return prompt_yes("Are you sure you want to continue? [y/N] ", ret, err);
}

static int remove_containers(struct tiffin *t, struct err *err)
{
	struct container *list = NULL;
	int result = 0;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++) {
		struct err why = { 0 };

		if (life_remove(t, &list[i], true, &why) < 0 && why.kind != ERR_NOT_FOUND) {
			*err = why;
			result = -1;
		}
	}
	container_list_done(list, n);
	return result;
}

/* Somebody who pulls, loads or makes a container holds a lock. What is left in tmp/ was theirs. */
static int check_idle(struct tiffin *t, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	helper_sweep(&t->store, &t->ids);
	if (dir_list(t->store.tmp, &names, err) < 0 ||
	    dir_list(t->store.containers, &names, err) < 0)
		return -1;
	return names.n == 0 ? 0 :
			      err_set(err, ERR_BUSY,
				      "another tiffin is at work in the store '%s': try again when "
				      "it is done", t->store.root);
}

static int remove_parts(void *arg)
{
	const struct store *s = arg;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (tree_remove_at(s->fd, parts[i], NULL) < 0)
			return 1;
	return 0;
}

static void remove_remnants(const struct store *s)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (dir_list(s->fd, &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (sweep_is_remnant(names.v[i]))
			unlinkat(s->fd, names.v[i], 0);
}

static int remove_store(struct tiffin *t, const char *root, struct err *err)
{
	CLEAN(strv_done) struct strv left = { 0 };
	int code = remove_parts(&t->store);

	/* What belongs to subordinate users goes in their namespace. */
	if (code != 0 && userns_call(&t->ids, remove_parts, &t->store, &code, err) < 0)
		return -1;
	if (code != 0)
		return err_set(err, ERR_SYSTEM, "cannot remove all of the store '%s'", root);
	remove_remnants(&t->store);
	if (dir_list(t->store.fd, &left, err) < 0)
		return -1;
	if (left.n)
		warn("'%s' was left where it is: there is '%s' in it, which is not tiffin's", root,
		     left.v[0]);
	else if (rmdir(root) < 0 && errno != EBUSY && errno != EACCES && errno != EPERM)
		return err_sys(err, "cannot remove '%s'", root);
	return 0;
}

static int reset_store(struct tiffin *t, const char *root, struct err *err)
{
	CLEAN(clean_fd) int images = -1;

	if (tiffin_open(t, false, err) < 0 || check_mounts(root, err) < 0 ||
	    remove_containers(t, err) < 0 || image_lock(&t->store, true, &images, err) < 0 ||
	    check_idle(t, err) < 0)
		return -1;
	return remove_store(t, root, err);
}

static int reset(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	CLEAN(clean_free) char *root = NULL;
	bool yes;

	(void)operands;
	if (find_store(t, &root, err) < 0)
		return -1;
	if (!root)
		return 0;
	if (confirm(options, root, &yes, err) < 0)
		return -1;
	return yes ? reset_store(t, root, err) : 0;
}

const struct command command_system_reset = {
	.names = "reset",
	.operands = "[OPTIONS]",
	.summary = "remove all containers, images and volumes, and the store",
	.opts = reset_opts,
	.size = sizeof(struct reset_options),
	.max_operands = 0,
	.run = reset,
};
