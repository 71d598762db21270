/*
 * "tiffin info": the machine and the store, in podman's shape. Scripts ask it for .Host.Arch or
 * .Store.GraphRoot; people read it as podman prints it, in YAML.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/driver.h"
#include "cmd/format.h"
#include "cmd/version.h"
#include "image/platform.h"
#include "runtime/caps.h"
#include "runtime/log.h"
#include "storage/container.h"
#include "storage/image.h"

struct info_options {
	char *format;
};

static const struct opt info_opts[] = {
	{ 'f', "format", "TEMPLATE", "print it so: a template, or 'json'", set_string,
	  FIELD(info_options, format) },
	{ 0 },
};

static void info_done(void *options)
{
	free(((struct info_options *)options)->format);
}

static json_t *id_ranges(const struct id_range *ranges, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{sisIsI}", "container_id", (int)ranges[i].inside,
						"host_id", (json_int_t)ranges[i].outside, "size",
						(json_int_t)ranges[i].count));
	return list;
}

static json_t *id_mappings(const struct id_map *ids)
{
	return json_pack("{soso}", "gidmap", id_ranges(ids->gids, ids->n_gids), "uidmap",
			 id_ranges(ids->uids, ids->n_uids));
}

static json_t *security(void)
{
	CLEAN(buf_done) struct buf names = { 0 };
	uint64_t caps = caps_default();
	json_t *j = json_object();

	for (unsigned int i = 0; caps_name(i); i++)
		if (caps >> i & 1)
			buf_addf(&names, "%sCAP_%s", names.len ? "," : "", caps_name(i));
	js_set_bool(j, "apparmorEnabled", false);
	js_set_str(j, "capabilities", buf_str(&names));
	js_set_bool(j, "rootless", geteuid() != 0);
	js_set_bool(j, "seccompEnabled", true);
	js_set_bool(j, "selinuxEnabled", false);
	return j;
}

static json_t *host(const struct tiffin *t)
{
	json_t *j = json_object();
	struct platform platform;
	struct utsname names = { 0 };
	struct sysinfo system = { 0 };

	platform_host(&platform);
	uname(&names);
	sysinfo(&system);
	js_set_str(j, "arch", platform.arch);
	js_set_str(j, "cgroupVersion",
		   access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "v2" : "v1");
	js_set_int(j, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	js_set_str(j, "hostname", names.nodename);
	json_object_set_new(j, "idMappings", id_mappings(&t->ids));
	js_set_str(j, "kernel", names.release);
	js_set_str(j, "logDriver", log_driver_name(LOG_K8S_FILE));
	js_set_int(j, "memFree", (int64_t)system.freeram * system.mem_unit);
	js_set_int(j, "memTotal", (int64_t)system.totalram * system.mem_unit);
	js_set_str(j, "networkBackend", "slirp");
	js_set_str(j, "os", platform.os);
	json_object_set_new(j, "security", security());
	js_set_int(j, "swapFree", (int64_t)system.freeswap * system.mem_unit);
	js_set_int(j, "swapTotal", (int64_t)system.totalswap * system.mem_unit);
	return j;
}

static int count_containers(const struct tiffin *t, json_t **ret, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0, running = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		running += list[i].status == CONTAINER_RUNNING;
	container_list_done(list, n);
	*ret = json_pack("{sIsisIsI}", "number", (json_int_t)n, "paused", 0, "running",
			 (json_int_t)running, "stopped", (json_int_t)(n - running));
	return 0;
}

static int count_images(const struct tiffin *t, json_t **ret, struct err *err)
{
	struct image_record *list = NULL;
	size_t n = 0;

	if (image_list(&t->store, &list, &n, err) < 0)
		return -1;
	image_list_done(list, n);
	*ret = json_pack("{sI}", "number", (json_int_t)n);
	return 0;
}

static int store(const struct tiffin *t, json_t **ret, struct err *err)
{
	CLEAN(clean_json) json_t *j = json_object();
	const struct rootfs_driver *driver;
	json_t *containers = NULL, *images = NULL;
	struct statvfs disk;

	if (driver_choose(t, &driver, err) < 0 || count_containers(t, &containers, err) < 0)
		return -1;
	json_object_set_new(j, "containerStore", containers);
	js_set_str(j, "graphDriverName", driver->name);
	js_set_str(j, "graphRoot", t->store.root);
	if (fstatvfs(t->store.fd, &disk) == 0) {
		js_set_int(j, "graphRootAllocated", (int64_t)(disk.f_blocks * disk.f_frsize));
		js_set_int(j, "graphRootUsed",
			   (int64_t)((disk.f_blocks - disk.f_bfree) * disk.f_frsize));
	}
	if (count_images(t, &images, err) < 0)
		return -1;
	json_object_set_new(j, "imageStore", images);
	*ret = ptr_take(&j);
	return 0;
}

/* YAML, of what we made ourselves: no key or string needs quoting to be understood. */
static void print_yaml(const json_t *value, int indent, bool in_list)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_object(value) && json_object_size(value)) {
		json_object_foreach((json_t *)value, key, item) {
			bool nested = json_object_size(item) || json_array_size(item);

			printf("%*s%s:%s", in_list ? 0 : indent, "", key, nested ? "\n" : " ");
			in_list = false;
			print_yaml(item, json_is_array(item) ? indent : indent + 2, false);
		}
	} else if (json_is_array(value) && json_array_size(value)) {
		json_array_foreach(value, i, item) {
			printf("%*s- ", indent, "");
			print_yaml(item, indent + 2, true);
		}
	} else if (json_is_string(value)) {
		CLEAN(clean_free) char *safe = str_printable(json_string_value(value));

		printf("%s\n", safe);
	} else {
		CLEAN(clean_free) char *text = js_dump(value);

		printf("%s\n", text);
	}
}

static int info(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct info_options *o = options;
	CLEAN(clean_json) json_t *j = json_object();
	json_t *of_store = NULL;

	(void)operands;
	if (tiffin_open(t, false, err) < 0 || store(t, &of_store, err) < 0)
		return -1;
	json_object_set_new(j, "host", host(t));
	json_object_set_new(j, "store", of_store);
	json_object_set_new(j, "version", version_document());
	if (o->format)
		return format_value("info", o->format, j, err);
	print_yaml(j, 0, false);
	return 0;
}

const struct command command_info = {
	.names = "info",
	.operands = "[OPTIONS]",
	.summary = "print what tiffin knows of the machine and its store",
	.opts = info_opts,
	.size = sizeof(struct info_options),
	.run = info,
	.done = info_done,
};
