#include "cmd/container_ids.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/driver.h"
#include "runtime/session.h"
#include "runtime/userns.h"
#include "storage/mapped.h"
#include "storage/overlay_mapped.h"

void container_ids_to_json(const struct id_mapping *mapping, const char *mode, json_t *record)
{
	json_t *j;

	if (!mapping)
		return;
	j = json_object();
	json_object_set_new(j, "uids", id_ranges_to_json(&mapping->uids));
	json_object_set_new(j, "gids", id_ranges_to_json(&mapping->gids));
	json_object_set_new(record, "id_mapping", j);
	js_set_str(record, "userns", mode);
}

int container_ids_from_json(const json_t *record, struct id_mapping **ret, struct err *err)
{
	const json_t *j = js_obj(record, "id_mapping");
	struct id_mapping m;

	if (!j)
		return 0;
	if (id_ranges_from_json(js_arr(j, "uids"), &m.uids, err) < 0 ||
	    id_ranges_from_json(js_arr(j, "gids"), &m.gids, err) < 0)
		return err_wrap(err, "the record's IDs");
	*ret = xmalloc(sizeof(m));
	**ret = m;
	return 0;
}

bool container_ids_within(const struct tiffin *t, const struct id_mapping *mapping)
{
	return mapping && !t->ids.single;
}

int container_ids_inner(const struct tiffin *t, const struct id_mapping *mapping,
			struct id_map *ret, struct err *err)
{
	struct id_map map;

	if (id_map_through(&t->ids, mapping, &map, err) < 0)
		return -1;
	/* Cut as the store's map is; what is outside is in the store's namespace. */
	for (size_t i = 0; i < map.n_uids; i++)
		id_ranges_find(mapping->uids.v, mapping->uids.n, map.uids[i].inside,
			       &map.uids[i].outside);
	for (size_t i = 0; i < map.n_gids; i++)
		id_ranges_find(mapping->gids.v, mapping->gids.n, map.gids[i].inside,
			       &map.gids[i].outside);
	map.inherited = true;
	*ret = map;
	return 0;
}

int container_ids_driver(const struct tiffin *t, const struct id_mapping *mapping,
			 const struct rootfs_driver *driver, const struct rootfs_driver **ret,
			 struct err *err)
{
	*ret = driver;
	if (!container_ids_within(t, mapping) || id_mapping_is_identity(mapping))
		return 0;
	if (driver != &rootfs_overlay)
		return err_set(err, ERR_UNSUPPORTED,
			       "the storage driver '%s' gives an image's files no other "
			       "owners: --userns and --uidmap take 'overlay'",
			       driver->name);
	*ret = &rootfs_mapped;
	return 0;
}

/* --- The tree --- */

struct task {
	const struct store *store;
	const struct rootfs *rootfs;
};

/* A directory takes a descriptor for each layer that has a part in it. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* In the store's user namespace, and a mount namespace. */
static int build(void *arg, int *ret_fd, struct err *err)
{
	const struct task *task = arg;
	const struct rootfs *r = task->rootfs;
	const char *wanted = getenv("TIFFIN_MAPPED");
	enum mapped_how how =
		(!wanted || !streq(wanted, "copy")) && overlay_mapped_works(task->store) ?
			MAPPED_META :
			MAPPED_COPY;

	allow_descriptors();
	if (mapped_build(task->store, r->image, r->layers, r->mapping, how, err) < 0)
		return -1;
	return mapped_directory(task->store, ret_fd, err);
}

/* Its being there is the memory of having said it. */
static void say_copied(const struct store *s)
{
	CLEAN(clean_fd)
	int said =
		openat(s->fd, "said-copied-layers", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (said >= 0)
		warn("this kernel can't show an image's files with other owners where they are "
		     "(Linux 6.16 can): they are copied, once for each image and mapping of IDs");
}

int container_ids_prepare(struct tiffin *t, const struct rootfs *r,
			  const struct rootfs_driver *driver, struct err *err)
{
	struct task task = { .store = &t->store, .rootfs = r };
	CLEAN(clean_fd) int lock = -1;
	CLEAN(clean_fd) int fd = -1;
	enum mapped_how how = MAPPED_META;
	CLEAN(clean_fd) int tree = -1;
	int result;

	if (driver != &rootfs_mapped || mapped_exists(&t->store, r->image, r->mapping))
		return 0;
	if (mapped_lock(&t->store, &lock, err) < 0)
		return -1;
	if (mapped_exists(&t->store, r->image, r->mapping))
		return 0;
	result = session_is_here() ? build(&task, &fd, err) :
				     userns_open(&t->ids, build, &task, &fd, err);
	if (result < 0)
		return err_wrap(err, "cannot give the image's files the owners that are mapped");
	if (mapped_open(t->store.fd, r->image, r->mapping, &tree, &how, NULL) == 0 &&
	    how == MAPPED_COPY)
		say_copied(&t->store);
	return 0;
}

int container_ids_open(struct tiffin *t, const json_t *record, struct rootfs *r,
		       const struct rootfs_driver **ret_driver, struct id_mapping **ret_mapping,
		       struct err *err)
{
	const struct rootfs_driver *driver;

	tiffin_set_ids(t, js_bool(record, "single_id"));
	if (driver_of(record, &driver, err) < 0 ||
	    container_ids_from_json(record, ret_mapping, err) < 0)
		return -1;
	r->mapping = *ret_mapping;
	r->image = js_str(record, "image_id") ?: "";
	if (container_ids_driver(t, *ret_mapping, driver, ret_driver, err) < 0)
		return -1;
	return container_ids_prepare(t, r, *ret_driver, err);
}
