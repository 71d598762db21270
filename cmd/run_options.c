#include "cmd/run_options.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/env_option.h"
#include "cmd/life.h"
#include "cmd/volume_option.h"
#include "runtime/caps.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define OPTION(member) FIELD(run_options, member)

const struct opt run_opts[] = {
	{ 'i', "interactive", NULL, "keep standard input open", set_flag, OPTION(interactive) },
	{ 't', "tty", NULL, "with a terminal", set_flag, OPTION(tty) },
	{ 'd', "detach", NULL, "in the background; prints the ID", set_flag, OPTION(detach) },
	{ 0, "rm", NULL, "delete the container on exit", set_flag, OPTION(remove) },
	{ 0, "name", "NAME", "name it", set_string, OPTION(name) },
	{ 0, "replace", NULL, "remove the container that has the name first", set_flag,
	  OPTION(replace) },
	{ 'e', "env", "KEY=VALUE", "set a variable; KEY alone: as it is here (repeatable)", set_list,
	  OPTION(env) },
	{ 0, "env-file", "FILE", "variables, one a line (repeatable)", set_list, OPTION(env_files) },
	{ 'v', "volume", "SRC:DST[:OPTS]", "bind a directory or file of the host (repeatable)",
	  set_list, OPTION(volumes) },
	{ 0, "tmpfs", "DST[:OPTS]", "mount a tmpfs (repeatable)", set_list, OPTION(tmpfs) },
	{ 'w', "workdir", "DIR", "the working directory", set_string, OPTION(workdir) },
	{ 'u', "user", "USER[:GROUP]", "names or numbers", set_string, OPTION(user) },
	{ 0, "entrypoint", "PROGRAM", "instead of the image's", set_string, OPTION(entrypoint) },
	{ 'h', "hostname", "NAME", "the container's host name", set_string, OPTION(hostname) },
	{ 0, "network", "MODE", "slirp (the default), none, host", set_string, OPTION(network) },
	{ 0, "net", "MODE", NULL, set_string, OPTION(network) },
	{ 0, "add-host", "NAME:ADDRESS", "a line in /etc/hosts; host-gateway: this machine's address "
	  "(repeatable)", set_list, OPTION(etc.hosts) },
	{ 0, "dns", "ADDRESS", "a name server, instead of this machine's (repeatable)", set_list,
	  OPTION(etc.servers) },
	{ 0, "dns-search", "DOMAIN", "for names without a dot; '.': none (repeatable)", set_list,
	  OPTION(etc.search) },
	{ 0, "dns-option", "OPTION", "of resolv.conf(5) (repeatable)", set_list, OPTION(etc.options) },
	{ 0, "dns-opt", "OPTION", NULL, set_list, OPTION(etc.options) },
	{ 'p', "publish", "[[ADDR:]PORT:]PORT", "a port of this machine's leads to one of its own "
	  "(repeatable)", set_list, OPTION(publish) },
	{ 'P', "publish-all", NULL, "all exposed ports lead there, from free ones", set_flag,
	  OPTION(publish_all) },
	{ 0, "expose", "PORT", "a port that -P is to publish as well (repeatable)", set_list,
	  OPTION(expose) },
	{ 0, "read-only", NULL, "the root file system can't be written to", set_flag,
	  OPTION(read_only) },
	{ 'l', "label", "KEY=VALUE", "note it in the container's record (repeatable)", set_list,
	  OPTION(labels) },
	{ 0, "cap-add", "CAPABILITY", "add one, or ALL (repeatable)", set_list, OPTION(cap_add) },
	{ 0, "cap-drop", "CAPABILITY", "drop one, or ALL (repeatable)", set_list, OPTION(cap_drop) },
	{ 0, "security-opt", "seccomp=unconfined", "no system call filter", set_list,
	  OPTION(security) },
	{ 0, "shm-size", "SIZE", "of /dev/shm (64m)", set_size, OPTION(shm_size) },
	{ 0, "stop-signal", "SIGNAL", "what 'stop' sends first", set_string, OPTION(stop_signal) },
	{ 0, "stop-timeout", "SECONDS", "how long 'stop' waits (10)", set_seconds,
	  OPTION(stop_timeout) },
	{ 0, "cidfile", "FILE", "write the ID there", set_string, OPTION(cidfile) },
	{ 0, "userns", "single", "one ID, as where there are no subordinate ones", set_string,
	  OPTION(userns) },
	{ 0, "pull", "POLICY", "always, missing (the default), never", set_string, OPTION(pull) },
	{ 0, "platform", "OS/ARCH", "of a manifest list, this one", set_string, OPTION(platform) },
	{ 0, "tls-verify", "BOOL", "false: plain HTTP and any certificate will do", set_string,
	  OPTION(tls_verify) },
	{ 0 },
};

void run_options_init(void *options)
{
	*(struct run_options *)options = (struct run_options){ .stop_timeout = 10, .shm_size = 64 << 20 };
}

void run_options_done(void *options)
{
	struct run_options *o = options;
	char *const strings[] = { o->name,	  o->workdir,  o->user,	   o->entrypoint,
				  o->hostname,	  o->network,  o->userns,  o->pull,
				  o->cidfile,	  o->platform, o->tls_verify, o->stop_signal };
	struct strv *const lists[] = { &o->env,	   &o->env_files, &o->volumes,	&o->tmpfs,
				       &o->labels, &o->cap_add,	  &o->cap_drop, &o->security,
				       &o->publish, &o->expose };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
	etc_options_done(&o->etc);
}

