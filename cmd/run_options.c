#include "cmd/run_options.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/not_yet.h"

#define OPTION(member) FIELD(run_options, member)

const struct opt run_opts[] = {
	{ 'i', "interactive", NULL, "keep standard input open", set_flag, OPTION(interactive) },
	{ 't', "tty", NULL, "with a terminal", set_flag, OPTION(tty) },
	{ 'd', "detach", NULL, "in the background; prints the ID", set_flag, OPTION(detach) },
	{ 0, "rm", NULL, "delete the container on exit", set_flag, OPTION(remove) },
	{ 0, "name", "NAME", "name it", set_string, OPTION(name) },
	{ 0, "replace", NULL, "remove the container that has the name first", set_flag,
	  OPTION(replace) },
	{ .more = env_opts, .field = OPTION(env) },
	{ .more = volume_opts, .field = OPTION(volumes) },
	{ 'w', "workdir", "DIR", "the working directory", set_string, OPTION(workdir) },
	{ 'u', "user", "USER[:GROUP]", "names or numbers", set_string, OPTION(user) },
	{ .more = user_opts, .field = OPTION(user_more) },
	{ 0, "entrypoint", "PROGRAM", "instead of the image's", set_string, OPTION(entrypoint) },
	{ 'h', "hostname", "NAME", "the container's host name", set_string, OPTION(hostname) },
	{ 0, "network", "MODE", "fast[:OPTION=VALUE,…] (the default), slirp[:OPTION=VALUE,…], "
	  "pasta[:OPTION,…], none, host, container:NAME", set_string, OPTION(network) },
	{ 0, "net", "MODE", NULL, set_string, OPTION(network) },
	{ 0, "rootfs", NULL, "the operand is no image but a directory; DIR:O: which is not written to",
	  set_flag, OPTION(rootfs) },
	{ .more = init_opts, .field = FIELD(run_options, init) },
	{ .more = namespace_opts, .field = FIELD(run_options, ns) },
	{ .more = etc_opts, .field = FIELD(run_options, etc) },
	{ .more = log_opts, .field = FIELD(run_options, log) },
	{ .more = attach_stream_opts, .field = FIELD(run_options, attach) },
	{ .more = service_opts, .field = FIELD(run_options, service) },
	{ 'p', "publish", "[[ADDR:]PORT:]PORT", "a port of this machine's leads to one of its own "
	  "(repeatable)", set_list, OPTION(publish) },
	{ 'P', "publish-all", NULL, "all exposed ports lead there, from free ones", set_flag,
	  OPTION(publish_all) },
	{ 0, "expose", "PORT", "a port that -P is to publish as well (repeatable)", set_list,
	  OPTION(expose) },
	{ 0, "read-only", NULL, "the root file system can't be written to", set_flag,
	  OPTION(read_only) },
	{ 0, "read-only-tmpfs", NULL, "then /run, /tmp and /var/tmp can, as a tmpfs each (true)",
	  set_flag, OPTION(read_only_tmpfs) },
	{ 0, "tz", "ZONE", "the time zone, as in /usr/share/zoneinfo; local: this machine's",
	  set_string, OPTION(timezone) },
	{ 'l', "label", "KEY=VALUE", "note it in the container's record (repeatable)", set_list,
	  OPTION(labels) },
	{ 0, "label-file", "FILE", "labels, one a line (repeatable)", set_list, OPTION(label_files) },
	{ 0, "annotation", "KEY=VALUE", "note it there as well; it changes nothing (repeatable)",
	  set_list, OPTION(annotations) },
	{ .more = limit_opts, .field = OPTION(limits) },
	{ .more = device_opts, .field = OPTION(devices) },
	{ .more = security_opts, .field = OPTION(security) },
	{ 0, "shm-size", "SIZE", "of /dev/shm (64m)", set_size, OPTION(shm_size) },
	{ 0, "stop-signal", "SIGNAL", "what 'stop' sends first", set_string, OPTION(stop_signal) },
	{ 0, "stop-timeout", "SECONDS", "how long 'stop' waits (10)", set_seconds,
	  OPTION(stop_timeout) },
	{ .more = life_opts, .field = FIELD(run_options, life) },
	{ 0, "cidfile", "FILE", "write the ID there", set_string, OPTION(cidfile) },
	{ 0, "pull", "POLICY", "always, missing (the default), never, newer", set_string, OPTION(pull) },
	{ 'q', "quiet", NULL, "of pulling, print nothing", set_flag, OPTION(quiet) },
	{ .more = platform_opts, .field = OPTION(platform) },
	{ 0, "authfile", "FILE", "for pulling, look for credentials there, and nowhere else", set_string,
	  OPTION(authfile) },
	{ 0, "tls-verify", "BOOL", "false: plain HTTP and any certificate will do", set_string,
	  OPTION(tls_verify) },
	{ .more = not_yet_opts },
	{ 0 },
};

void run_options_init(void *options)
{
	*(struct run_options *)options = (struct run_options){
		.stop_timeout = 10,
		.shm_size = 64 << 20,
		.read_only_tmpfs = true,
		.env.http_proxy = true,
		.user_more.passwd = true,
	};
	life_options_init(&((struct run_options *)options)->life);
}

void run_options_done(void *options)
{
	struct run_options *o = options;
	char *const strings[] = { o->name,	  o->workdir,  o->user,	   o->entrypoint,
				  o->hostname,	  o->network,  o->pull,
				  o->cidfile,	  o->authfile, o->tls_verify, o->stop_signal,
				  o->timezone };
	struct strv *const lists[] = { &o->label_files, &o->annotations,
				       &o->labels, &o->publish, &o->expose };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
	platform_options_done(&o->platform);
	volume_options_done(&o->volumes);
	env_options_done(&o->env);
	user_options_done(&o->user_more);
	limit_options_done(&o->limits);
	device_options_done(&o->devices);
	security_options_done(&o->security);
	etc_options_done(&o->etc);
	log_options_done(&o->log);
	namespace_options_done(&o->ns);
	life_options_done(&o->life);
	attach_options_done(&o->attach);
	service_options_done(&o->service);
	init_options_done(&o->init);
}
