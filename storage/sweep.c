#include "storage/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "storage/container.h"
#include "storage/image.h"

#define HEX_LEN 64

static DIR *open_list(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		clean_fd(&fd);
	return dir;
}

bool sweep_is_remnant(const char *name)
{
	const size_t len = strlen(name);

	return len > 17 && name[len - 17] == '.' && is_hex(name + len - 16, 16);
}

/* --- layers --- */

static void add_hex(json_t *set, const struct strv *diff_ids)
{
	for (size_t i = 0; i < diff_ids->n; i++)
		if (starts_with(diff_ids->v[i], "sha256:"))
			json_object_set_new(set, diff_ids->v[i] + strlen("sha256:"), json_true());
}

static int add_images(const struct store *s, json_t *set, struct err *err)
{
	struct image_record *list = NULL;
	bool whole = false;
	size_t n = 0;

	if (image_list_all(s, &list, &n, &whole, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		add_hex(set, &list[i].layers);
	image_list_done(list, n);
	return whole ? 0 : err_set(err, ERR_CORRUPT, "the record of an image can't be read");
}

static int add_containers(const struct store *s, json_t *set, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	if (container_list(s, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		CLEAN(strv_done) struct strv layers = { 0 };

		js_strv(list[i].config, "layers", &layers);
		add_hex(set, &layers);
	}
	container_list_done(list, n);
	return 0;
}

int sweep_find_layers(const struct store *s, struct strv *ret, struct err *err)
{
	CLEAN(clean_json) json_t *used = json_object();
	CLEAN(clean_dir) DIR *dir = open_list(s->layers);
	struct dirent *e;

	if (!dir)
		return err_sys(err, "cannot list the store's layers");
	if (add_images(s, used, err) < 0 || add_containers(s, used, err) < 0)
		return -1;
	while ((e = readdir(dir))) {
		char hex[HEX_LEN + 1];

		if (!is_hex(e->d_name, HEX_LEN))
			continue;
		memcpy(hex, e->d_name, HEX_LEN);
		hex[HEX_LEN] = '\0';
		if (!json_object_get(used, hex))
			strv_add(ret, e->d_name);
	}
	return 0;
}

int sweep_layer(const struct store *s, const char *name, struct err *err)
{
	CLEAN(clean_fd) int lock = -1;
	char trash[STAGE_NAME_MAX];

	if (file_lock_at(s->locks, name, LOCK_EXCLUSIVE, false, &lock, err) < 0 ||
	    store_trash(s, s->layers, name, trash, err) < 0)
		return -1;
	file_lock_remove_at(s->locks, name);
	return 0;
}

/* --- locks, sockets, remnants --- */

/* A layer's whose layer is not there. The others are of the store, and as old as it is. */
static bool is_idle(const struct store *s, const char *name)
{
	return is_hex(name, HEX_LEN) && faccessat(s->layers, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

void sweep_locks(const struct store *s)
{
	CLEAN(clean_dir) DIR *dir = open_list(s->locks);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEAN(clean_fd) int lock = -1;

		if (is_idle(s, e->d_name) &&
		    file_lock_at(s->locks, e->d_name, LOCK_EXCLUSIVE, false, &lock, NULL) == 0 &&
		    is_idle(s, e->d_name))
			file_lock_remove_at(s->locks, e->d_name);
	}
}

static void remove_remnants(int dirfd)
{
	CLEAN(clean_dir) DIR *dir = open_list(dirfd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (sweep_is_remnant(e->d_name))
			unlinkat(dirfd, e->d_name, 0);
}

/* Who has its lock, its monitor that is, writes into its directory. */
void sweep_containers(const struct store *s)
{
	CLEAN(clean_dir) DIR *dir = open_list(s->containers);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;

		if (!container_id_valid(e->d_name) ||
		    container_dir_lock(s, e->d_name, false, &d, NULL) < 0)
			continue;
		unlinkat(d.fd, CONTAINER_ATTACH, 0);
		unlinkat(d.fd, CONTAINER_CALLS, 0);
		remove_remnants(d.fd);
	}
}

void sweep_images(const struct store *s)
{
	remove_remnants(s->images);
}
