#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_row.h"
#include "cmd/driver.h"
#include "cmd/human.h"
#include "cmd/inspect.h"
#include "cmd/log_options.h"
#include "cmd/namespace_options.h"
#include "cmd/network_option.h"
#include "runtime/caps.h"
#include "runtime/masks.h"
#include "runtime/spec.h"
#include "storage/volume.h"

static json_t *strings(char *const *v, size_t n)
{
	const struct strv part = { .v = (char **)v, .n = n };
	CLEAN(clean_json) json_t *j = json_object();

	js_set_strv(j, "all", &part);
	return json_incref(json_object_get(j, "all"));
}

/* As it is recorded, but for the times. */
static json_t *docker_health(const json_t *recorded)
{
	json_t *j = json_deep_copy(recorded), *result;
	size_t i;

	json_array_foreach(js_arr(j, "Log"), i, result) {
		js_set_str_take(result, "Start", rfc3339_nano(js_int(result, "Start")));
		js_set_str_take(result, "End", rfc3339_nano(js_int(result, "End")));
	}
	return j;
}

json_t *inspect_health_check(const struct health_check *h)
{
	bool line = h->test.n == 3 && streq(h->test.v[0], "/bin/sh") && streq(h->test.v[1], "-c");
	json_t *j = json_object(), *test = json_array();

	json_array_append_new(test, json_string(line ? "CMD-SHELL" : "CMD"));
	for (size_t i = line ? 2 : 0; i < h->test.n; i++)
		json_array_append_new(test, json_string(h->test.v[i]));
	json_object_set_new(j, "Test", test);
	js_set_int(j, "Interval", h->interval);
	js_set_int(j, "Timeout", h->timeout);
	js_set_int(j, "StartPeriod", h->start_period);
	js_set_int(j, "Retries", h->retries);
	return j;
}

static json_t *state_of(const struct container *c)
{
	json_t *j = json_object();

	js_set_str(j, "Status", container_status_word(c));
	js_set_bool(j, "Running", c->status == CONTAINER_RUNNING);
	js_set_bool(j, "Paused", c->paused);
	js_set_bool(j, "Restarting", c->status == CONTAINER_RESTARTING);
	js_set_bool(j, "OOMKilled", false);
	js_set_bool(j, "Dead", false);
	js_set_int(j, "Pid", c->status == CONTAINER_RUNNING ? c->state.init.pid : 0);
	/* podman's word for the monitor */
	js_set_int(j, "ConmonPid", proc_alive(&c->state.monitor) ? c->state.monitor.pid : 0);
	js_set_int(j, "ExitCode", c->state.exit_code);
	js_set_str(j, "Error", c->status == CONTAINER_RUNNING && c->state.network_lost ?
				       "its network is lost: tiffin network reload" : "");
	js_set_bool(j, "StoppedByUser", c->state.stopped);
	js_set_str_take(j, "StartedAt", rfc3339_nano(c->state.started));
	js_set_str_take(j, "FinishedAt", rfc3339_nano(c->state.finished));
	if (c->health)
		json_object_set_new(j, "Health", docker_health(c->health));
	return j;
}

/* --- mounts --- */

/* "rw", and what differs from the defaults. */
static void add_words(const struct mount_spec *m, struct strv *ret)
{
	static const char *const spreads[][2] = {
		[PROPAGATION_PRIVATE] = { "rprivate", "rprivate" },
		[PROPAGATION_SLAVE] = { "slave", "rslave" },
		[PROPAGATION_SHARED] = { "shared", "rshared" },
	};

	strv_add(ret, spreads[m->propagation][m->spread]);
	strv_add(ret, m->alone ? "bind" : "rbind");
	if (m->no_exec)
		strv_add(ret, "noexec");
	if (m->no_suid)
		strv_add(ret, "nosuid");
	if (m->no_dev)
		strv_add(ret, "nodev");
}

static const char *type_of(const struct mount_spec *m)
{
	static const char *const types[] = {
		[MOUNT_BIND] = "bind",
		[MOUNT_TMPFS] = "tmpfs",
		[MOUNT_VOLUME] = "volume",
		[MOUNT_IMAGE] = "image",
	};

	return types[m->kind];
}

