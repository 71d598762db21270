#include "storage/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "storage/container.h"
#include "storage/journal.h"

#define RECORD_MAX (1u << 20)

void volume_done(struct volume *v)
{
	free(v->name);
	free(v->path);
	strv_done(&v->labels);
	strv_done(&v->options);
	*v = (struct volume){ 0 };
}

void volume_list_done(struct volume *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		volume_done(&list[i]);
	free(list);
}

bool volume_name_valid(const char *name)
{
	return container_name_valid(name);
}

static int open_volumes(const struct store *s)
{
	return openat(s->fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* --- Making one --- */

static int write_record(const struct volume_new *new, int dir, struct err *err)
{
	CLEAN(clean_json) json_t *j = json_object();
	CLEAN(clean_free) char *text = NULL;
	const struct strv none = { 0 };

	js_set_strv(j, "labels", new->labels ?: &none);
	js_set_strv(j, "options", new->options ?: &none);
	js_set_int(j, "created", now_realtime());
	js_set_bool(j, "anonymous", new->anonymous);
	text = js_dump(j);
	return file_replace_at(dir, "volume.json", text, strlen(text), 0600,
			       new->anonymous ? RELAXED : DURABLE, err);
}

static int fill(const struct volume_new *new, int dir, struct err *err)
{
	CLEAN(clean_fd) int fresh = -1;

	/* The mode of a mount point that was made for it. */
	if (mkdirat(dir, "_data", 0755) < 0 || fchmodat(dir, "_data", 0755, 0) < 0)
		return err_sys(err, "cannot create '_data'");
	fresh = openat(dir, "fresh", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fresh < 0)
		return err_sys(err, "cannot create 'fresh'");
	return write_record(new, dir, err);
}

static int put(const struct store *s, const struct volume_new *new, const char *stage,
	       const char *name, struct err *err)
{
	CLEAN(clean_fd) int volumes = -1;

	if (dir_open_or_make_at(s->fd, "volumes", 0700, &volumes, err) < 0)
		return -1;
	if (renameat2(s->tmp, stage, volumes, name, RENAME_NOREPLACE) < 0) {
		if (errno == EEXIST)
			return err_set(err, ERR_EXISTS,
				       "volume with name %s already exists: volume already exists", name);
		return err_sys(err, "cannot put the volume into the store");
	}
	return new->anonymous ? 0 : dir_sync(volumes, err);
}

int volume_create(const struct store *s, const struct volume_new *new, char **ret_name,
		  struct err *err)
{
	char stage[STAGE_NAME_MAX], id[VOLUME_ID_LEN + 1];
	const char *name = new->name ?: id;
	CLEAN(clean_fd) int dir = -1;
	CLEAN(clean_fd) int lock = -1;
	int result;

	random_hex(id, VOLUME_ID_LEN / 2);
	if (!volume_name_valid(name))
		return err_set(err, ERR_USAGE, "'%s': a volume's names must match "
					       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument", name);
	if (store_stage(s, stage, &dir, &lock, err) < 0)
		return err_wrap(err, "volume %s", name);
	result = fill(new, dir, err) < 0 ? err_wrap(err, "volume %s", name) :
					   put(s, new, stage, name, err);
	store_unstage(s, stage);
	if (result == 0)
		*ret_name = xstrdup(name);
	return result;
}

/* --- Finding them --- */

/* The last one said counts. */
static const char *option_of(const struct strv *options, const char *key)
{
	return strv_get_env(options, key);
}

static int load(const struct store *s, int volumes, const char *name, struct volume *ret,
		struct err *err)
{
	CLEAN(clean_free) char *path = xasprintf("%s/volume.json", name);
	CLEAN(clean_free) char *mark = xasprintf("%s/fresh", name);
	CLEAN(volume_done) struct volume v = { .name = xstrdup(name) };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	const char *device;

	if (file_read_at(volumes, path, RECORD_MAX, &text, err) < 0 ||
	    js_parse(text.data, text.len, &j, err) < 0)
		return err_wrap(err, "volume %s", name);
	js_strv(j, "labels", &v.labels);
	js_strv(j, "options", &v.options);
	v.created = js_int(j, "created");
	v.anonymous = js_bool(j, "anonymous");
	v.fresh = faccessat(volumes, mark, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	device = option_of(&v.options, "device");
	v.elsewhere = device != NULL;
	v.path = device ? xstrdup(device) : xasprintf("%s/volumes/%s/_data", s->root, name);
	*ret = v;
	v = (struct volume){ 0 };
	return 0;
}

/* The names that begin so. */
static void list_names(int volumes, const char *prefix, struct strv *ret)
{
	int fd = openat(volumes, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEAN(clean_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (volume_name_valid(e->d_name) && starts_with(e->d_name, prefix))
			strv_add(ret, e->d_name);
}

static bool is_made_up(const char *name)
{
	return strlen(name) == VOLUME_ID_LEN && is_hex(name, VOLUME_ID_LEN);
}

static int find_by_digits(const struct store *s, int volumes, const char *digits,
			  struct volume *ret, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };
	const char *found = NULL;

	list_names(volumes, digits, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (!is_made_up(names.v[i]))
			continue;
		if (found)
			return err_set(err, ERR_USAGE, "\"%s\" fits several volumes: %.12s, %.12s",
				       digits, found, names.v[i]);
		found = names.v[i];
	}
	if (found)
		return load(s, volumes, found, ret, err);
	return err_set(err, ERR_NOT_FOUND, "no volume with name \"%s\" found: no such volume",
		       digits);
}

int volume_find(const struct store *s, const char *name, struct volume *ret, struct err *err)
{
	CLEAN(clean_fd) int volumes = open_volumes(s);
	struct err why = { 0 };

	if (volumes >= 0 && volume_name_valid(name)) {
		if (load(s, volumes, name, ret, &why) == 0)
			return 0;
		if (why.kind != ERR_NOT_FOUND) {
			if (err)
				*err = why;
			return -1;
		}
	}
	if (volumes >= 0 && *name && is_hex(name, strlen(name)))
		return find_by_digits(s, volumes, name, ret, err);
	return err_set(err, ERR_NOT_FOUND, "no volume with name \"%s\" found: no such volume",
		       name);
}

bool volume_exists(const struct store *s, const char *name)
{
	CLEAN(clean_fd) int volumes = open_volumes(s);

	return volumes >= 0 && volume_name_valid(name) &&
	       faccessat(volumes, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct volume *)a)->name, ((const struct volume *)b)->name);
}

int volume_list(const struct store *s, struct volume **ret, size_t *ret_n, struct err *err)
{
	CLEAN(clean_fd) int volumes = open_volumes(s);
	CLEAN(strv_done) struct strv names = { 0 };
	struct volume *list = NULL;
	size_t n = 0;

	if (volumes < 0 && errno != ENOENT)
		return err_sys(err, "cannot list the store's volumes");
	if (volumes >= 0)
		list_names(volumes, "", &names);
	for (size_t i = 0; i < names.n; i++) {
		struct err why = { 0 };
		struct volume v;

		if (load(s, volumes, names.v[i], &v, &why) < 0) {
			if (why.kind == ERR_NOT_FOUND)
				continue; /* removed a moment ago */
			volume_list_done(list, n);
			if (err)
				*err = why;
			return -1;
		}
		list = xrealloc(list, (n + 1) * sizeof(*list));
		list[n++] = v;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* --- Who uses them, and removing them --- */

int volume_hold(const struct store *s, int *ret_lock, struct err *err)
{
	return file_lock_at(s->locks, "volumes", LOCK_SHARED, true, ret_lock, err);
}

/* The names of the volumes that a container's record names. */
static void names_in(const json_t *record, bool anonymous_only, struct strv *ret)
{
	json_t *mount;
	size_t i;

	json_array_foreach(js_arr(js_obj(record, "spec"), "mounts"), i, mount)
		if (streq(js_str(mount, "kind") ?: "", "volume") && js_str(mount, "name") &&
		    (!anonymous_only || js_bool(mount, "anonymous")) &&
		    !strv_has(ret, js_str(mount, "name")))
			strv_add(ret, js_str(mount, "name"));
}

int volume_users(const struct store *s, json_t **ret, struct err *err)
{
	struct container *list = NULL;
	json_t *users;
	size_t n = 0;

	if (container_list(s, &list, &n, err) < 0)
		return -1;
	users = json_object();
	for (size_t i = 0; i < n; i++) {
		CLEAN(strv_done) struct strv names = { 0 };

		names_in(list[i].config, false, &names);
		for (size_t k = 0; k < names.n; k++) {
			json_t *ids = js_arr(users, names.v[k]);

			if (!ids) {
				ids = json_array();
				json_object_set_new(users, names.v[k], ids);
			}
			json_array_append_new(ids, json_string(list[i].id));
		}
	}
	container_list_done(list, n);
	*ret = users;
	return 0;
}

static int refuse_busy(const char *name, const json_t *ids, struct err *err)
{
	CLEAN(buf_done) struct buf text = { 0 };
	json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
		buf_addf(&text, "%s%s", i ? ", " : "", json_string_value(id));
	return err_set(err, ERR_BUSY,
		       "volume %s is being used by the following container(s): %.300s: volume is being used",
		       name, buf_str(&text));
}

/* Under the lock, exclusive. */
static int remove_unused(const struct store *s, const char *name, const json_t *users,
			 char ret_trash[STAGE_NAME_MAX], struct err *err)
{
	const json_t *ids = js_arr(users, name);
	CLEAN(clean_fd) int volumes = open_volumes(s);
	struct err why = { 0 };

	if (json_array_size(ids))
		return refuse_busy(name, ids, err);
	if (volumes < 0 || store_trash(s, volumes, name, ret_trash, &why) < 0) {
		if (volumes < 0 || why.kind == ERR_NOT_FOUND)
			return err_set(err, ERR_NOT_FOUND,
				       "no volume with name \"%s\" found: no such volume", name);
		if (err)
			*err = why;
		return -1;
	}
	return 0;
}

int volume_remove(const struct store *s, const char *name, char ret_trash[STAGE_NAME_MAX],
		  struct err *err)
{
	CLEAN(clean_json) json_t *users = NULL;
	CLEAN(clean_fd) int lock = -1;

	if (file_lock_at(s->locks, "volumes", LOCK_EXCLUSIVE, true, &lock, err) < 0 ||
	    volume_users(s, &users, err) < 0)
		return -1;
	return remove_unused(s, name, users, ret_trash, err);
}

void volume_release(const struct store *s, const json_t *record, struct strv *trash)
{
	CLEAN(strv_done) struct strv names = { 0 };
	CLEAN(clean_json) json_t *users = NULL;
	CLEAN(clean_fd) int lock = -1;

	names_in(record, true, &names);
	if (!names.n || file_lock_at(s->locks, "volumes", LOCK_EXCLUSIVE, true, &lock, NULL) < 0 ||
	    volume_users(s, &users, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		CLEAN(volume_done) struct volume v = { 0 };
		char name[STAGE_NAME_MAX];

		if (is_made_up(names.v[i]) && volume_find(s, names.v[i], &v, NULL) == 0 &&
		    v.anonymous && remove_unused(s, v.name, users, name, NULL) == 0) {
			journal_add(s, "volume", "remove", v.name, v.name,
				    json_pack("{s:s}", "driver", "local"));
			strv_add(trash, name);
		}
	}
}

void volume_release_trash(const struct store *s, const char *name, struct strv *trash)
{
	CLEAN(clean_free) char *path = xasprintf("%s/config", name);
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_json) json_t *record = NULL;

	/* Without a record it never was a container. */
	if (file_read_at(s->tmp, path, 16u << 20, &text, NULL) == 0 &&
	    js_parse(text.data, text.len, &record, NULL) == 0)
		volume_release(s, record, trash);
}
