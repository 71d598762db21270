#include "cmd/container_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/proc.h"
#include "cmd/human.h"
#include "cmd/network_option.h"
#include "cmd/ports.h"

#define COMMAND_WIDTH 20
#define MOUNT_WIDTH   15

const struct heading container_headings[] = {
	{ "AutoRemove", "AUTO REMOVE" },
	{ "Cgroup", "CGROUPNS" },
	{ "Command", "COMMAND" },
	{ "Created", "CREATED" },
	{ "CreatedAt", "CREATED AT" },
	{ "CreatedHuman", "CREATED" },
	{ "ExitCode", "EXIT CODE" },
	{ "Exited", "EXITED" },
	{ "ExitedAt", "EXITED AT" },
	{ "ID", "CONTAINER ID" },
	{ "Image", "IMAGE" },
	{ "IPC", "IPC" },
	{ "ImageID", "IMAGE ID" },
	{ "Labels", "LABELS" },
	{ "MNT", "MNT" },
	{ "Mounts", "MOUNTS" },
	{ "NET", "NET" },
	{ "Names", "NAMES" },
	{ "Networks", "NETWORKS" },
	{ "PIDNS", "PIDNS" },
	{ "Pid", "PID" },
	{ "Ports", "PORTS" },
	{ "RunningFor", "CREATED" },
	{ "Size", "SIZE" },
	{ "StartedAt", "STARTED AT" },
	{ "State", "STATE" },
	{ "Status", "STATUS" },
	{ "USERNS", "USERNS" },
	{ "UTS", "UTS" },
	{ 0 },
};

const char *container_status_word(const struct container *c)
{
	static const char *const words[] = {
		[CONTAINER_CREATED] = "created",
		[CONTAINER_INITIALIZED] = "initialized",
		[CONTAINER_RUNNING] = "running",
		[CONTAINER_RESTARTING] = "restarting",
		[CONTAINER_EXITED] = "exited",
	};

	return c->paused ? "paused" : words[c->status];
}

const char *container_health_word(const struct container *c)
{
	return js_str(c->health, "Status") ?: "none";
}

/* "Up 3 seconds", "Exited (0) 2 minutes ago". */
static char *describe_status(const struct container *c)
{
	int64_t now = now_realtime();
	CLEAN(clean_free) char *age = NULL;

	if (c->status == CONTAINER_CREATED)
		return xstrdup("Created");
	if (c->status == CONTAINER_INITIALIZED)
		return xstrdup("Initialized");
	if (c->status == CONTAINER_RUNNING) {
		const char *health = js_str(c->health, "Status");

		age = human_duration((now - c->state.started) / 1000000000);
		if (c->paused)
			return xasprintf("Up %s (Paused)", age);
		if (c->state.network_lost)
			return xasprintf("Up %s (network lost)", age);
		if (!health)
			return xasprintf("Up %s", age);
		return xasprintf("Up %s (%s%s)", age, streq(health, "starting") ? "health: " : "",
				 health);
	}
	if (c->status == CONTAINER_RESTARTING) {
		age = human_duration((now - c->state.finished) / 1000000000);
		return xasprintf("Restarting (%d) %s ago", c->state.exit_code, age);
	}
	if (c->state.finished == 0)
		return xasprintf("Exited (%d), its monitor died", c->state.exit_code);
	age = human_duration((now - c->state.finished) / 1000000000);
	return xasprintf("Exited (%d) %s ago", c->state.exit_code, age);
}

/* At most so many characters, the last of which is then an ellipsis. */
static char *cut(const char *text, size_t width)
{
	size_t end = 0, last = 0, n = 0;

	while (text[end] && n < width) {
		last = end;
		for (end++; (text[end] & 0xc0) == 0x80;)
			end++;
		n++;
	}
	return text[end] ? xasprintf("%.*s…", (int)last, text) : xstrdup(text);
}

/* The command as docker shows it: in quotes, cut to 20 characters. */
static char *describe_command(const struct container *c, bool whole)
{
	CLEAN(strv_done) struct strv args = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };
	CLEAN(clean_free) char *short_text = NULL;

	js_strv(js_obj(c->config, "spec"), "args", &args);
	for (size_t i = 0; i < args.n; i++)
		buf_addf(&text, "%s%s", i ? " " : "", args.v[i]);
	if (whole)
		return xasprintf("\"%s\"", buf_str(&text));
	short_text = cut(buf_str(&text), COMMAND_WIDTH);
	return xasprintf("\"%s\"", short_text);
}

/* Of one that does not run, docker says none. */
static char *describe_ports(const struct container *c)
{
	CLEAN(port_list_done) struct port_list ports = { 0 };

	if (c->status == CONTAINER_RUNNING)
		port_list_from_json(c->state.ports, &ports);
	return port_list_describe(&ports);
}

