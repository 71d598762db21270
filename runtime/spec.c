#include "runtime/spec.h"

#include "base/json.h"

static const char *const network_names[] = {
	[NETWORK_PRIVATE] = "slirp",
	[NETWORK_NONE] = "none",
	[NETWORK_HOST] = "host",
};

void container_spec_done(struct container_spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		free(spec->mounts[i].source);
		free(spec->mounts[i].target);
	}
	free(spec->mounts);
	strv_done(&spec->args);
	strv_done(&spec->env);
	free(spec->cwd);
	free(spec->user);
	free(spec->hostname);
	free(spec->etc_dir);
	*spec = (struct container_spec){ 0 };
}

void container_spec_add_mount(struct container_spec *spec, struct mount_spec mount)
{
	spec->mounts = xrealloc(spec->mounts, (spec->n_mounts + 1) * sizeof(*spec->mounts));
	spec->mounts[spec->n_mounts++] = mount;
}

static json_t *mount_to_json(const struct mount_spec *m)
{
	json_t *j = json_object();

	js_set_str(j, "kind", m->kind == MOUNT_BIND ? "bind" : "tmpfs");
	js_set_str(j, "source", m->source);
	js_set_str(j, "target", m->target);
	js_set_bool(j, "read_only", m->read_only);
	js_set_bool(j, "no_exec", m->no_exec);
	js_set_bool(j, "no_suid", m->no_suid);
	js_set_bool(j, "no_dev", m->no_dev);
	return j;
}

json_t *container_spec_to_json(const struct container_spec *spec)
{
	json_t *j = json_object(), *mounts = json_array();

	js_set_strv(j, "args", &spec->args);
	js_set_strv(j, "env", &spec->env);
	js_set_str(j, "cwd", spec->cwd);
	js_set_str(j, "user", spec->user);
	js_set_str(j, "hostname", spec->hostname);
	js_set_bool(j, "tty", spec->tty);
	js_set_bool(j, "open_stdin", spec->open_stdin);
	js_set_bool(j, "read_only", spec->read_only);
	js_set_bool(j, "auto_remove", spec->auto_remove);
	js_set_bool(j, "seccomp", spec->seccomp);
	js_set_int(j, "caps", (int64_t)spec->caps);
	js_set_int(j, "shm_size", spec->shm_size);
	js_set_int(j, "stop_signal", spec->stop_signal);
	js_set_int(j, "stop_timeout", spec->stop_timeout);
	js_set_str(j, "network", network_names[spec->network]);
	for (size_t i = 0; i < spec->n_mounts; i++)
		json_array_append_new(mounts, mount_to_json(&spec->mounts[i]));
	json_object_set_new(j, "mounts", mounts);
	return j;
}