static int build_env(const struct run_options *o, const struct image_config *image,
		     struct container_spec *spec, struct err *err)
{
	strv_addf(&spec->env, "PATH=%s", PATH_DEFAULT);
	strv_addf(&spec->env, "HOSTNAME=%s", spec->hostname);
	if (o->tty)
		strv_add(&spec->env, "TERM=xterm");
	for (size_t i = 0; i < image->env.n; i++)
		strv_set_env(&spec->env, image->env.v[i]);
	for (size_t i = 0; i < o->env_files.n; i++)
		if (env_option_add_file(&spec->env, o->env_files.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < o->env.n; i++)
		env_option_add(&spec->env, o->env.v[i]);
	return 0;
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

static int build_caps(const struct run_options *o, uint64_t *ret, struct err *err)
{
	uint64_t caps = caps_default(), drop = 0, one;

	for (size_t i = 0; i < o->cap_drop.n; i++) {
		if (caps_parse(o->cap_drop.v[i], &one, err) < 0)
			return -1;
		drop |= one;
	}
	caps &= ~drop;
	/* "--cap-drop ALL --cap-add X" is X: what is added by name stays. */
	for (size_t i = 0; i < o->cap_add.n; i++) {
		if (caps_parse(o->cap_add.v[i], &one, err) < 0)
			return -1;
		caps |= one & (one - 1) ? one & ~drop : one;
	}
	*ret = caps;
	return 0;
}

static int parse_network(const char *text, enum network_mode *ret, struct err *err)
{
	if (!text || streq(text, "slirp") || streq(text, "private") || streq(text, "slirp4netns"))
		*ret = NETWORK_PRIVATE;
	else if (streq(text, "none"))
		*ret = NETWORK_NONE;
	else if (streq(text, "host"))
		*ret = NETWORK_HOST;
	else
		return err_set(err, ERR_UNSUPPORTED,
			       "--network %s: this version knows slirp, none and host", text);
	return 0;
}

static int build_security(const struct run_options *o, struct container_spec *spec,
			  struct err *err)
{
	spec->seccomp = true;
	for (size_t i = 0; i < o->security.n; i++) {
		const char *text = o->security.v[i];

		if (streq(text, "seccomp=unconfined"))
			spec->seccomp = false;
		else if (!streq(text, "no-new-privileges") && !streq(text, "no-new-privileges=true"))
			return err_set(err, ERR_UNSUPPORTED,
				       "--security-opt %s: this version knows seccomp=unconfined, and "
				       "always sets no-new-privileges",
				       text);
	}
	return build_caps(o, &spec->caps, err);
}

static char *host_name(const struct run_options *o, enum network_mode network,
		       const char *container_id)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (o->hostname)
		return xstrdup(o->hostname);
	if (network == NETWORK_HOST && gethostname(name, sizeof(name)) == 0)
		return xstrdup(name);
	return xstrndup(container_id, 12);
}

/* It is written to /etc/hosts: no blanks, no newlines. */
static bool is_host_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= HOST_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == n;
}

static int build_mounts(const struct run_options *o, struct container_spec *spec, struct err *err)
{
	for (size_t i = 0; i < o->volumes.n; i++)
		if (volume_option_add(o->volumes.v[i], spec, err) < 0)
			return -1;
	for (size_t i = 0; i < o->tmpfs.n; i++)
		if (tmpfs_option_add(o->tmpfs.v[i], spec, err) < 0)
			return -1;
	return volume_options_sort(spec, err);
}

int run_spec(const struct run_options *o, const struct image_config *image,
	     const struct strv *command, const char *container_id, struct container_spec *ret,
	     struct err *err)
{
	CLEAN(container_spec_done) struct container_spec spec = {
		.tty = o->tty,
		.open_stdin = o->interactive,
		.read_only = o->read_only,
		.auto_remove = o->remove,
		.shm_size = o->shm_size,
		.stop_timeout = o->stop_timeout,
	};
	const char *stop_signal = o->stop_signal ? o->stop_signal : image->stop_signal;

	if (parse_network(o->network, &spec.network, err) < 0 ||
	    parse_signal(stop_signal ? stop_signal : "TERM", &spec.stop_signal, err) < 0)
		return -1;
	spec.hostname = host_name(o, spec.network, container_id);
	if (!is_host_name(spec.hostname))
		return err_set(err, ERR_USAGE, "'%s' is not a host name: 1 to %d letters, digits, '-', '.'",
			       spec.hostname, HOST_NAME_MAX);
	spec.user = xstrdup(o->user ? o->user : image->user);
	spec.cwd = xstrdup(o->workdir ? o->workdir : image->workdir);
	if (build_args(o, image, command, &spec, err) < 0 || build_env(o, image, &spec, err) < 0 ||
	    build_security(o, &spec, err) < 0 || build_mounts(o, &spec, err) < 0)
		return -1;
	*ret = spec;
	spec = (struct container_spec){ 0 };
	return 0;
}
