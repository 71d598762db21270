#include "cmd/init_options.h"

#include <stdlib.h>

#include "base/cleanup.h"

const struct opt init_opts[] = {
	{ 0, "init", NULL,
	  "a first process that reaps, forwards signals, and ends with the command",
	  set_flag, FIELD(init_options, init) },
	{ 0, "init-path", "FILE", NULL, set_string, FIELD(init_options, path) },
	{ 0, "systemd", "MODE", NULL, set_string, FIELD(init_options, systemd) },
	{ 0 },
};

void init_options_done(struct init_options *o)
{
	free(o->path);
	free(o->systemd);
	*o = (struct init_options){ 0 };
}

int init_options_apply(const struct init_options *o, struct container_spec *spec, struct err *err)
{
	if (o->path)
		return err_set(err, ERR_UNSUPPORTED,
			       "--init-path %s: tiffin's own init is the only one", o->path);
	if (o->systemd && !streq(o->systemd, "false"))
		return err_set(err, ERR_UNSUPPORTED,
			       "--systemd %s: systemd as a container's command is not supported: "
			       "only 'false' is", o->systemd);
	if (o->init && spec->ns[NS_PID].mode != NS_OWN)
		return err_set(err, ERR_USAGE,
			       "cannot add init binary as PID 1 (PID namespace isn't "
			       "private)");
	spec->init = o->init;
	return 0;
}