/* The first of the words is the propagation, which has a member of its own. */
static json_t *mount_of(const struct tiffin *t, const struct mount_spec *m)
{
	CLEAN(strv_done) struct strv words = { 0 };
	CLEAN(volume_done) struct volume v = { 0 };
	json_t *j = json_object();

	add_words(m, &words);
	js_set_str(j, "Type", type_of(m));
	if (m->kind == MOUNT_VOLUME) {
		volume_find(&t->store, m->name, &v, NULL);
		js_set_str(j, "Name", m->name);
		js_set_str(j, "Driver", "local");
	}
	js_set_str(j, "Source", m->kind == MOUNT_VOLUME ? v.path ?: "" : m->source);
	js_set_str(j, "Destination", m->target);
	js_set_str(j, "Mode", m->overlay ? "O" : "");
	json_object_set_new(j, "Options", strings(words.v + 1, words.n - 1));
	js_set_bool(j, "RW", !m->read_only);
	js_set_str(j, "Propagation", words.v[0]);
	return j;
}

static json_t *mounts_of(const struct tiffin *t, const struct container_spec *spec)
{
	json_t *list = json_array();

	/* As in docker, a tmpfs is the host configuration's alone. */
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (spec->mounts[i].kind != MOUNT_TMPFS)
			json_array_append_new(list, mount_of(t, &spec->mounts[i]));
	return list;
}

static void set_binds(json_t *j, const struct container_spec *spec)
{
	CLEAN(strv_done) struct strv binds = { 0 };
	json_t *tmpfs = json_object();

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct mount_spec *m = &spec->mounts[i];

		if (m->kind == MOUNT_TMPFS)
			js_set_str(tmpfs, m->target, m->source);
		else if (m->kind != MOUNT_IMAGE)
			strv_addf(&binds, "%s:%s:%s", m->name ?: m->source, m->target,
				  m->read_only ? "ro" : "rw");
	}
	js_set_strv(j, "Binds", &binds);
	json_object_set_new(j, "Tmpfs", tmpfs);
}

/* --- the configuration, and the host's part of it --- */

static json_t *caps_of(uint64_t mask)
{
	CLEAN(strv_done) struct strv names = { 0 };

	for (unsigned int i = 0; caps_name(i); i++)
		if (mask >> i & 1)
			strv_addf(&names, "CAP_%s", caps_name(i));
	return strings(names.v, names.n);
}

/* What differs from the default, which has no-new-privileges. */
static json_t *security_of(const struct container_spec *spec)
{
	CLEAN(strv_done) struct strv options = { 0 };

	if (!spec->seccomp)
		strv_add(&options, "seccomp=unconfined");
	else if (spec->seccomp_filter)
		strv_add(&options, "seccomp=custom");
	if (spec->new_privileges)
		strv_add(&options, "no-new-privileges=false");
	for (size_t i = 0; i < spec->masked.n; i++)
		strv_addf(&options, "mask=%s", spec->masked.v[i]);
	for (size_t i = 0; i < spec->unmasked.n; i++)
		strv_addf(&options, "unmask=%s", spec->unmasked.v[i]);
	return strings(options.v, options.n);
}

static void set_masks(json_t *j, const struct container_spec *spec)
{
	CLEAN(strv_done) struct strv hidden = { 0 };
	CLEAN(strv_done) struct strv read_only = { 0 };

	mask_lists(spec, &hidden, &read_only);
	js_set_strv(j, "MaskedPaths", &hidden);
	js_set_strv(j, "ReadonlyPaths", &read_only);
}

/* podman's, as it spells them. */
static json_t *id_mappings_of(const struct container *c)
{
	const json_t *mapping = js_obj(c->config, "id_mapping");
	json_t *j = json_object();

	json_object_set(j, "UidMap", js_arr(mapping, "uids"));
	json_object_set(j, "GidMap", js_arr(mapping, "gids"));
	return j;
}