static char *describe_labels(const struct container *c)
{
	CLEAN(strv_done) struct strv labels = { 0 };
	CLEAN(buf_done) struct buf text = { 0 };

	js_strv(c->config, "labels", &labels);
	for (size_t i = 0; i < labels.n; i++)
		buf_addf(&text, "%s%s%s", i ? "," : "", labels.v[i],
			 strchr(labels.v[i], '=') ? "" : "=");
	return xstrdup(buf_str(&text));
}

/* The sources of what is bound, and the names of volumes. */
static char *describe_mounts(const struct container *c, bool whole)
{
	CLEAN(buf_done) struct buf text = { 0 };
	json_t *mount;
	size_t i;

	json_array_foreach(js_arr(js_obj(c->config, "spec"), "mounts"), i, mount) {
		const char *kind = js_str(mount, "kind") ?: "";
		const bool volume = streq(kind, "volume");
		const char *source = js_str(mount, volume ? "name" : "source") ?: "";
		CLEAN(clean_free) char *shown = whole ? xstrdup(source) : cut(source, MOUNT_WIDTH);

		if (volume || streq(kind, "bind"))
			buf_addf(&text, "%s%s", text.len ? "," : "", shown);
	}
	return xstrdup(buf_str(&text));
}

json_t *container_row(const struct container *c, bool whole)
{
	const json_t *spec = js_obj(c->config, "spec");
	CLEAN(clean_free) char *age = human_duration((now_realtime() - c->created) / 1000000000);
	json_t *row = json_object();

	js_set_bool(row, "AutoRemove", js_bool(spec, "auto_remove"));
	js_set_str_take(row, "Command", describe_command(c, whole));
	js_set_str_take(row, "CreatedAt", human_time(c->created / 1000000000));
	js_set_str_take(row, "Created", xasprintf("%s ago", age));
	js_set_str_take(row, "CreatedHuman", xasprintf("%s ago", age));
	js_set_int(row, "ExitCode", c->state.exit_code);
	js_set_bool(row, "Exited", c->status == CONTAINER_EXITED);
	js_set_int(row, "ExitedAt", c->state.finished / 1000000000);
	js_set_str_take(row, "ID", xasprintf("%.*s", whole ? 64 : 12, c->id));
	js_set_str(row, "Image", c->image);
	js_set_str_take(row, "ImageID", xasprintf("%.*s", whole ? 64 : 12, c->image_id));
	js_set_str_take(row, "Labels", describe_labels(c));
	js_set_str_take(row, "Mounts", describe_mounts(c, whole));
	js_set_str(row, "Names", c->name);
	js_set_str(row, "Networks", network_option_name(spec));
	js_set_int(row, "Pid", c->status == CONTAINER_RUNNING ? c->state.init.pid : 0);
	js_set_str_take(row, "Ports", describe_ports(c));
	js_set_str_take(row, "RunningFor", xasprintf("%s ago", age));
	js_set_int(row, "StartedAt", c->state.started / 1000000000);
	js_set_str(row, "State", container_status_word(c));
	js_set_str_take(row, "Status", describe_status(c));
	return row;
}

/* "12.3kB (virtual 4.26MB)", as docker has it. */
void container_row_set_size(json_t *row, const struct container_size *size)
{
	CLEAN(clean_free) char *written = size ? human_size(size->written) : NULL;
	CLEAN(clean_free) char *whole = size ? human_size(size->whole) : NULL;

	js_set_str_take(row, "Size",
			size ? xasprintf("%s (virtual %s)", written, whole) : xstrdup(""));
}

void container_row_set_namespaces(json_t *row, const struct container *c)
{
	static const char *const kinds[][2] = {
		{ "Cgroup", "cgroup" }, { "IPC", "ipc" },     { "MNT", "mnt" }, { "NET", "net" },
		{ "PIDNS", "pid" },	{ "USERNS", "user" }, { "UTS", "uts" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char path[64], link[64] = "";
		const char *number;
		ssize_t n = -1;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)c->state.init.pid, kinds[i][1]);
		if (c->status == CONTAINER_RUNNING)
			n = readlink(path, link, sizeof(link) - 1);
		/* "pid:[4026531836]" */
		number = n > 0 ? strchr(link, '[') : NULL;
		js_set_str_take(row, kinds[i][0],
				number ? xstrndup(number + 1, strcspn(number + 1, "]")) :
					 xstrdup(""));
	}
}

json_t *container_row_methods(const struct container *c)
{
	CLEAN(strv_done) struct strv labels = { 0 };

	js_strv(c->config, "labels", &labels);
	return json_pack("{so}", "Label", js_map(&labels));
}
