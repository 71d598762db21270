#include "runtime/spec.h"

#include "base/cleanup.h"
#include "base/json.h"

static const char *const network_names[] = {
	[NETWORK_PRIVATE] = "slirp",
	[NETWORK_NONE] = "none",
	[NETWORK_HOST] = "host",
	[NETWORK_JOINED] = "container",
	[NETWORK_PASTA] = "pasta",
};

void container_spec_done(struct container_spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		mount_spec_done(&spec->mounts[i]);
	free(spec->mounts);
	health_check_done(&spec->health);
	strv_done(&spec->args);
	strv_done(&spec->env);
	free(spec->cwd);
	free(spec->user);
	strv_done(&spec->groups);
	strv_done(&spec->network_options);
	strv_done(&spec->sysctls);
	strv_done(&spec->masked);
	strv_done(&spec->unmasked);
	free(spec->seccomp_filter);
	free(spec->passwd_entry);
	free(spec->group_entry);
	free(spec->hostname);
	free(spec->domainname);
	ns_specs_done(spec->ns);
	free(spec->etc_dir);
	*spec = (struct container_spec){ 0 };
}

bool container_spec_is_filtered(const struct container_spec *spec)
{
	return spec->seccomp && !spec->seccomp_filter;
}

void container_spec_add_mount(struct container_spec *spec, struct mount_spec mount)
{
	spec->mounts = xrealloc(spec->mounts, (spec->n_mounts + 1) * sizeof(*spec->mounts));
	spec->mounts[spec->n_mounts++] = mount;
}

json_t *container_spec_to_json(const struct container_spec *spec)
{
	json_t *j = json_object(), *mounts = json_array();

	js_set_strv(j, "args", &spec->args);
	js_set_int(j, "n_entrypoint", (int64_t)spec->n_entrypoint);
	js_set_strv(j, "env", &spec->env);
	js_set_str(j, "cwd", spec->cwd);
	js_set_str(j, "user", spec->user);
	js_set_strv(j, "groups", &spec->groups);
	js_set_bool(j, "keep_groups", spec->keep_groups);
	js_set_bool(j, "no_passwd", spec->no_passwd);
	js_set_str(j, "passwd_entry", spec->passwd_entry);
	js_set_str(j, "group_entry", spec->group_entry);
	json_object_set_new(j, "limits", limits_to_json(&spec->limits));
	js_set_strv(j, "sysctls", &spec->sysctls);
	js_set_bool(j, "no_hosts", spec->no_hosts);
	js_set_str(j, "hostname", spec->hostname);
	js_set_str(j, "domainname", spec->domainname);
	js_set_bool(j, "init", spec->init);
	js_set_bool(j, "tty", spec->tty);
	js_set_bool(j, "open_stdin", spec->open_stdin);
	js_set_bool(j, "read_only", spec->read_only);
	js_set_bool(j, "auto_remove", spec->auto_remove);
	js_set_bool(j, "seccomp", spec->seccomp);
	js_set_str(j, "seccomp_filter", spec->seccomp_filter);
	js_set_bool(j, "privileged", spec->privileged);
	js_set_bool(j, "new_privileges", spec->new_privileges);
	js_set_strv(j, "masked", &spec->masked);
	js_set_strv(j, "unmasked", &spec->unmasked);
	js_set_int(j, "caps", (int64_t)spec->caps);
	js_set_int(j, "shm_size", spec->shm_size);
	js_set_int(j, "stop_signal", spec->stop_signal);
	js_set_int(j, "stop_timeout", spec->stop_timeout);
	js_set_int(j, "run_timeout", spec->run_timeout);
	js_set_str(j, "restart", restart_policy_name(&spec->restart));
	js_set_int(j, "restart_max", spec->restart.max);
	if (spec->health.test.n)
		json_object_set_new(j, "health", health_check_to_json(&spec->health));
	js_set_str(j, "network", network_names[spec->network]);
	js_set_strv(j, "network_options", &spec->network_options);
	js_set_bool(j, "network_fast", spec->network_fast);
	json_object_set_new(j, "namespaces", ns_specs_to_json(spec->ns));
	for (size_t i = 0; i < spec->n_mounts; i++)
		json_array_append_new(mounts, mount_spec_to_json(&spec->mounts[i]));
	json_object_set_new(j, "mounts", mounts);
	return j;
}