static json_t *host_config_of(const struct container *c, const struct container_spec *spec,
			      const char *mode)
{
	json_t *j = json_object();

	set_binds(j, spec);
	inspect_add_limits(j, c, spec);
	js_set_str_take(j, "NetworkMode", namespace_mode(&spec->ns[NS_NETWORK], mode));
	json_object_set_new(j, "PortBindings", inspect_port_map(js_arr(c->config, "ports"), true));
	json_object_set_new(j, "RestartPolicy",
			    json_pack("{sssi}", "Name", restart_policy_name(&spec->restart),
				      "MaximumRetryCount", spec->restart.max));
	js_set_bool(j, "AutoRemove", spec->auto_remove);
	json_object_set_new(j, "LogConfig", log_options_inspect(js_obj(c->config, "log")));
	json_object_set_new(j, "CapAdd", caps_of(spec->caps & ~caps_default()));
	json_object_set_new(j, "CapDrop", caps_of(caps_default() & ~spec->caps));
	js_set_bool(j, "Privileged", spec->privileged);
	js_set_bool(j, "ReadonlyRootfs", spec->read_only);
	json_object_set_new(j, "SecurityOpt", security_of(spec));
	set_masks(j, spec);
	js_set_bool(j, "Init", spec->init);
	js_set_int(j, "ShmSize", spec->shm_size);
	js_set_str_take(j, "UsernsMode",
			namespace_mode(&spec->ns[NS_USER],
				       js_obj(c->config, "id_mapping")  ? "private" :
				       js_bool(c->config, "single_id") ? "single" : ""));
	if (js_obj(c->config, "id_mapping"))
		json_object_set_new(j, "IDMappings", id_mappings_of(c));
	js_set_str_take(j, "PidMode", namespace_mode(&spec->ns[NS_PID], "private"));
	js_set_str_take(j, "IpcMode", namespace_mode(&spec->ns[NS_IPC], "shareable"));
	js_set_str_take(j, "UTSMode", namespace_mode(&spec->ns[NS_UTS], "private"));
	js_set_str_take(j, "CgroupnsMode", namespace_mode(&spec->ns[NS_CGROUP], "private"));
	return j;
}

static json_t *labels_of(const struct container *c)
{
	CLEAN(clean_json) json_t *methods = container_row_methods(c);

	return json_incref(json_object_get(methods, "Label"));
}

static json_t *annotations_of(const struct container *c)
{
	CLEAN(strv_done) struct strv said = { 0 };

	js_strv(c->config, "annotations", &said);
	return js_map(&said);
}

/* podman's: the command line that made it. */
static json_t *create_command_of(const struct container *c)
{
	CLEAN(strv_done) struct strv words = { 0 };

	js_strv(c->config, "create_command", &words);
	return strings(words.v, words.n);
}

static char *signal_name(int number)
{
	const char *name = sigabbrev_np(number);

	return name ? xasprintf("SIG%s", name) : xasprintf("%d", number);
}

static json_t *config_of(const struct container *c, const struct container_spec *spec)
{
	size_t n = spec->n_entrypoint <= spec->args.n ? spec->n_entrypoint : 0;
	json_t *j = json_object();

	js_set_str(j, "Hostname", spec->hostname);
	js_set_str(j, "Domainname", spec->domainname ?: "");
	js_set_str(j, "User", spec->user ?: "");
	json_object_set_new(j, "ExposedPorts", inspect_exposed_ports(js_arr(c->config, "ports")));
	js_set_bool(j, "Tty", spec->tty);
	js_set_bool(j, "OpenStdin", spec->open_stdin);
	js_set_strv(j, "Env", &spec->env);
	json_object_set_new(j, "Cmd", strings(spec->args.v + n, spec->args.n - n));
	js_set_str(j, "Image", c->image);
	js_set_str(j, "WorkingDir", spec->cwd ?: "");
	json_object_set_new(j, "Entrypoint", strings(spec->args.v, n));
	json_object_set_new(j, "Labels", labels_of(c));
	json_object_set_new(j, "Annotations", annotations_of(c));
	json_object_set_new(j, "CreateCommand", create_command_of(c));
	js_set_str_take(j, "StopSignal", signal_name(spec->stop_signal));
	js_set_int(j, "StopTimeout", spec->stop_timeout);
	js_set_int(j, "Timeout", spec->run_timeout);
	js_set_str_take(j, "Umask", xasprintf("%04o", (unsigned int)spec->limits.umask));
	if (spec->health.test.n)
		json_object_set_new(j, "Healthcheck", inspect_health_check(&spec->health));
	return j;
}

