#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/check.h"
#include "cmd/driver.h"
#include "cmd/helper.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/layer.h"
#include "storage/stack.h"
#include "storage/sweep.h"
#include "storage/volume.h"

static bool is_there(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- images --- */

/* 1: nothing can be said about images, for their names are lost. */
static int check_names(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(clean_fd) int lock = -1;
	struct err why = { 0 };
	bool lost;

	if (image_lock(&t->store, c->repair, &lock, err) < 0)
		return -1;
	lost = image_find_dangling(&t->store, &names, &why) < 0;
	if (!lost && !names.n)
		return 0;
	if (lost)
		strv_add(&names, "");
	why = (struct err){ 0 };
	if (c->repair)
		image_drop_dangling(&t->store, &why);
	for (size_t i = 0; i < names.n; i++)
		check_tell_repair(c, lost ? xstrdup("the list of images' names can't be read") :
					    xasprintf("name %s leads to no image", names.v[i]),
				  why.kind ? &why : NULL);
	return lost && (!c->repair || why.kind);
}

static void check_layers_of(struct tiffin *t, struct check *c, const struct image_record *image)
{
	struct store other = t->store;

	other.single_id = !other.single_id;
	for (size_t i = 0; i < image->layers.n; i++)
		if (!layer_exists(&t->store, image->layers.v[i]) &&
		    !layer_exists(&other, image->layers.v[i]))
			check_damaged(c, "image", image->id,
				      xasprintf("layer %.19s is missing", image->layers.v[i]));
}

static int check_images(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (dir_list(t->store.images, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(image_record_done) struct image_record image = { 0 };
		struct err why = { 0 };

		if (strlen(names.v[i]) != IMAGE_ID_LEN || !is_hex(names.v[i], IMAGE_ID_LEN))
			continue;
		if (image_find(&t->store, NULL, names.v[i], &image, &why) < 0)
			check_damaged(c, "image", names.v[i], xstrdup("its record can't be read"));
		else
			check_layers_of(t, c, &image);
	}
	return 0;
}

/* Those of a pull that broke off wait for the next one, but not for ever. */
static int check_orphans(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(clean_fd) int lock = -1;
	struct err why = { 0 };

	if (image_lock(&t->store, c->repair, &lock, err) < 0)
		return -1;
	/* Where a record can't be read nobody can tell; that was told already. */
	if (sweep_find_layers(&t->store, &names, &why) < 0)
		return 0;
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;

		why = (struct err){ 0 };
		if (file_is_locked_at(t->store.locks, names.v[i]) ||
		    fstatat(t->store.layers, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    time(NULL) - st.st_mtim.tv_sec < c->max_age / 1000000000)
			continue;
		if (c->repair)
			sweep_layer(&t->store, names.v[i], &why);
		check_tell_repair(c, xasprintf("layer %.12s: no image has it", names.v[i]),
				  why.kind ? &why : NULL);
	}
	return 0;
}

/* --- containers --- */

/* One whose monitor was killed, and nobody has looked at since. */
static void check_end(struct tiffin *t, struct check *c, struct container *one)
{
	CLEAN(container_dir_done) struct container_dir dir = CONTAINER_DIR_INIT;
	struct err why = { 0 };

	if (one->status != CONTAINER_EXITED || one->state.finished)
		return;
	one->state.finished = now_realtime();
	one->state.exit_code = EXIT_UNKNOWN;
	one->state.restarting = false;
	if (c->repair && container_dir_lock(&t->store, one->id, false, &dir, &why) == 0)
		container_save_state(&dir, &one->state, &why);
	check_tell_repair(c,
			  xasprintf("container %s: its monitor died, and how it ended is not known",
				    one->name),
			  why.kind ? &why : NULL);
}

static void check_name(struct tiffin *t, struct check *c, const struct container *one)
{
	struct err why = { 0 };

	if (container_has_name(&t->store, one->id, one->name))
		return;
	if (c->repair)
		container_restore_name(&t->store, one, &why);
	check_tell_repair(c,
			  xasprintf("container %.12s: its name '%s' does not lead to it", one->id,
				    one->name),
			  why.kind ? &why : NULL);
}

static void check_files(struct tiffin *t, struct check *c, const struct container *one)
{
	const struct rootfs_driver *driver;
	struct err why = { 0 };
	CLEAN(clean_fd) int dir = -1;

	if (driver_of(one->config, &driver, &why) < 0) {
		check_tell(c, "container %s: %s", one->name, why.text);
		return;
	}
	if (container_open_dir(&t->store, one->id, &dir, NULL) < 0 || driver == &rootfs_directory)
		return;
	if (driver == &rootfs_copy ? one->state.started && !is_there(dir, "root") :
				     !is_there(dir, "upper"))
		check_tell(c, "container %s: its files are missing", one->name);
}

static void check_layers_from(struct tiffin *t, struct check *c, const struct container *one)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	CLEAN(image_record_done) struct image_record image = { 0 };
	struct store variant = t->store;

	js_strv(one->config, "layers", &layers);
	variant.single_id = js_bool(one->config, "single_id");
	for (size_t i = 0; i < layers.n; i++)
		if (!layer_exists(&variant, layers.v[i]))
			check_tell(c, "container %s: layer %.19s is missing", one->name,
				   layers.v[i]);
	if (*one->image_id && image_find(&t->store, NULL, one->image_id, &image, NULL) < 0)
		check_tell(c, "container %s: its image %.12s is missing", one->name, one->image_id);
}

static int check_volumes_used(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(clean_json) json_t *users = NULL;
	const char *name;
	json_t *ids;

	if (volume_users(&t->store, &users, err) < 0)
		return -1;
	json_object_foreach(users, name, ids)
		if (json_array_size(ids) && !volume_exists(&t->store, name))
			check_tell(c, "container %.12s: its volume '%s' is missing",
				   json_string_value(json_array_get(ids, 0)) ?: "", name);
	return 0;
}

/* Those that the list passes over. An empty record is what a power cut leaves: it is swept. */
static int check_records(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (dir_list(t->store.containers, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(container_done) struct container one = { 0 };
		CLEAN(clean_free) char *config = xasprintf("%s/config", names.v[i]);
		struct stat st;

		if (!container_id_valid(names.v[i]) ||
		    container_find(&t->store, names.v[i], &one, NULL) == 0 ||
		    container_is_busy(&t->store, names.v[i]))
			continue;
		if (fstatat(t->store.containers, config, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_size == 0)
			check_tell_repair(c,
					  xasprintf("container %.12s was never finished",
						    names.v[i]),
					  NULL);
		else
			check_tell(c, "container %.12s: its record can't be read", names.v[i]);
	}
	return 0;
}

static int check_containers(struct tiffin *t, struct check *c, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	if (check_records(t, c, err) < 0 || container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		check_name(t, c, &list[i]);
		check_end(t, c, &list[i]);
		check_files(t, c, &list[i]);
		check_layers_from(t, c, &list[i]);
	}
	container_list_done(list, n);
	return check_volumes_used(t, c, err);
}

/* Names that lead to no container; container_sweep takes them away. */
static int check_stale_names(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (dir_list(t->store.names, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		char id[CONTAINER_ID_LEN + 1] = "";

		if (readlinkat(t->store.names, names.v[i], id, CONTAINER_ID_LEN) < 0 ||
		    !container_id_valid(id) || !is_there(t->store.containers, id))
			check_tell_repair(c, xasprintf("name %s leads to no container", names.v[i]),
					  NULL);
	}
	return 0;
}

/* --- the rest --- */

static int check_volumes(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(clean_fd)
	int dir = openat(t->store.fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(strv_done) struct strv names = { 0 };

	if (dir < 0)
		return 0;
	if (dir_list(dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct volume v = { 0 };
		struct err why = { 0 };

		if (volume_find(&t->store, names.v[i], &v, &why) < 0) {
			check_tell(c, "volume %s: %s", names.v[i], why.text);
			continue;
		}
		if (!v.elsewhere && !is_there(AT_FDCWD, v.path))
			check_tell(c, "volume %s: its files are missing", names.v[i]);
		volume_done(&v);
	}
	return 0;
}

/* A store may have been moved to another file system. */
static void check_driver(struct tiffin *t, struct check *c)
{
	char known[ROOTFS_DRIVER_NAME_MAX];
	const struct rootfs_driver *driver;
	struct err why = { 0 };

	if (!rootfs_driver_recall(&t->store, known))
		return;
	if (rootfs_driver_find(known, &driver, &why) == 0 &&
	    (driver != &rootfs_overlay || driver_try_overlay(t, &why) == 0 ||
	     why.kind != ERR_UNSUPPORTED))
		return;
	if (c->repair)
		unlinkat(t->store.fd, "driver", 0);
	check_tell_repair(c, xstrdup(why.text), NULL);
}

/* What is swept in any case when something is removed; --repair does it now. */
static int check_leftovers(struct tiffin *t, struct check *c, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(strv_done) struct strv left = { 0 };

	if (store_find_abandoned(&t->store, &names, err) < 0)
		return -1;
	if (c->repair) {
		sweep_containers(&t->store);
		helper_sweep(&t->store, &t->ids);
		if (store_find_abandoned(&t->store, &left, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < names.n; i++) {
		struct err why = { 0 };

		if (ends_with(names.v[i], ".lock"))
			continue;
		if (strv_has(&left, names.v[i]))
			err_set(&why, ERR_SYSTEM, "it can't be removed");
		check_tell_repair(c, xasprintf("tmp/%s: nobody works on it any more", names.v[i]),
				  why.kind ? &why : NULL);
	}
	return 0;
}

int check_quick(struct tiffin *t, struct check *c, struct err *err)
{
	int lost;

	check_driver(t, c);
	lost = check_names(t, c, err);
	if (lost)
		return lost;
	/* The sweep is last. */
	return check_images(t, c, err) < 0 || check_containers(t, c, err) < 0 ||
			       check_stale_names(t, c, err) < 0 || check_volumes(t, c, err) < 0 ||
			       check_orphans(t, c, err) < 0 || check_leftovers(t, c, err) < 0 ?
		       -1 :
		       0;
}