static int network_from_name(const char *name, enum network_mode *ret, struct err *err)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(network_names); i++) {
		if (streq(name, network_names[i])) {
			*ret = (enum network_mode)i;
			return 0;
		}
	}
	return err_set(err, ERR_CORRUPT, "the record names no network mode");
}

int container_spec_from_json(const json_t *j, struct container_spec *ret, struct err *err)
{
	CLEAN(container_spec_done) struct container_spec spec = {
		.n_entrypoint = (size_t)js_int(j, "n_entrypoint"),
		.cwd = xstrdup(js_str(j, "cwd")),
		.user = xstrdup(js_str(j, "user")),
		.keep_groups = js_bool(j, "keep_groups"),
		.no_passwd = js_bool(j, "no_passwd"),
		.passwd_entry = xstrdup(js_str(j, "passwd_entry")),
		.group_entry = xstrdup(js_str(j, "group_entry")),
		.no_hosts = js_bool(j, "no_hosts"),
		.hostname = xstrdup(js_str(j, "hostname") ?: ""),
		.domainname = xstrdup(js_str(j, "domainname")),
		.init = js_bool(j, "init"),
		.tty = js_bool(j, "tty"),
		.open_stdin = js_bool(j, "open_stdin"),
		.read_only = js_bool(j, "read_only"),
		.auto_remove = js_bool(j, "auto_remove"),
		.seccomp = js_bool(j, "seccomp"),
		.seccomp_filter = xstrdup(js_str(j, "seccomp_filter")),
		.privileged = js_bool(j, "privileged"),
		.new_privileges = js_bool(j, "new_privileges"),
		.caps = (uint64_t)js_int(j, "caps"),
		.shm_size = js_int(j, "shm_size"),
		.stop_signal = (int)js_int(j, "stop_signal"),
		.stop_timeout = (int)js_int(j, "stop_timeout"),
		.run_timeout = (int)js_int(j, "run_timeout"),
	};
	json_t *item;
	size_t i;

	js_strv(j, "args", &spec.args);
	js_strv(j, "env", &spec.env);
	js_strv(j, "groups", &spec.groups);
	js_strv(j, "network_options", &spec.network_options);
	js_strv(j, "masked", &spec.masked);
	js_strv(j, "unmasked", &spec.unmasked);
	js_strv(j, "sysctls", &spec.sysctls);
	limits_from_json(js_obj(j, "limits"), &spec.limits);
	if (!spec.args.n)
		return err_set(err, ERR_CORRUPT, "the record has no command");
	spec.network_fast = js_bool(j, "network_fast");
	if (network_from_name(js_str(j, "network"), &spec.network, err) < 0 ||
	    ns_specs_from_json(js_obj(j, "namespaces"), spec.ns, err) < 0 ||
	    restart_policy_parse(js_str(j, "restart") ?: "no", &spec.restart, err) < 0)
		return -1;
	if (spec.network == NETWORK_HOST)
		spec.ns[NS_NETWORK].mode = NS_HOST;
	spec.restart.max = (int)js_int(j, "restart_max");
	if (js_obj(j, "health"))
		health_check_from_json(js_obj(j, "health"), &spec.health);
	json_array_foreach(js_arr(j, "mounts"), i, item) {
		struct mount_spec m = { 0 };

		if (mount_spec_from_json(item, &m, err) < 0)
			return -1;
		container_spec_add_mount(&spec, m);
	}
	*ret = spec;
	spec = (struct container_spec){ 0 };
	return 0;
}