static void set_paths(json_t *j, const struct tiffin *t, const char *id)
{
	static const char *const files[][2] = { { "ResolvConfPath", "resolv.conf" },
						{ "HostnamePath", "hostname" },
						{ "HostsPath", "hosts" } };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		js_set_str_take(j, files[i][0],
				xasprintf("%s/containers/%s/%s", t->store.root, id, files[i][1]));
}

static void set_origin(json_t *j, const struct tiffin *t, const struct container *c)
{
	CLEAN(strv_done) struct strv layers = { 0 };
	struct store store = t->store;
	const struct rootfs_driver *made_with = &rootfs_overlay;
	json_t *driver;

	js_strv(c->config, "layers", &layers);
	driver_of(c->config, &made_with, NULL);
	/* The layers as they were unpacked for the IDs that it was created with. */
	store.single_id = js_bool(c->config, "single_id");
	driver = inspect_graph_driver(&store, made_with, &layers, c->id);
	js_set_str_take(j, "Image",
			*c->image_id ? xasprintf("sha256:%s", c->image_id) : xstrdup(""));
	js_set_str(j, "Rootfs", js_str(c->config, "rootfs") ?: "");
	js_set_str(j, "ImageName", c->image);
	js_set_str(j, "Driver", js_str(driver, "Name"));
	json_object_set_new(j, "GraphDriver", driver);
}

json_t *inspect_container(const struct tiffin *t, const struct container *c)
{
	CLEAN(container_spec_done) struct container_spec spec = { 0 };
	const json_t *recorded = js_obj(c->config, "spec");
	const char *mode = network_option_name(recorded);
	json_t *j = json_object();

	/* A record that is broken has what can be read of it. */
	container_spec_from_json(recorded, &spec, NULL);
	js_set_str(j, "Id", c->id);
	js_set_str_take(j, "Created", rfc3339_nano(c->created));
	js_set_str(j, "Path", spec.args.n ? spec.args.v[0] : "");
	json_object_set_new(j, "Args",
			    strings(spec.args.v + !!spec.args.n, spec.args.n - !!spec.args.n));
	json_object_set_new(j, "State", state_of(c));
	set_origin(j, t, c);
	set_paths(j, t, c->id);
	js_set_str(j, "PidFile", js_str(js_obj(c->config, "service"), "pidfile") ?: "");
	js_set_str(j, "ConmonPidFile",
		   js_str(js_obj(c->config, "service"), "conmon_pidfile") ?: "");
	js_set_str_take(j, "LogPath",
			log_options_path(js_obj(c->config, "log"), t->store.root, c->id));
	js_set_str(j, "Name", c->name);
	js_set_int(j, "RestartCount", c->state.restarts);
	js_set_str(j, "Platform", "linux");
	/* There are no such labels, or pods: docker and podman say so by "". */
	js_set_str(j, "MountLabel", "");
	js_set_str(j, "ProcessLabel", "");
	js_set_str(j, "AppArmorProfile", "");
	js_set_str(j, "Pod", "");
	js_set_bool(j, "IsInfra", false);
	json_object_set_new(j, "BoundingCaps", caps_of(spec.caps));
	json_object_set_new(j, "Mounts", mounts_of(t, &spec));
	json_object_set_new(j, "HostConfig", host_config_of(c, &spec, mode));
	json_object_set_new(j, "Config", config_of(c, &spec));
	json_object_set_new(j, "NetworkSettings", inspect_network(c, &spec, mode));
	return j;
}
