#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/life.h"
#include "cmd/run_options.h"
#include "cmd/volume_option.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int build_env(const struct run_options *o, const struct image_config *image,
		     struct container_spec *spec, struct err *err)
{
	CLEAN(strv_done) struct strv base = { 0 };

	strv_addf(&base, "PATH=%s", PATH_DEFAULT);
	strv_addf(&base, "HOSTNAME=%s", spec->hostname);
	if (o->tty)
		strv_add(&base, "TERM=xterm");
	return env_options_apply(&o->env, &base, &image->env, &spec->env, err);
}

static void append(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		strv_add(to, from->v[i]);
}

/* A program, or (podman's) a JSON array of it and its first arguments. */
static void add_entrypoint(const char *text, struct strv *args)
{
	CLEAN(clean_free) char *wrapped = xasprintf("{\"entrypoint\":%s}", text);
	CLEAN(clean_json) json_t *j = NULL;

	if (*text == '[' && js_parse(wrapped, strlen(wrapped), &j, NULL) == 0)
		js_strv(j, "entrypoint", args);
	else
		strv_add(args, text);
}

/* What is executed: the entrypoint, then the command typed, else the image's. */
static int build_args(const struct run_options *o, const struct image_config *image,
		      const struct strv *command, struct container_spec *spec, struct err *err)
{
	if (o->entrypoint && *o->entrypoint)
		add_entrypoint(o->entrypoint, &spec->args);
	else if (!o->entrypoint)
		append(&spec->args, &image->entrypoint);
	spec->n_entrypoint = spec->args.n;
	/* The image's command is made for the image's entrypoint. */
	append(&spec->args, command->n || o->entrypoint ? command : &image->cmd);
	if (!spec->args.n || !*spec->args.v[0])
		return err_set(err, ERR_USAGE, "no command or entrypoint provided, and no CMD or "
					       "ENTRYPOINT from image");
	return 0;
}

static char *host_name(const struct run_options *o, const struct namespaces *ns,
		       const char *container_id)
{
	bool hosts = ns->network == NETWORK_HOST || ns->v[NS_UTS].mode == NS_HOST;
	char name[HOST_NAME_MAX + 1] = "";

	if (o->hostname)
		return xstrdup(o->hostname);
	if (ns->hostname)
		return xstrdup(ns->hostname);
	if (hosts && gethostname(name, sizeof(name)) == 0)
		return xstrdup(name);
	return xstrndup(container_id, 12);
}

/* It is written to /etc/hosts: no blanks, no newlines. */
static bool is_host_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= HOST_NAME_MAX &&
	       strspn(name,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == n;
}

static bool has_mount(const struct container_spec *spec, const char *target)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (streq(spec->mounts[i].target, target))
			return true;
	return false;
}

/* podman's set of what programs write to though the root is read-only. */
static void add_read_only_tmpfs(struct container_spec *spec)
{
	static const char *const places[][2] = {
		{ "/run", "mode=755" }, { "/tmp", "mode=1777" }, { "/var/tmp", "mode=1777" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!has_mount(spec, places[i][0]))
			container_spec_add_mount(spec, (struct mount_spec){
				.kind = MOUNT_TMPFS,
				.source = xstrdup(places[i][1]),
				.target = xstrdup(places[i][0]),
				.no_suid = true,
				.no_dev = true,
			});
}

/* --tz: the file of the host's that says so, at /etc/localtime. */
static int timezone_add(const char *zone, struct container_spec *spec, struct err *err)
{
	CLEAN(clean_free) char *path = NULL;
	char real[PATH_MAX];
	struct stat st;

	if (!zone)
		return 0;
	if (!*zone || *zone == '/' || strstr(zone, ".."))
		return err_set(err, ERR_USAGE, "--tz %s: not the name of a time zone", zone);
	path = streq(zone, "local") ? xstrdup("/etc/localtime") :
				      xasprintf("/usr/share/zoneinfo/%s", zone);
	if (!realpath(path, real) || stat(real, &st) < 0)
		return err_sys(err, "--tz %s: stat %s", zone, path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_USAGE, "--tz %s: not the name of a time zone", zone);
	container_spec_add_mount(spec, (struct mount_spec){
		.kind = MOUNT_BIND,
		.source = xstrdup(real),
		.target = xstrdup("/etc/localtime"),
		.read_only = true,
	});
	return 0;
}

static int build_mounts(const struct run_options *o, struct container_spec *spec, struct err *err)
{
	if (volume_options_apply(&o->volumes, spec, err) < 0 ||
	    device_options_apply(&o->devices, spec, err) < 0 ||
	    timezone_add(o->timezone, spec, err) < 0)
		return -1;
	if (o->read_only && o->read_only_tmpfs)
		add_read_only_tmpfs(spec);
	return volume_options_sort(spec, err);
}

int run_spec(const struct run_options *o, const struct image_config *image,
	     const struct strv *command, const char *container_id, struct namespaces *ns,
	     struct container_spec *ret, char **ret_profile, struct err *err)
{
	CLEAN(container_spec_done) struct container_spec spec = {
		.tty = o->tty,
		.open_stdin = o->interactive,
		.read_only = o->read_only,
		.auto_remove = o->remove,
		.shm_size = o->shm_size,
		.stop_timeout = o->stop_timeout,
	};
	CLEAN(clean_free) char *profile = NULL;
	const char *stop_signal = o->stop_signal ? o->stop_signal : image->stop_signal;

	if (parse_signal(stop_signal ? stop_signal : "TERM", &spec.stop_signal, err) < 0)
		return -1;
	spec.hostname = host_name(o, ns, container_id);
	spec.network = ns->network;
	spec.network_options = ns->network_options;
	ns->network_options = (struct strv){ 0 };
	spec.network_fast = ns->fast;
	memcpy(spec.ns, ns->v, sizeof(spec.ns));
	memset(ns->v, 0, sizeof(ns->v));
	spec.domainname = xstrdup(o->ns.domain);
	if (!is_host_name(spec.hostname))
		return err_set(err, ERR_USAGE,
			       "'%s' is not a host name: 1 to %d letters, digits, '-', '.'",
			       spec.hostname, HOST_NAME_MAX);
	if (spec.domainname && strlen(spec.domainname) > HOST_NAME_MAX)
		return err_set(err, ERR_USAGE,
			       "--domainname: more than %d characters", HOST_NAME_MAX);
	spec.user = xstrdup(o->user ? o->user : image->user);
	spec.no_hosts = o->etc.no_hosts;
	spec.cwd = xstrdup(o->workdir ? o->workdir : image->workdir);
	if (build_args(o, image, command, &spec, err) < 0 || build_env(o, image, &spec, err) < 0 ||
	    user_options_apply(&o->user_more, &spec, err) < 0 ||
	    limit_options_apply(&o->limits, &spec, err) < 0 ||
	    security_options_apply(&o->security, &spec, &profile, err) < 0 ||
	    build_mounts(o, &spec, err) < 0 ||
	    init_options_apply(&o->init, &spec, err) < 0 ||
	    life_options_apply(&o->life, &image->health, &spec, err) < 0)
		return -1;
	*ret = spec;
	*ret_profile = ptr_take(&profile);
	spec = (struct container_spec){ 0 };
	return 0;
}
